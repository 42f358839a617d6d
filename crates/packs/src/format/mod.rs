//! File formats: each makes values safe for the place where they stand, reads a file back, and sets a parameter.
//!
//! The template engine does not know formats. It puts marks around every value that could mean something to one
//! ([`mark`]), and [`Format::resolve`] takes them out again, knowing what stands around each value.

mod ini;
mod json;
mod key_value;
mod lines;
mod xml;

pub(crate) use xml::escape as escape_xml;

use std::borrow::Cow;

use crate::{
    charset,
    manifest::{Charset, FormatKind, FormatSpec, Quote, XmlParameter},
    paths::glob,
};

/// Before and after a value; no value holds them, for control characters become blanks.
pub(crate) const START: char = '\u{2}';
pub(crate) const END: char = '\u{3}';

/// One parameter that a file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub name: String,
    pub value: String,
    /// From 1.
    pub line: usize,
}

/// What a file could not hold as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    /// Values with characters beyond the charset.
    pub charset: usize,
    /// Values with characters beyond the syntax.
    pub syntax: usize,
}

/// A format of a pack, ready to use.
#[derive(Clone, Debug)]
pub(crate) struct Format {
    kind: Kind,
    repeats: Vec<String>,
    pub first_line: Option<String>,
}

#[derive(Clone, Debug)]
enum Kind {
    KeyValue(key_value::KeyValue),
    Ini(key_value::KeyValue),
    Xml(xml::Xml),
    Json,
    Lines(lines::Lines),
    Bytes,
}

impl Format {
    /// Whether its files can be made by a template.
    pub fn is_text(&self) -> bool {
        !matches!(self.kind, Kind::Bytes)
    }

    /// All faults: (field, message).
    pub fn new(spec: &FormatSpec) -> Result<Self, Vec<(&'static str, String)>> {
        let mut faults = Vec::new();
        let text = matches!(spec.kind, FormatKind::KeyValue | FormatKind::Ini);
        let lines = text || spec.kind == FormatKind::Lines;
        let elements = spec.kind == FormatKind::Xml && spec.parameter != Some(XmlParameter::Attribute);
        let given = [
            ("separator", spec.separator.is_some(), lines),
            ("write", spec.write.is_some(), text),
            ("quote", spec.quote != Quote::None, text),
            ("comment", spec.comment.is_some(), lines),
            ("trailing_comment", spec.trailing_comment.is_some(), text),
            ("directives", !spec.directives.is_empty(), text),
            ("first_line", spec.first_line.is_some(), lines),
            ("parameter", spec.parameter.is_some(), spec.kind == FormatKind::Xml),
            ("container", spec.container.is_some(), spec.kind == FormatKind::Xml),
            ("item", spec.item.is_some(), spec.kind == FormatKind::Xml),
            ("item_name", spec.item_name.is_some(), spec.kind == FormatKind::Xml),
            ("index", spec.index.is_some(), elements || spec.kind == FormatKind::KeyValue),
            ("containers", !spec.containers.is_empty(), elements),
            ("flags", spec.flags.is_some(), text),
        ];
        for (field, is_given, allowed) in given {
            if is_given && !allowed {
                faults.push((field, "is no option of this kind of format".to_owned()));
            }
        }
        if spec.separator.as_deref() == Some("") {
            faults.push(("separator", "must not be empty".to_owned()));
        }
        if text && spec.index.as_ref().is_some_and(|i| !i.contains("{name}") || !i.contains("{index}")) {
            faults.push(("index", "says how a name with an index is written: a text with {name} and {index}".to_owned()));
        }
        if spec.trailing_comment.as_ref().is_some_and(|c| c.chars().count() != 1) {
            faults.push(("trailing_comment", "is one character".to_owned()));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let kind = match spec.kind {
            FormatKind::KeyValue => Kind::KeyValue(key_value::KeyValue::new(spec, &["#"])),
            FormatKind::Ini => Kind::Ini(key_value::KeyValue::new(spec, &["#", ";"])),
            FormatKind::Xml => Kind::Xml(xml::Xml::new(spec)),
            FormatKind::Json => Kind::Json,
            FormatKind::Lines => Kind::Lines(lines::Lines::new(spec)),
            FormatKind::Bytes => Kind::Bytes,
        };
        Ok(Self { kind, repeats: spec.repeats.clone(), first_line: spec.first_line.clone() })
    }

    /// Whether a parameter may stand more than once.
    pub fn repeats(&self, name: &str) -> bool {
        self.repeats.iter().any(|p| glob(p, name))
    }

    /// Takes the marks out of rendered text; each value is made safe for its place.
    pub fn resolve(&self, text: &str, charset: Charset, losses: &mut Losses) -> String {
        if !text.contains([START, END]) {
            return text.to_owned();
        }
        match &self.kind {
            Kind::KeyValue(format) | Kind::Ini(format) => format.resolve(text, charset, losses),
            Kind::Xml(_) => xml::resolve(text, charset, losses),
            Kind::Json => json::resolve(text, charset, losses),
            Kind::Lines(format) => format.resolve(text, charset, losses),
            Kind::Bytes => unmark(text).into_owned(),
        }
    }

    /// The parameters of a file.
    ///
    /// # Errors
    /// What is wrong, and in which line (from 1; 0 when unknown). Never a value.
    pub fn parse(&self, text: &str) -> Result<Vec<Parameter>, (usize, String)> {
        match &self.kind {
            Kind::KeyValue(format) => format.parse(text),
            Kind::Ini(format) => ini::parse(format, text),
            Kind::Xml(format) => format.parse(text),
            Kind::Json => json::parse(text),
            Kind::Lines(format) => format.parse(text),
            Kind::Bytes => Ok(Vec::new()),
        }
    }

    /// Sets a parameter: everywhere where it stands, else it is added.
    ///
    /// # Errors
    /// Why the format cannot: the name is none of this format, or it has no parameters.
    pub fn set(&self, text: &str, name: &str, value: &str, charset: Charset, losses: &mut Losses) -> Result<String, String> {
        let value = clean(value);
        let value = nearest(&value, charset, losses);
        match &self.kind {
            Kind::KeyValue(format) => format.set(text, name, &value, losses),
            Kind::Ini(format) => ini::set(format, text, name, &value, losses),
            Kind::Xml(format) => format.set(text, name, &value, losses),
            Kind::Json => json::set(text, name, &value),
            Kind::Lines(_) | Kind::Bytes => Err("files of this format have no parameters".to_owned()),
        }
    }

    /// MIME type of such files.
    pub fn content_type(&self) -> &'static str {
        match self.kind {
            Kind::KeyValue(_) | Kind::Ini(_) | Kind::Lines(_) => "text/plain",
            Kind::Xml(_) => "application/xml",
            Kind::Json => "application/json",
            Kind::Bytes => "application/octet-stream",
        }
    }
}

/// A value as the engine writes it into text: marked when it holds anything but plain characters, or is an address, so that it is not
/// taken for one that stands in the template.
pub(crate) fn mark(value: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let is_address = || value.starts_with(|c: char| c.is_ascii_digit()) && value.parse::<std::net::Ipv4Addr>().is_ok();
    if value.bytes().all(plain) && !is_address() { Cow::Borrowed(value) } else { Cow::Owned(format!("{START}{}{END}", clean(value))) }
}

/// Without marks, and with blanks for line ends and other control characters.
pub(crate) fn clean(value: &str) -> Cow<'_, str> {
    let bad = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}');
    if !value.contains(bad) {
        return Cow::Borrowed(value);
    }
    let kept = value.chars().filter(|&c| c != START && c != END);
    Cow::Owned(kept.map(|c| if bad(c) { ' ' } else { c }).collect())
}

/// Text without marks.
pub(crate) fn unmark(text: &str) -> Cow<'_, str> {
    if text.contains([START, END]) { Cow::Owned(text.replace([START, END], "")) } else { Cow::Borrowed(text) }
}

/// A value in characters of the charset.
fn nearest<'a>(value: &'a str, charset: Charset, losses: &mut Losses) -> Cow<'a, str> {
    let near = charset::nearest(value, charset);
    losses.charset += usize::from(matches!(near, Cow::Owned(_)));
    near
}

/// A piece of rendered text.
enum Segment<'a> {
    /// Of the template.
    Literal(&'a str),
    /// Of a value.
    Value(&'a str),
}

/// Splits rendered text at its marks. A value ends at its mark or, should a filter have cut that off, at the line's end.
fn segments(text: &str) -> impl Iterator<Item = Segment<'_>> {
    let mut rest = text;
    let mut inside = false;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let end = if inside { rest.find([START, END, '\n']) } else { rest.find([START, END]) };
            let at = end.unwrap_or(rest.len());
            let (piece, after) = rest.split_at(at);
            let was = inside;
            match after.chars().next() {
                Some('\n') | None => {
                    inside = false;
                    rest = after;
                }
                Some(c) => {
                    inside = c == START;
                    rest = &after[1..];
                }
            }
            if was {
                return Some(Segment::Value(piece));
            }
            if !piece.is_empty() {
                return Some(Segment::Literal(piece));
            }
        }
    })
}

/// Replaces characters; tells whether there were any.
fn replaced(value: &str, losses: &mut Losses, replace: impl Fn(char) -> Option<char>) -> String {
    let mut lost = false;
    let out = value
        .chars()
        .map(|c| match replace(c) {
            Some(other) => {
                lost = true;
                other
            }
            None => c,
        })
        .collect();
    losses.syntax += usize::from(lost);
    out
}

/// A parameter's name and its index: `name[index]`. A name without an index has an empty one.
fn indexed(name: &str) -> (&str, &str) {
    name.strip_suffix(']').and_then(|n| n.split_once('[')).filter(|(n, i)| !n.is_empty() && !i.is_empty()).unwrap_or((name, ""))
}

/// Only the characters of a name.
fn name_only(value: &str, losses: &mut Losses, allowed: impl Fn(char) -> bool) -> String {
    let out: String = value.chars().filter(|&c| allowed(c)).collect();
    losses.syntax += usize::from(out.len() != value.len());
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    pub(super) fn format(text: &str) -> Format {
        Format::new(&toml::from_str(text).unwrap()).unwrap()
    }

    /// Text that means something to one format or another, and any other text.
    pub(super) fn hostile() -> impl Strategy<Value = String> {
        let bits = prop::sample::select(vec![
            "\"",
            "'",
            "#",
            ";",
            "=",
            ":",
            "]]>",
            "<!--",
            "-->",
            "<a>",
            "</v>",
            "&amp;",
            "&",
            "\\",
            "{",
            "}",
            "[",
            "]",
            "\n",
            "\r\n",
            "\u{2028}",
            "\u{85}",
            "\0",
            "\u{2}",
            "\u{3}",
            "\u{1f600}",
            "é",
            "ł",
            "\u{fffe}",
            "?>",
            " ",
            "a",
            "1",
            "//",
            "/*",
            ",",
            "\t",
            "$(x)",
            "%NULL%",
            "“",
        ]);
        prop_oneof![prop::collection::vec(bits, 0..12).prop_map(|v| v.concat()), "\\PC{0,20}"]
    }

    #[test]
    fn options_of_another_kind_are_faults() {
        let spec = toml::from_str("kind = 'json'\nseparator = ','\ncomment = ['#']").unwrap();
        let faults = Format::new(&spec).unwrap_err();
        assert_eq!(faults.iter().map(|f| f.0).collect::<Vec<_>>(), ["separator", "comment"]);
    }

    #[test]
    fn a_value_that_lost_its_end_ends_with_its_line() {
        let pieces: Vec<_> = segments("a\u{2}b\nc\u{3}d\u{2}e")
            .map(|s| match s {
                Segment::Literal(t) => format!("l{t}"),
                Segment::Value(t) => format!("v{t}"),
            })
            .collect();
        assert_eq!(pieces, ["la", "vb", "l\nc", "ld", "ve"]);
    }

    proptest! {
        #[test]
        fn marks_never_stay(text in hostile(), kind in prop::sample::select(vec!["key-value", "ini", "xml", "json", "lines", "bytes"])) {
            let format = format(&format!("kind = '{kind}'"));
            for text in [mark(&text).into_owned(), format!("a={}\n", mark(&text)), text] {
                let out = format.resolve(&text, Charset::Utf8, &mut Losses::default());
                prop_assert!(!out.contains([START, END]));
            }
        }

        #[test]
        fn parsing_and_setting_never_fail_hard(text in hostile(), name in hostile(), value in hostile(), kind in prop::sample::select(vec!["key-value", "ini", "xml", "json", "lines", "bytes"])) {
            let format = format(&format!("kind = '{kind}'"));
            let _ = format.parse(&text);
            let _ = format.set(&text, &name, &value, Charset::Utf8, &mut Losses::default());
        }
    }
}
