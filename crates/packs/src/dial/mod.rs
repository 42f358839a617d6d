//! Dial plans: the neutral rules of `calls.dial_plan` in the syntaxes that telephones read. A syntax is a general form; which family
//! reads which stands in its templates.

mod forms;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

/// One place of a match.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Symbol {
    /// `0` to `9`, `*`, `#`
    Key(char),
    /// `x`
    Any,
    /// `[1-5]`; never empty, never all digits.
    Set(BTreeSet<char>),
    /// `,`
    Tone,
    /// The final `.`: any more digits, or none.
    More,
}

/// A place, and the capture that it is in, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    symbol: Symbol,
    capture: Option<usize>,
}

/// A piece of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Capture(usize),
}

/// A rule as it is read.
struct Rule {
    parts: Vec<Part>,
    replace: Option<Vec<Piece>>,
    timeout_s: Option<i64>,
}

/// A rule as a family reads it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    /// What is dialled.
    #[serde(rename = "match")]
    pub matched: String,
    /// What is sent instead, if something else is.
    pub replace: Option<String>,
    /// Whether more digits may follow.
    pub open: bool,
    /// Seconds without a further digit, if the rule says.
    pub timeout_s: Option<i64>,
    pub line: Option<i64>,
    pub emergency: bool,
}

/// A syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form<'a> {
    /// `9,1.*`: `.` a digit, `*` one or more, `\*` a star; `%1` … in the replacement are the runs of wildcards. No sets.
    Template,
    /// `[2-9]11|0T`: RFC 3435, 2.1.5, and a comma for the second dial tone. No replacements.
    DigitMap,
    /// `<9,:>1xxx.S3`: as a digit map, with `<dialled:sent>` and a time after `S`.
    DialString,
    /// `^9(1[0-9]*)$`; the text is what comes before the number of a capture in the replacement.
    Regex(&'a str),
    /// `9(1xx.)` and `$1`: as it is written, without second dial tones.
    Rows,
}

impl<'a> Form<'a> {
    /// By its name in templates.
    pub fn named(name: &str, reference: &'a str) -> Option<Self> {
        Some(match name {
            "template" => Self::Template,
            "digit-map" => Self::DigitMap,
            "dial-string" => Self::DialString,
            "regex" => Self::Regex(reference),
            "rows" => Self::Rows,
            _ => return None,
        })
    }
}

/// The rows of one rule, and what cannot be said exactly; no rows when it cannot be said at all.
pub(crate) fn rows(rule: &Value, form: Form<'_>) -> (Vec<Row>, Option<String>) {
    let text = |name: &str| rule.get(name).and_then(Value::as_str);
    let Some(parts) = text("match").and_then(read) else { return (Vec::new(), None) };
    let read = Rule { parts, replace: text("replace").map(pieces), timeout_s: rule.get("timeout_s").and_then(Value::as_i64) };
    let open = read.parts.last().is_some_and(|p| p.symbol == Symbol::More);
    let (texts, lost) = forms::texts(&read, form);
    let row = |(matched, replace)| Row {
        matched,
        replace,
        open,
        timeout_s: read.timeout_s,
        line: rule.get("line").and_then(Value::as_i64),
        emergency: rule.get("emergency").and_then(Value::as_bool).unwrap_or(false),
    };
    let lost = lost.map(|why| format!("{}: {why}", text("match").unwrap_or("")));
    (texts.into_iter().map(row).collect(), lost)
}

/// None for what the settings would not take.
fn read(text: &str) -> Option<Vec<Part>> {
    let (mut parts, mut captures, mut open) = (Vec::new(), 0, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let symbol = match c {
            '(' => {
                (open, captures) = (true, captures + 1);
                continue;
            }
            ')' => {
                open = false;
                continue;
            }
            'x' => Symbol::Any,
            ',' => Symbol::Tone,
            '.' => Symbol::More,
            '[' => {
                let (set, rest) = chars.as_str().split_once(']')?;
                chars = rest.chars();
                set_of(set)
            }
            '0'..='9' | '*' | '#' => Symbol::Key(c),
            _ => return None,
        };
        parts.push(Part { symbol, capture: open.then_some(captures) });
    }
    (!parts.is_empty()).then_some(parts)
}

fn set_of(text: &str) -> Symbol {
    let mut set = BTreeSet::new();
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        let last = if chars.next_if_eq(&'-').is_some() { chars.next().unwrap_or(first) } else { first };
        set.extend(first..=last);
    }
    if ('0'..='9').all(|d| set.contains(&d)) && set.len() == 10 { Symbol::Any } else { Symbol::Set(set) }
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        if !before.is_empty() {
            out.push(Piece::Text(before.to_owned()));
        }
        let mut chars = after.chars();
        if let Some(number) = chars.next().and_then(|c| c.to_digit(10)) {
            out.push(Piece::Capture(number as usize));
        }
        rest = chars.as_str();
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest.to_owned()));
    }
    out
}

#[cfg(test)]
mod tests;
