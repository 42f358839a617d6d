//! One parameter per line: `name = value` or `name: "value"`.

use std::borrow::Cow;

use super::{Losses, Parameter, Segment, indexed, name_only, nearest, replaced, segments};
use crate::manifest::{Charset, FormatSpec, Quote};

/// What may stand around names and values without belonging to them. Other spaces of Unicode are letters to a phone.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// Options of the format.
#[derive(Clone, Debug)]
pub(super) struct KeyValue {
    /// Between name and value, without blanks around; empty means a blank itself.
    separator: String,
    /// How a new parameter is written.
    write: String,
    quoted: bool,
    comments: Vec<String>,
    trailing: Option<char>,
    directives: Vec<String>,
    /// How `name[index]` is written.
    index: Option<String>,
    /// Signs between name and separator.
    flags: String,
}

/// Where in a line a place is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Name,
    Value,
    Quoted,
    Comment,
}

impl KeyValue {
    pub fn new(spec: &FormatSpec, comments: &[&str]) -> Self {
        let separator = spec.separator.clone().unwrap_or_else(|| "=".to_owned());
        let separator = separator.trim();
        let default = match separator {
            ":" => ": ".to_owned(),
            "" => " ".to_owned(),
            other => format!(" {other} "),
        };
        Self {
            separator: separator.to_owned(),
            write: spec.write.clone().unwrap_or(default),
            quoted: spec.quote == Quote::Double,
            comments: spec.comment.clone().unwrap_or_else(|| comments.iter().map(|c| (*c).to_owned()).collect()),
            trailing: spec.trailing_comment.as_ref().and_then(|c| c.chars().next()),
            directives: spec.directives.clone(),
            index: spec.index.clone(),
            flags: spec.flags.clone().unwrap_or_default(),
        }
    }

    pub fn resolve(&self, text: &str, charset: Charset, losses: &mut Losses) -> String {
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            if line.contains([super::START, super::END]) {
                self.resolve_line(line, charset, losses, &mut out);
            } else {
                out.push_str(line);
            }
        }
        out
    }

    fn resolve_line(&self, line: &str, charset: Charset, losses: &mut Losses, out: &mut String) {
        let start = out.len();
        for segment in segments(line) {
            match segment {
                Segment::Literal(text) => out.push_str(text),
                Segment::Value(value) => {
                    let value = nearest(value, charset, losses);
                    let safe = self.safe(self.place(&out[start..]), &value, losses);
                    out.push_str(&safe);
                }
            }
        }
    }

    /// The place after the text of a line so far. Values in it are safe already, so that they change nothing.
    fn place(&self, line: &str) -> Place {
        let text = line.trim_start_matches(BLANKS);
        if self.is_comment(text) {
            return Place::Comment;
        }
        let value = match self.split(text) {
            _ if self.is_directive(text) => text,
            Some((_, value)) => value,
            None => return Place::Name,
        };
        let mut place = Place::Value;
        for c in value.chars() {
            match place {
                Place::Quoted if c == '"' => place = Place::Value,
                Place::Value if c == '"' && (self.quoted || self.is_directive(text)) => place = Place::Quoted,
                Place::Value if Some(c) == self.trailing => return Place::Comment,
                _ => {}
            }
        }
        place
    }

    fn safe(&self, place: Place, value: &str, losses: &mut Losses) -> String {
        let quote = |c: char| (c == '"' && self.quoted).then_some('\'');
        match place {
            Place::Name => name_only(value, losses, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')),
            Place::Quoted => replaced(value, losses, |c| (c == '"').then_some('\'')),
            Place::Value => replaced(value, losses, |c| quote(c).or((Some(c) == self.trailing).then_some(','))),
            Place::Comment => value.to_owned(),
        }
    }

    pub fn is_comment(&self, line: &str) -> bool {
        self.comments.iter().any(|c| line.starts_with(c.as_str()))
    }

    fn is_directive(&self, line: &str) -> bool {
        self.directives.iter().any(|d| line.starts_with(d.as_str()))
    }

    /// Name and the rest of a line.
    fn split<'a>(&self, line: &'a str) -> Option<(&'a str, &'a str)> {
        let (name, value) =
            if self.separator.is_empty() { line.split_once([' ', '\t'])? } else { line.split_once(self.separator.as_str())? };
        Some((name.trim_matches(BLANKS).trim_end_matches(|c| self.flags.contains(c)).trim_end_matches(BLANKS), value))
    }

    /// A parameter of a line; None for empty lines, comments and directives.
    pub fn parameter<'a>(&self, line: &'a str) -> Result<Option<(&'a str, &'a str)>, String> {
        let text = line.trim_matches(BLANKS);
        if text.is_empty() || self.is_comment(text) || self.is_directive(text) {
            return Ok(None);
        }
        let Some((name, value)) = self.split(text) else {
            return Err(format!("is neither a comment nor `name{}value`", self.write));
        };
        let value = value.trim_matches(BLANKS);
        if name.is_empty() {
            return Err("has no name before the separator".to_owned());
        }
        if let Some(inner) = value.strip_prefix('"').filter(|_| self.quoted) {
            let (value, rest) = inner.split_once('"').ok_or("has a quote that is not closed")?;
            let rest = rest.trim_matches(BLANKS);
            if !rest.is_empty() && !rest.starts_with(|c| Some(c) == self.trailing) {
                return Err("goes on after the closing quote".to_owned());
            }
            return Ok(Some((name, value)));
        }
        let value = match self.trailing.and_then(|c| value.split_once(c)) {
            Some((value, _)) => value.trim_end_matches(BLANKS),
            None => value,
        };
        Ok(Some((name, value)))
    }

    pub fn parse(&self, text: &str) -> Result<Vec<Parameter>, (usize, String)> {
        let mut out = Vec::new();
        for (i, line) in text.lines().enumerate() {
            if let Some((name, value)) = self.parameter(line).map_err(|e| (i + 1, e))? {
                out.push(Parameter { name: name.to_owned(), value: value.to_owned(), line: i + 1 });
            }
        }
        Ok(out)
    }

    /// A value as it is written after the separator.
    pub fn written(&self, value: &str, losses: &mut Losses) -> String {
        let place = if self.quoted { Place::Quoted } else { Place::Value };
        let value = self.safe(place, value, losses);
        // Without quotes nobody can tell blanks of the value from blanks around it.
        if self.quoted { format!("\"{value}\"") } else { value.trim_matches(BLANKS).to_owned() }
    }

    /// Whether a text can stand before the separator.
    pub fn is_name(&self, name: &str) -> bool {
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '<' | '>' | '\\');
        let separator = !self.separator.is_empty() && name.contains(&self.separator);
        // What begins with a bracket is a section, or a condition, wherever it means something.
        !name.is_empty()
            && !name.starts_with('[')
            && name.chars().all(plain)
            && !separator
            && !self.is_comment(name)
            && !self.is_directive(name)
    }

    /// A line with another value, its name and separator kept as they were written.
    pub fn with_value(&self, line: &str, value: &str) -> String {
        let body = line.trim_end_matches(['\r', '\n']);
        let end = &line[body.len()..];
        let indent = body.len() - body.trim_start_matches(BLANKS).len();
        let Some((name, rest)) = self.split(&body[indent..]) else { return line.to_owned() };
        let separator = if self.separator.is_empty() { " " } else { self.separator.as_str() };
        let head = body.len() - rest.len();
        let (before, blanks) = (body[..head].trim_end_matches(separator), rest.len() - rest.trim_start_matches(BLANKS).len());
        let before = if before.trim_matches(BLANKS).is_empty() { name } else { before };
        format!("{before}{separator}{}{value}{end}", &rest[..blanks])
    }

    /// A new line.
    pub fn line(&self, name: &str, value: &str) -> String {
        format!("{name}{}{value}\n", self.write)
    }

    /// A raw parameter's name as these files write it.
    fn spelled<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match (&self.index, indexed(name)) {
            (Some(index), (name, number)) if !number.is_empty() => index.replace("{index}", number).replace("{name}", name).into(),
            _ => name.into(),
        }
    }

    pub fn set(&self, text: &str, name: &str, value: &str, losses: &mut Losses) -> Result<String, String> {
        let name = &*self.spelled(name);
        if !self.is_name(name) {
            return Err("is no parameter name of this file's format".to_owned());
        }
        let value = self.written(value, losses);
        let mut found = false;
        let mut out = String::with_capacity(text.len() + value.len());
        for line in text.split_inclusive('\n') {
            match self.parameter(line) {
                Ok(Some((n, _))) if n.eq_ignore_ascii_case(name) => {
                    found = true;
                    out.push_str(&self.with_value(line, &value));
                }
                _ => out.push_str(line),
            }
        }
        if !found {
            end_line(&mut out);
            out.push_str(&self.line(name, &value));
        }
        Ok(out)
    }
}

/// Makes sure that the next thing starts a line.
pub(super) fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::{Format, mark, tests::*};
    use super::*;
    use proptest::prelude::*;

    const PLAIN: &str = "kind = 'key-value'\ndirectives = ['include:', '[']";
    const QUOTED: &str = "kind = 'key-value'\nseparator = ':'\nquote = 'double'\ntrailing_comment = ';'";

    fn resolve(format: &Format, text: &str) -> String {
        format.resolve(text, Charset::Utf8, &mut Losses::default())
    }

    fn set(format: &Format, text: &str, name: &str, value: &str) -> Result<String, String> {
        format.set(text, name, value, Charset::Utf8, &mut Losses::default())
    }

    #[test]
    fn values_are_made_safe_for_their_place() {
        let (plain, quoted) = (format(PLAIN), format(QUOTED));
        let value = mark("a;\"b\"#c=d:e");
        assert_eq!(resolve(&plain, &format!("x = {value}")), "x = a;\"b\"#c=d:e");
        assert_eq!(resolve(&quoted, &format!("x: \"{value}\" ; {value}")), "x: \"a;'b'#c=d:e\" ; a;\"b\"#c=d:e");
        assert_eq!(resolve(&quoted, &format!("x: {value}")), "x: a,'b'#c=d:e");
        assert_eq!(resolve(&plain, &format!("key.{value}.z = 1")), "key.abcde.z = 1");
        assert_eq!(resolve(&plain, &format!("include:config \"{value}\"")), "include:config \"a;'b'#c=d:e\"");
    }

    #[test]
    fn both_dialects_are_read() {
        let text = "#!version:1.0.0.1\n\n# c\ninclude:config \"a.cfg\"\na.b = 1 2 \nc=\n";
        let names: Vec<_> = format(PLAIN).parse(text).unwrap().into_iter().map(|p| (p.name, p.value, p.line)).collect();
        assert_eq!(names, [("a.b".into(), "1 2".into(), 5), ("c".into(), String::new(), 6)]);
        let text = "line1_name: 100\nproxy1_address: \"a; b\" ; note\nuser_info: none;x\n";
        let names: Vec<_> = format(QUOTED).parse(text).unwrap().into_iter().map(|p| p.value).collect();
        assert_eq!(names, ["100", "a; b", "none"]);
        assert_eq!(format(PLAIN).parse("a = 1\nnonsense\n").unwrap_err().0, 2);
        assert!(format(QUOTED).parse("a: \"x").is_err() && format(QUOTED).parse("a: \"x\" y").is_err());
    }

    #[test]
    fn a_parameter_is_replaced_where_it_stands_else_added() {
        let quoted = format(QUOTED);
        let text = "# x: 1\nx: \"1\" ; old\ny: 2\nX: 3";
        assert_eq!(set(&quoted, text, "x", "n\"w").unwrap(), "# x: 1\nx: \"n'w\"\ny: 2\nX: \"n'w\"");
        assert_eq!(set(&quoted, "a: 1", "b", "2").unwrap(), "a: 1\nb: \"2\"\n");
        assert_eq!(set(&format(PLAIN), "a=1\nb =  2\r\n", "b", "").unwrap(), "a=1\nb =  \r\n");
        for bad in ["", "a b", "#a", "a=b", "a\nb", "\"", "[T1]a"] {
            assert!(set(&format(PLAIN), "", bad, "1").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn flags_and_indexes_of_names() {
        let format = format("kind = 'key-value'\nseparator = ':'\nflags = '!&$'\nindex = '{name}{index}'\ncomment = ['#', '<']");
        let text = "<html>\nuser_name1!: a\nuser_name2 $: b\nfkey0: c\n";
        let names: Vec<_> = format.parse(text).unwrap().into_iter().map(|p| p.name).collect();
        assert_eq!(names, ["user_name1", "user_name2", "fkey0"]);
        assert_eq!(set(&format, text, "user_name[2]", "x").unwrap(), text.replace("$: b", "$: x"));
        assert_eq!(set(&format, text, "USER_NAME1", "x").unwrap(), text.replace("!: a", "!: x"));
        assert_eq!(set(&format, text, "user_name[3]", "x").unwrap(), format!("{text}user_name3: x\n"));
        assert!(Format::new(&toml::from_str("kind = 'key-value'\nindex = 'idx'").unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn a_value_is_one_value(value in hostile(), which in any::<bool>()) {
            let (format, text) = if which {
                (format(QUOTED), format!("a: \"{0}\"\nb: {0}\nc: \"z\"\n", mark(&value)))
            } else {
                (format(PLAIN), format!("a = {0}\nb = x{0}\nc = z\n", mark(&value)))
            };
            let parsed = format.parse(&resolve(&format, &text)).unwrap();
            prop_assert_eq!(parsed.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
            prop_assert_eq!(&parsed[2].value, "z");
            if !value.contains(['"', ';']) && super::super::clean(&value) == value.as_str() {
                // Quotes keep the blanks at both ends.
                prop_assert_eq!(&parsed[0].value, if which { value.as_str() } else { value.trim_matches(' ') });
            }
        }

        #[test]
        fn a_value_in_a_name_opens_nothing(value in hostile()) {
            let format = format(PLAIN);
            let parsed = format.parse(&resolve(&format, &format!("k.{}.x = 1\n", mark(&value)))).unwrap();
            prop_assert_eq!(parsed.len(), 1);
            prop_assert_eq!(&parsed[0].value, "1");
        }

        #[test]
        fn what_is_set_is_read(value in hostile(), which in any::<bool>(), before in prop::sample::select(vec!["", "p.q: 1\n", "x: 1\nP.Q: \"2\" ; c\n", "p.q: 1\np.q: 2"])) {
            let format = if which { format(QUOTED) } else { format("kind = 'key-value'\nseparator = ':'") };
            let text = set(&format, before, "p.q", &value).unwrap();
            let found: Vec<_> = format.parse(&text).unwrap().into_iter().filter(|p| p.name.eq_ignore_ascii_case("p.q")).collect();
            prop_assert!(!found.is_empty());
            for p in &found {
                prop_assert_eq!(&p.value, &found[0].value);
            }
            prop_assert_eq!(set(&format, &text, "p.q", &value).unwrap(), text);
        }
    }
}
