//! Path patterns of files, in both directions: `{mac}.cfg` recognises a request and names an output.

use offhook_core::Mac;

/// A path with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathPattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Mac { upper: bool, separator: Option<char> },
    Code { digits: usize },
    Named(&'static str),
}

/// Placeholders besides those of MAC and code.
const NAMED: [&str; 7] = ["model", "serial", "image", "version", "user", "asset", "phonebook"];

/// What placeholders stand for when a name is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathValues<'a> {
    pub mac: Option<Mac>,
    pub model: Option<&'a str>,
    pub code: Option<u64>,
    pub serial: Option<&'a str>,
    pub image: Option<&'a str>,
    pub asset: Option<&'a str>,
    pub phonebook: Option<&'a str>,
}

impl PathPattern {
    /// Says what is allowed when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.starts_with('/') || text.contains('\\') || text.split('/').any(|p| p.is_empty() || p == "." || p == "..")
        {
            return Err(format!("{text:?} is no file name: write it without leading slash, empty parts, `..` or backslash"));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (name, after) = after.split_once('}').ok_or_else(|| format!("{text:?}: a {{ is not closed"))?;
            parts.push(placeholder(name).ok_or_else(|| {
                format!(
                    "{{{name}}} is no placeholder: allowed are {{mac}} {{MAC}} (also {{mac-}} {{MAC_}} {{mac:}} …) {{code}} {{code:012}} {{{}}}",
                    NAMED.join("} {")
                )
            })?);
            rest = after;
        }
        if rest.contains('}') {
            return Err(format!("{text:?}: a }} stands alone"));
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// Regular expression for the path without its leading folders, with a named group for each placeholder.
    pub fn regex(&self) -> String {
        self.regex_among(&[])
    }

    /// The same where `{model}` can only be one of these, so that it is told from a name beside it; an empty list: any.
    pub fn regex_among(&self, models: &[&str]) -> String {
        let mut out = String::new();
        let mut seen: Vec<&str> = Vec::new();
        for part in &self.0 {
            let (name, expression) = match part {
                Part::Text(text) => {
                    out.push_str(&regex::escape(text));
                    continue;
                }
                Part::Mac { .. } => ("mac", "[0-9a-f]{2}(?:[:_-]?[0-9a-f]{2}){5}".to_owned()),
                Part::Code { digits: 0 } => ("code", r"[0-9]{1,15}".to_owned()),
                Part::Code { digits } => ("code", format!("[0-9]{{{digits}}}")),
                Part::Named("model") if !models.is_empty() => {
                    ("model", models.iter().map(|m| regex::escape(m)).collect::<Vec<_>>().join("|"))
                }
                Part::Named(name @ ("asset" | "phonebook")) => (*name, "[a-z0-9_-][a-z0-9._-]{0,63}?".to_owned()),
                Part::Named(name) => (*name, r"[^/]+?".to_owned()),
            };
            if seen.contains(&name) {
                out.push_str(&format!("(?:{expression})"));
            } else {
                seen.push(name);
                out.push_str(&format!("(?P<{name}>{expression})"));
            }
        }
        out
    }

    /// How much of it is spelled out: a measure of how sure a match is.
    pub fn literal_len(&self) -> usize {
        self.0.iter().map(|p| if let Part::Text(t) = p { t.len() } else { 0 }).sum()
    }

    /// Nothing but text.
    pub fn is_literal(&self) -> bool {
        self.0.iter().all(|p| matches!(p, Part::Text(_)))
    }

    /// Whether it has that placeholder.
    pub fn names(&self, placeholder: &str) -> bool {
        self.0.iter().any(|p| matches!(p, Part::Named(name) if *name == placeholder))
    }

    /// The name for these values; none when one is missing or would need a placeholder that only requests tell.
    pub fn make(&self, values: &PathValues<'_>) -> Option<String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Mac { upper, separator } => out.push_str(&spell(values.mac?, *separator, *upper)),
                Part::Code { digits } => out.push_str(&format!("{:0digits$}", values.code?)),
                Part::Named("model") => out.push_str(values.model?),
                Part::Named("serial") => out.push_str(values.serial?),
                Part::Named("image") => out.push_str(values.image?),
                Part::Named("asset") => out.push_str(values.asset?),
                Part::Named("phonebook") => out.push_str(values.phonebook?),
                Part::Named(_) => return None,
            }
        }
        Some(out)
    }
}

fn placeholder(name: &str) -> Option<Part> {
    let (upper, rest) = match name.strip_prefix("mac") {
        Some(rest) => (false, rest),
        None => (true, name.strip_prefix("MAC").unwrap_or("\0")),
    };
    match rest {
        "" => return Some(Part::Mac { upper, separator: None }),
        "-" | "_" | ":" | "." => return Some(Part::Mac { upper, separator: rest.chars().next() }),
        _ => {}
    }
    if name == "code" {
        return Some(Part::Code { digits: 0 });
    }
    if let Some(digits) = name.strip_prefix("code:0").and_then(|d| d.parse().ok()).filter(|d| (1..=15).contains(d)) {
        return Some(Part::Code { digits });
    }
    NAMED.iter().find(|n| **n == name).map(|n| Part::Named(n))
}

/// A MAC in any spelling.
pub(crate) fn spell(mac: Mac, separator: Option<char>, upper: bool) -> String {
    let mut out = String::with_capacity(17);
    for (i, byte) in mac.bytes().into_iter().enumerate() {
        if let Some(separator) = separator.filter(|_| i > 0) {
            out.push(separator);
        }
        for digit in [byte >> 4, byte & 15] {
            let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
            out.push(if upper { digit.to_ascii_uppercase() } else { digit });
        }
    }
    out
}

/// A request's path as it is compared: without leading slash, with `/` once between parts. None for what no file can be
/// named: control bytes, `..`, backslash, nothing, or more than 512 bytes.
pub(crate) fn normalise(path: &str) -> Option<String> {
    if path.len() > 512 || path.chars().any(|c| c.is_control() || c == '\\') {
        return None;
    }
    let mut out = String::with_capacity(path.len());
    for part in path.split('/').filter(|p| !p.is_empty() && *p != ".") {
        if part == ".." {
            return None;
        }
        if !out.is_empty() {
            out.push('/');
        }
        out.push_str(part);
    }
    if path.ends_with('/') && !out.is_empty() {
        out.push('/');
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, path: &str) -> Option<String> {
        let regex = regex::bytes::RegexBuilder::new(&format!("(?:^|/)(?:{})$", PathPattern::parse(pattern).unwrap().regex()))
            .unicode(false)
            .case_insensitive(true)
            .build()
            .unwrap();
        let captures = regex.captures(path.as_bytes())?;
        Some(captures.get(1).map(|m| String::from_utf8_lossy(m.as_bytes()).into_owned()).unwrap_or_default())
    }

    #[test]
    fn a_pattern_recognises_what_it_names() {
        assert_eq!(matches("{mac}.cfg", "a/b/0015655E167C.CFG").as_deref(), Some("0015655E167C"));
        assert_eq!(matches("{mac}.cfg", "00-15-65-5e-16-7c.cfg").as_deref(), Some("00-15-65-5e-16-7c"));
        assert_eq!(matches("{mac}.cfg", "x0015655e167c.cfg"), None);
        assert_eq!(matches("{mac}.cfg", "0015655e167ca.cfg"), None);
        assert_eq!(matches("y{code:012}.cfg", "y000000000066.cfg").as_deref(), Some("000000000066"));
        assert_eq!(matches("y{code:012}.cfg", "y00000000066.cfg"), None);
        assert_eq!(matches("lang/{model}.xml", "x/lang/T1.xml").as_deref(), Some("T1"));
        assert_eq!(matches("lang/{model}.xml", "T1.xml"), None);
        assert_eq!(matches("a+b.cfg", "aab.cfg"), None);
    }

    #[test]
    fn names_are_made() {
        let mac = Mac::parse("02:00:5e:aa:bb:0c");
        let values = PathValues { mac, model: Some("T1"), code: Some(66), serial: None, image: Some("P0"), ..PathValues::default() };
        let make = |p: &str| PathPattern::parse(p).unwrap().make(&values);
        assert_eq!(make("{mac}.cfg").as_deref(), Some("02005eaabb0c.cfg"));
        assert_eq!(make("SIP{MAC}.cnf").as_deref(), Some("SIP02005EAABB0C.cnf"));
        assert_eq!(make("h-{mac-}.xml").as_deref(), Some("h-02-00-5e-aa-bb-0c.xml"));
        assert_eq!(make("{MAC_}.c").as_deref(), Some("02_00_5E_AA_BB_0C.c"));
        assert_eq!(make("y{code:012}.cfg").as_deref(), Some("y000000000066.cfg"));
        assert_eq!(make("{image}.loads").as_deref(), Some("P0.loads"));
        assert_eq!(make("{serial}.xml"), None);
        assert_eq!(make("{user}.xml"), None);
    }

    #[test]
    fn faults_say_what_is_allowed() {
        for bad in ["", "/a", "a//b", "../a", "{mac", "mac}", "{macs}", "{code:9}", "{code:0}", "a\\b"] {
            assert!(PathPattern::parse(bad).is_err(), "{bad}");
        }
        assert!(PathPattern::parse("{what}").unwrap_err().contains("{model}"));
    }

    #[test]
    fn paths_that_name_no_file() {
        assert_eq!(normalise("/a//b/./c.cfg").as_deref(), Some("a/b/c.cfg"));
        assert_eq!(normalise("/app/").as_deref(), Some("app/"));
        for bad in ["", "/", "a/../b", "..", "a\\b", "a\0b", "a\u{7f}", "a\u{85}"] {
            assert_eq!(normalise(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn made_names_are_recognised(bytes in any::<[u8; 6]>(), code in 0u64..1_000_000, sep in prop::sample::select(vec!["", "-", "_", ":"]), upper in any::<bool>()) {
            let Some(mac) = Mac::new(bytes) else { return Ok(()) };
            let pattern = format!("p{{{}{sep}}}-{{code:06}}.x", if upper { "MAC" } else { "mac" });
            let values = PathValues { mac: Some(mac), code: Some(code), ..PathValues::default() };
            let name = PathPattern::parse(&pattern).unwrap().make(&values).unwrap();
            prop_assert_eq!(matches(&pattern, &name).and_then(|m| Mac::parse(&m)), Some(mac));
        }

        #[test]
        fn parsing_never_fails_hard(text in "\\PC{0,40}") {
            let _ = PathPattern::parse(&text);
            let _ = normalise(&text);
        }
    }
}
