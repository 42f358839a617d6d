//! Paths of settings: how one is written, read and quoted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::fault::{Fault, shown_text};

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A field, the number of a line, key …, or the name of a raw parameter.
    Name(String),
    /// An item of a list, counted from 0.
    Item(usize),
}

/// A settings path: names joined by dots (`lines.1.number`), list items in brackets
/// (`lines.1.servers[0].host`). A name with anything but letters, digits, `_` and `-` is quoted
/// (`raw.pack."account.1.label"`); inside quotes `\"` and `\\` stand for `"` and `\`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Segment>);

/// Longest path text that is read, in bytes.
const MAX_TEXT: usize = 1024;
/// Most steps of a path; the model has fewer.
const MAX_STEPS: usize = 32;

impl Path {
    /// A path of names only.
    pub fn of<I: IntoIterator<Item = S>, S: Into<String>>(names: I) -> Self {
        Self(names.into_iter().map(|name| Segment::Name(name.into())).collect())
    }

    /// Its steps, from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Its names, when it goes into no list.
    pub fn names(&self) -> Option<Vec<&str>> {
        self.0
            .iter()
            .map(|segment| match segment {
                Segment::Name(name) => Some(name.as_str()),
                Segment::Item(_) => None,
            })
            .collect()
    }

    /// Whether `self` is `other` or stands above it (`lines` and `lines.1` are above `lines.1.number`).
    pub fn covers(&self, other: &Path) -> bool {
        other.0.starts_with(&self.0)
    }

    pub(super) fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Item(item) => write!(f, "[{item}]")?,
                Segment::Name(name) => {
                    if at > 0 {
                        f.write_str(".")?;
                    }
                    write_name(f, name)?;
                }
            }
        }
        Ok(())
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if !name.is_empty() && name.chars().all(is_plain) {
        return f.write_str(name);
    }
    f.write_str("\"")?;
    for c in name.chars() {
        if c == '"' || c == '\\' {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    f.write_str("\"")
}

impl FromStr for Path {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let bad = |why: &str| {
            Fault::new(
                "",
                format!("{} is not a settings path: {why}; write it like lines.1.number or raw.pack.\"name.with.dots\"", shown_text(text)),
            )
        };
        if text.is_empty() || text.len() > MAX_TEXT {
            return Err(bad("it must have 1 to 1024 bytes"));
        }
        let mut path = Path::default();
        let mut rest = text;
        loop {
            let (segment, after) = read_name(rest).ok_or_else(|| bad("a name is missing, or its quotes are not closed"))?;
            path.push(Segment::Name(segment));
            rest = after;
            while let Some(item) = rest.strip_prefix('[') {
                let (number, after) = item.split_once(']').ok_or_else(|| bad("a bracket is not closed"))?;
                let canonical = number == "0" || (number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0'));
                let index = number.parse().ok().filter(|_| canonical).ok_or_else(|| bad("a list item is a number"))?;
                path.push(Segment::Item(index));
                rest = after;
            }
            if path.0.len() > MAX_STEPS {
                return Err(bad("it is too deep"));
            }
            if rest.is_empty() {
                return Ok(path);
            }
            rest = rest.strip_prefix('.').ok_or_else(|| bad("names are joined by dots"))?;
        }
    }
}

/// The name at the start of `text`, and what follows it.
fn read_name(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c| !is_plain(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return (!name.is_empty()).then(|| (name.to_owned(), rest));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return quoted.get(at + 1..).map(|rest| (name, rest)),
            '\\' => name.push(chars.next().map(|(_, c)| c).filter(|c| matches!(c, '"' | '\\'))?),
            _ => name.push(c),
        }
    }
    None
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Where a walk through a document stands. Lives on the stack: a [`Path`] is made only when somebody asks.
#[derive(Clone, Copy, Default)]
pub(super) struct Trail<'a> {
    up: Option<&'a Trail<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Default)]
enum Step<'a> {
    #[default]
    Root,
    Name(&'a str),
    Number(u32),
    Item(usize),
}

impl<'a> Trail<'a> {
    pub(super) fn root() -> Trail<'static> {
        Trail::default()
    }

    pub(super) fn name(&'a self, name: &'a str) -> Trail<'a> {
        Trail { up: Some(self), step: Step::Name(name) }
    }

    pub(super) fn number(&'a self, number: u32) -> Trail<'a> {
        Trail { up: Some(self), step: Step::Number(number) }
    }

    pub(super) fn item(&'a self, item: usize) -> Trail<'a> {
        Trail { up: Some(self), step: Step::Item(item) }
    }

    pub(super) fn path(&self) -> Path {
        let mut path = self.up.map(Trail::path).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Name(name) => path.push(Segment::Name(name.to_owned())),
            Step::Number(number) => path.push(Segment::Name(number.to_string())),
            Step::Item(item) => path.push(Segment::Item(item)),
        }
        path
    }
}
