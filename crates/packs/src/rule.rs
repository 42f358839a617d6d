//! One recognition rule: a regular expression over one input, and how its groups become fields.

use std::borrow::Cow;

use offhook_core::{Mac, sighting::From};
use regex::bytes::{Captures, Regex, RegexBuilder};

use crate::manifest::{IdentifySpec, TextField};

/// Groups that rules and path patterns may have.
pub(crate) const GROUPS: [&str; 7] = ["vendor", "model", "version", "mac", "serial", "uuid", "code"];

/// Where a rule looks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Input {
    UserAgent,
    Header(String),
    Path,
    Query,
    Option60,
    Certificate,
}

impl Input {
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "user_agent" | "header:user-agent" => Self::UserAgent,
            "path" => Self::Path,
            "query" => Self::Query,
            "option60" => Self::Option60,
            "certificate" => Self::Certificate,
            other => {
                let name = other.strip_prefix("header:")?;
                let valid = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                valid.then(|| Self::Header(name.to_owned()))?
            }
        })
    }

    pub fn from(&self) -> From {
        match self {
            Self::UserAgent => From::UserAgent,
            Self::Header(_) => From::Header,
            Self::Path => From::Path,
            Self::Query => From::Query,
            Self::Option60 => From::Option60,
            Self::Certificate => From::Certificate,
        }
    }

    fn confidence(&self) -> u8 {
        match self {
            Self::Certificate => 95,
            Self::UserAgent | Self::Header(_) => 90,
            Self::Option60 => 85,
            Self::Query => 75,
            Self::Path => 70,
        }
    }
}

/// A rule that is ready to use.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub name: String,
    pub input: Input,
    pub source: String,
    pub regex: Regex,
    pub confidence: u8,
    pub refuse: bool,
    mac: Option<usize>,
    fields: Vec<(TextField, Text)>,
    replace: Vec<(TextField, Regex, String)>,
    upper: Vec<TextField>,
}

/// What a rule read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Read {
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub version: Option<String>,
    pub serial: Option<String>,
    pub uuid: Option<String>,
    pub mac: Option<Mac>,
}

impl Rule {
    /// All faults of one rule: (field, message).
    pub fn new(spec: &IdentifySpec, pack_vendor: &str) -> Result<Self, Vec<(String, String)>> {
        let mut faults = Vec::new();
        let input = Input::parse(&spec.from);
        if input.is_none() {
            let message = format!(
                "{:?} is no input: allowed are user_agent, header:<name in lower case>, path, query, option60, certificate",
                spec.from
            );
            faults.push(("from".to_owned(), message));
        }
        if spec.confidence.is_some_and(|c| c > 100) {
            faults.push(("confidence".to_owned(), "allowed is 0 to 100".to_owned()));
        }
        let regex = compile(&spec.pattern, Some(&GROUPS)).map_err(|e| faults.push(("match".to_owned(), e))).ok();
        let mut fields = Vec::new();
        if let Some(regex) = &regex {
            let given = [
                (TextField::Vendor, spec.vendor.as_deref(), Some(pack_vendor)),
                (TextField::Model, spec.model.as_deref(), None),
                (TextField::Version, spec.version.as_deref(), None),
                (TextField::Serial, spec.serial.as_deref(), None),
                (TextField::Uuid, spec.uuid.as_deref(), None),
            ];
            for (field, text, default) in given {
                let word = word(field);
                let has_group = regex.capture_names().flatten().any(|n| n == word);
                let group = format!("{{{word}}}");
                let text = text.or(has_group.then_some(group.as_str())).or(default);
                match text.map(|t| Text::new(t, regex)) {
                    Some(Ok(text)) => fields.push((field, text)),
                    Some(Err(message)) => faults.push((word.to_owned(), message)),
                    None => {}
                }
            }
        }
        let mut replace = Vec::new();
        for (field, pairs) in &spec.replace {
            for (pattern, text) in pairs {
                match compile(pattern, None) {
                    Ok(regex) => replace.push((*field, regex, text.clone())),
                    Err(e) => faults.push((format!("replace.{}", word(*field)), e)),
                }
            }
        }
        match (input, regex) {
            (Some(input), Some(regex)) if faults.is_empty() => Ok(Self {
                name: spec.name.clone(),
                confidence: spec.confidence.unwrap_or_else(|| input.confidence()),
                input,
                mac: group(&regex, "mac"),
                source: spec.pattern.clone(),
                regex,
                refuse: spec.refuse,
                fields,
                replace,
                upper: spec.upper.clone(),
            }),
            _ => Err(faults),
        }
    }

    /// What it reads from an input; None when it does not match after all.
    pub fn read(&self, input: &[u8]) -> Option<Read> {
        let captures = self.regex.captures(input)?;
        let mut read = Read { mac: self.mac.and_then(|g| captures.get(g)).and_then(|m| mac(m.as_bytes())), ..Read::default() };
        for (field, text) in &self.fields {
            let Some(value) = text.fill(&captures) else { continue };
            let value = self.finish(*field, value);
            if value.is_empty() {
                continue;
            }
            match field {
                TextField::Vendor => read.vendor = Some(value.to_lowercase()),
                TextField::Model => read.model = Some(value),
                TextField::Version => read.version = version(&value),
                TextField::Serial => read.serial = Some(value),
                TextField::Uuid => read.uuid = Some(value),
            }
        }
        Some(read)
    }

    fn finish(&self, field: TextField, mut value: String) -> String {
        for (_, regex, text) in self.replace.iter().filter(|(f, ..)| *f == field) {
            let bytes = regex.replace_all(value.as_bytes(), text.as_bytes());
            if let Cow::Owned(bytes) = bytes {
                value = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        if self.upper.contains(&field) {
            value = value.to_uppercase();
        }
        value.trim_matches(|c: char| c.is_whitespace() || c.is_control()).to_owned()
    }
}

fn word(field: TextField) -> &'static str {
    match field {
        TextField::Vendor => "vendor",
        TextField::Model => "model",
        TextField::Version => "version",
        TextField::Serial => "serial",
        TextField::Uuid => "uuid",
    }
}

/// The number of a named group.
pub(crate) fn group(regex: &Regex, name: &str) -> Option<usize> {
    regex.capture_names().position(|n| n == Some(name))
}

/// Text with `{group}`s of a regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Text(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    /// By its number.
    Group(usize),
}

impl Text {
    pub fn new(text: &str, regex: &Regex) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            pieces.push(Piece::Text(before.to_owned()));
            let (name, after) = after.split_once('}').ok_or_else(|| format!("{text:?}: a {{ is not closed"))?;
            let Some(group) = group(regex, name) else {
                let groups: Vec<_> = regex.capture_names().flatten().collect();
                return Err(format!("{{{name}}} is no group of the expression, which has: {}", groups.join(", ")));
            };
            pieces.push(Piece::Group(group));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// None when a group took no part.
    pub fn fill(&self, captures: &Captures<'_>) -> Option<String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Group(group) => out.extend(captures.get(*group)?.as_bytes().iter().map(|&b| char::from(b))),
            }
        }
        Some(out)
    }
}

/// Compiles an expression over bytes. `groups`: the names that are allowed; none: any.
pub(crate) fn compile(pattern: &str, groups: Option<&[&str]>) -> Result<Regex, String> {
    if !pattern.is_ascii() {
        return Err("the expression sees bytes: write characters beyond ASCII as \\xFF".to_owned());
    }
    let regex =
        RegexBuilder::new(pattern).unicode(false).case_insensitive(true).size_limit(1 << 20).build().map_err(|e| {
            format!("not a regular expression of this kind (no look-around, no back-reference): {}", last_line(&e.to_string()))
        })?;
    if let (Some(groups), Some(bad)) = (groups, regex.capture_names().flatten().find(|n| groups.is_some_and(|g| !g.contains(n)))) {
        return Err(format!("group {bad:?}: allowed are {}; use (?:…) for others", groups.join(", ")));
    }
    Ok(regex)
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or(text).trim().trim_start_matches("error: ").to_owned()
}

/// A MAC in any spelling, percent-encoding too.
pub(crate) fn mac(bytes: &[u8]) -> Option<Mac> {
    let text = std::str::from_utf8(bytes).ok()?;
    if text.contains('%') {
        Mac::parse(&text.replace("%3A", ":").replace("%3a", ":").replace("%2D", "-").replace("%2d", "-"))
    } else {
        Mac::parse(text)
    }
}

/// A firmware version without what is written around it.
fn version(text: &str) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let text = &text[start..];
    let cut = text.len().checked_sub(4).filter(|&at| text.is_char_boundary(at) && text[at..].eq_ignore_ascii_case("-SIP"));
    Some(text[..cut.unwrap_or(text.len())].to_owned())
}

/// Text whose characters are bytes (latin-1) as those bytes.
pub(crate) fn bytes(text: &str) -> Cow<'_, [u8]> {
    if text.is_ascii() {
        Cow::Borrowed(text.as_bytes())
    } else {
        Cow::Owned(text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn rule(text: &str) -> Result<Rule, Vec<(String, String)>> {
        Rule::new(&toml::from_str(text).unwrap(), "acme")
    }

    fn read(text: &str, input: &str) -> Option<Read> {
        rule(text).unwrap().read(&bytes(input))
    }

    #[test]
    fn groups_become_fields() {
        let acme = r#"
            name = "ua"
            from = "user_agent"
            match = '''^Acme (?P<model>\S+) (?P<version>\S+)(?: (?P<mac>[0-9a-f:%-]{12,40}))?$'''
            model = "X-{model}"
            replace = { model = [["_", " "], ["-CE$", ""]] }
            upper = ["model"]
        "#;
        let found = read(acme, "ACME t4_6-CE V66.1-SIP 02%3A00%3A5E%3AAA%3ABB%3ACC").unwrap();
        assert_eq!(found.vendor.as_deref(), Some("acme"));
        assert_eq!(found.model.as_deref(), Some("X-T4 6"));
        assert_eq!(found.version.as_deref(), Some("66.1"));
        assert_eq!(found.mac.unwrap().to_string(), "02:00:5e:aa:bb:cc");
        assert_eq!(read(acme, "Acme T1 1.0 000000000000").unwrap().mac, None);
        assert_eq!(read(acme, "Other T1 1.0"), None);
    }

    #[test]
    fn bytes_beyond_ascii_are_seen_one_by_one() {
        let acme = "name = 'x'\nfrom = 'user_agent'\nmatch = '''^A\\xFF.(?P<model>\\d+)\\x00?$'''";
        assert_eq!(read(acme, "A\u{ff}\u{e9}12\0").unwrap().model.as_deref(), Some("12"));
    }

    #[test]
    fn all_faults_of_a_rule_at_once() {
        let faults = rule(
            r#"
            name = "x"
            from = "cookie"
            match = '''(?=a)'''
            confidence = 101
            replace = { model = [["[", ""]] }
        "#,
        )
        .unwrap_err();
        let fields: Vec<_> = faults.iter().map(|(f, _)| f.as_str()).collect();
        assert_eq!(fields, ["from", "confidence", "match", "replace.model"]);
        let faults = rule("name = 'x'\nfrom = 'header:x-id'\nmatch = '(?P<hw>a)'\n").unwrap_err();
        assert!(faults[0].1.contains("uuid"), "{faults:?}");
        let faults = rule("name = 'x'\nfrom = 'path'\nmatch = '(?P<model>a)'\nversion = '{mac}'").unwrap_err();
        assert_eq!(faults[0].0, "version");
    }

    proptest! {
        #[test]
        fn versions_start_with_a_digit(text in "\\PC{0,30}") {
            if let Some(v) = version(&text) {
                prop_assert!(v.is_empty() || v.starts_with(|c: char| c.is_ascii_digit()));
            }
        }
    }
}
