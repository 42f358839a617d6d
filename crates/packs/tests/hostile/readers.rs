//! Readers of the file forms that phones read, written after the vendors' sheets. They share no code with the crate: what a
//! pack writes is read here as a phone would read it, and strictly.

use std::collections::BTreeMap;

/// What a file says, in its order: names (or places) with their values.
pub type Said = Vec<(String, String)>;

/// Lines `name = value` after a magic first line.
pub fn magic_lines(text: &str) -> Result<Said, String> {
    match text.split_once('\n') {
        Some(("#!version:1.0.0.1", rest)) => equals_lines(rest),
        _ => Err("does not begin with the magic line".to_owned()),
    }
}

/// Lines `name = value`: blanks around the sign do not count, `#` starts a comment at the start of a line, nothing can be quoted.
pub fn equals_lines(text: &str) -> Result<Said, String> {
    let mut out = Said::new();
    for line in text.split('\n') {
        if line.trim_matches(' ').is_empty() || line.starts_with('#') {
            continue;
        }
        no_controls(line)?;
        let (name, value) = line.split_once('=').ok_or_else(|| format!("no parameter: {line}"))?;
        let name = name.trim_matches(' ');
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
            return Err(format!("no name: {line}"));
        }
        out.push((name.to_owned(), value.trim_matches(' ').to_owned()));
    }
    Ok(out)
}

/// Lines `name: "value"` or `name: value`; `#` and `;` start comments, the latter after a value too.
pub fn colon_lines(text: &str) -> Result<Said, String> {
    let mut out = Said::new();
    for line in text.split('\n') {
        if line.trim_matches(' ').is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        no_controls(line)?;
        let (name, rest) = line.split_once(':').ok_or_else(|| format!("no parameter: {line}"))?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')) {
            return Err(format!("no name: {line}"));
        }
        let rest = rest.trim_start_matches(' ');
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"').ok_or_else(|| format!("an open quote: {line}"))?;
                (value.to_owned(), after)
            }
            None => {
                let end = rest.find(';').unwrap_or(rest.len());
                (rest[..end].trim_end_matches(' ').to_owned(), &rest[end..])
            }
        };
        let after = after.trim_matches(' ');
        if value.contains('"') || !(after.is_empty() || after.starts_with(';')) {
            return Err(format!("goes on after the value: {line}"));
        }
        out.push((name.to_owned(), value));
    }
    Ok(out)
}

/// Lines `name: value`, with `!`, `&` or `$` behind a name; lines that begin with `#` or `<` are for people. Nothing can be quoted.
pub fn flag_lines(text: &str) -> Result<Said, String> {
    let mut out = Said::new();
    for line in text.split('\n') {
        if line.trim_matches(' ').is_empty() || line.starts_with(['#', '<']) {
            continue;
        }
        no_controls(line)?;
        let (name, value) = line.split_once(':').ok_or_else(|| format!("no parameter: {line}"))?;
        let name = name.trim_end_matches(['!', '&', '$']);
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')) {
            return Err(format!("no name: {line}"));
        }
        out.push((name.to_owned(), value.trim_matches(' ').to_owned()));
    }
    Ok(out)
}

/// Fields between tabs.
pub fn tab_lines(text: &str) -> Result<Said, String> {
    let mut out = Said::new();
    for (n, line) in text.lines().enumerate() {
        no_controls(&line.replace('\t', ""))?;
        out.extend(line.split('\t').enumerate().map(|(f, field)| (format!("line {} field {}", n + 1, f + 1), field.to_owned())));
    }
    Ok(out)
}

fn no_controls(line: &str) -> Result<(), String> {
    match line.chars().find(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        Some(c) => Err(format!("{c:?} in {line}")),
        None => Ok(()),
    }
}

/// A strict reader of XML 1.0 without document types: every element by its path, its attributes, its text.
pub fn xml(text: &str) -> Result<Said, String> {
    if let Some(c) = text.chars().find(|&c| !is_xml_char(c)) {
        return Err(format!("{c:?} is no character of XML"));
    }
    let mut reader = Xml { rest: text, path: Vec::new(), out: Said::new(), texts: Vec::new(), roots: 0 };
    reader.document()?;
    Ok(reader.out)
}

fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

struct Xml<'a> {
    rest: &'a str,
    path: Vec<String>,
    out: Said,
    /// Text of each open element so far.
    texts: Vec<String>,
    roots: usize,
}

impl<'a> Xml<'a> {
    fn document(&mut self) -> Result<(), String> {
        while !self.rest.is_empty() {
            if let Some(after) = self.rest.strip_prefix("<!--") {
                let (comment, after) = after.split_once("-->").ok_or("an open comment")?;
                if comment.contains("--") || comment.ends_with('-') {
                    return Err("two dashes in a comment".to_owned());
                }
                self.rest = after;
            } else if let Some(after) = self.rest.strip_prefix("<![CDATA[") {
                let (data, after) = after.split_once("]]>").ok_or("open data")?;
                self.texts.last_mut().ok_or("data outside of the root")?.push_str(data);
                self.rest = after;
            } else if let Some(after) = self.rest.strip_prefix("<?") {
                self.rest = after.split_once("?>").ok_or("an open instruction")?.1;
            } else if let Some(after) = self.rest.strip_prefix("</") {
                let (name, after) = after.split_once('>').ok_or("an open end")?;
                if self.path.last().map(String::as_str) != Some(name.trim_end()) {
                    return Err(format!("</{name}> ends {:?}", self.path.last()));
                }
                self.end();
                self.rest = after;
            } else if self.rest.starts_with('<') {
                self.start()?;
            } else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, after) = self.rest.split_at(end);
                if text.contains("]]>") {
                    return Err("]]> in a text".to_owned());
                }
                let text = entities(text)?;
                match self.texts.last_mut() {
                    Some(open) => open.push_str(&text),
                    None if text.trim().is_empty() => {}
                    None => return Err(format!("text outside of the root: {text}")),
                }
                self.rest = after;
            }
        }
        if self.roots != 1 || !self.path.is_empty() {
            return Err(format!("{} roots, open: {:?}", self.roots, self.path));
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), String> {
        self.rest = &self.rest[1..];
        let name = self.name()?;
        if self.path.is_empty() {
            self.roots += 1;
        }
        self.path.push(name);
        self.texts.push(String::new());
        let place = self.path.join("/");
        self.out.push((place.clone(), String::new()));
        let mut seen = BTreeMap::new();
        loop {
            let blank = self.rest.len();
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
            let blank = blank != self.rest.len();
            if let Some(after) = self.rest.strip_prefix("/>") {
                self.rest = after;
                self.end();
                return Ok(());
            }
            if let Some(after) = self.rest.strip_prefix('>') {
                self.rest = after;
                return Ok(());
            }
            if !blank {
                return Err(format!("no blank before an attribute of {place}"));
            }
            let key = self.name()?;
            self.rest = self.rest.strip_prefix('=').ok_or_else(|| format!("no = after {key}"))?;
            let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(|| format!("no quote after {key}"))?;
            let (value, after) = self.rest[1..].split_once(quote).ok_or_else(|| format!("{key} is not closed"))?;
            if value.contains('<') {
                return Err(format!("< in {key}"));
            }
            let value = entities(&value.replace(['\t', '\n', '\r'], " "))?;
            if seen.insert(key.clone(), ()).is_some() {
                return Err(format!("{key} twice"));
            }
            self.out.push((format!("{place}/@{key}"), value));
            self.rest = after;
        }
    }

    /// The text of an element counts when it has any.
    fn end(&mut self) {
        let place = self.path.join("/");
        if let Some(text) = self.texts.pop().filter(|t| !t.trim_matches(['\n', '\r', '\t', ' ']).is_empty()) {
            self.out.push((format!("{place}/text"), text));
        }
        self.path.pop();
    }

    fn name(&mut self) -> Result<String, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        let (name, after) = self.rest.split_at(end);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return Err(format!("no name: {:?}", self.rest.chars().take(20).collect::<String>()));
        }
        self.rest = after;
        Ok(name.to_owned())
    }
}

fn entities(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, after) = after.split_once(';').ok_or("an open entity")?;
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = name.strip_prefix('#').ok_or_else(|| format!("unknown entity {name}"))?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                code.ok().and_then(char::from_u32).filter(|&c| is_xml_char(c)).ok_or_else(|| format!("no character: {name}"))?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The readers can fail.
#[test]
fn broken_files_are_refused() {
    for bad in ["x = 1\n", "#!version:1.0.0.1\nx\n", "#!version:1.0.0.1\na b = 1\n", "#!version:1.0.0.1\nx = a\u{85}b\n"] {
        assert!(magic_lines(bad).is_err(), "{bad:?}");
    }
    assert_eq!(magic_lines("#!version:1.0.0.1\n# c\na.b =  # 1 = 2 \n").unwrap(), [("a.b".to_owned(), "# 1 = 2".to_owned())]);
    for bad in ["x", "x: \"a", "x: \"a\" b", "x: a\"", ": 1"] {
        assert!(colon_lines(bad).is_err(), "{bad:?}");
    }
    assert_eq!(
        colon_lines("a: \" 1; \" ; c\n; d\nb: 2 ;3").unwrap(),
        [("a".to_owned(), " 1; ".to_owned()), ("b".to_owned(), "2".to_owned())]
    );
    for bad in [
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a x=1/>",
        "<a x='1' x='2'/>",
        "<a>&b;</a>",
        "<a>]]></a>",
        "<a b='<'/>",
        "<a>&#0;</a>",
        "x<a/>",
        "<a b='1'c='2'/>",
        "<a>\u{1}</a>",
        "<!-- -- --><a/>",
    ] {
        assert!(xml(bad).is_err(), "{bad:?}");
    }
    let said = xml("<?xml version=\"1.0\"?>\n<a b='&lt;1'><!-- x --><c>2&#38;</c><d/></a>\n").unwrap();
    let said: Vec<_> = said.iter().map(|(p, v)| (p.as_str(), v.as_str())).collect();
    assert_eq!(said, [("a", ""), ("a/@b", "<1"), ("a/c", ""), ("a/c/text", "2&"), ("a/d", "")]);
}
