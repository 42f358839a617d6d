//! What people and machines see: tables within 80 columns, fields, JSON, times and marks of emphasis.

use std::io::{self, IsTerminal, Write};

use offhook_core::clock::Timestamp;
use serde_json::Value;

use crate::{failure::Outcome, layout};

/// Where a command prints, and how.
pub struct Output<'a> {
    to: &'a mut dyn Write,
    /// JSON instead of text for people.
    pub json: bool,
    /// Columns of a line.
    pub width: usize,
    /// Emphasis by escape sequences.
    pub colours: bool,
    /// What is now by the server's clock, for "3 min ago".
    pub now: Option<Timestamp>,
    /// Writes are only tried.
    pub dry: bool,
}

impl<'a> Output<'a> {
    /// To standard output.
    pub fn new(to: &'a mut dyn Write) -> Self {
        let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { to, json: false, width: columns(), colours, now: None, dry: false }
    }

    /// For tests: no colours, 80 columns, a given time.
    #[cfg(test)]
    pub fn plain(to: &'a mut dyn Write, now: &str) -> Self {
        Self { to, json: false, width: 80, colours: false, now: Timestamp::parse(now), dry: false }
    }

    /// A line.
    pub fn line(&mut self, text: impl AsRef<str>) -> Outcome {
        writeln!(self.to, "{}", text.as_ref().trim_end())?;
        Ok(())
    }

    /// What was done with something, or would be: `done("001565aabbcc", "deleted")`. Nothing as JSON.
    pub fn done(&mut self, subject: &str, participle: &str) -> Outcome {
        match (self.json, self.dry) {
            (true, _) => Ok(()),
            (false, true) => self.line(format!("{subject} would be {participle}.")),
            (false, false) => self.line(format!("{subject} is {participle}.")),
        }
    }

    /// At the end of a command that only tried.
    pub fn finish(&mut self) -> Outcome {
        if self.dry && !self.json { self.line("It was only tried: nothing is changed.") } else { Ok(()) }
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> Outcome {
        self.to.write_all(bytes)?;
        self.to.flush()?;
        Ok(())
    }

    /// A value as JSON; `true` when that was asked for.
    pub fn as_json(&mut self, value: &Value) -> Outcome<bool> {
        if self.json {
            let text = serde_json::to_string_pretty(value).unwrap_or_default();
            self.line(text)?;
        }
        Ok(self.json)
    }

    /// A value as one line of JSON.
    pub fn json_line(&mut self, value: &Value) -> Outcome {
        self.line(value.to_string())?;
        self.to.flush()?;
        Ok(())
    }

    /// A table; without rows the sentence `none`.
    pub fn table(&mut self, header: &[&str], rows: Vec<Vec<String>>, none: &str) -> Outcome {
        if rows.is_empty() {
            return self.paragraph("", none);
        }
        let header = header.iter().map(|h| h.to_uppercase()).collect();
        self.rows(&[vec![header], rows].concat())
    }

    /// Names with their values, one per line; those without a value are left out.
    pub fn fields(&mut self, fields: &[(&str, String)]) -> Outcome {
        let given = fields.iter().filter(|(_, v)| !v.is_empty());
        self.rows(&given.map(|(n, v)| vec![(*n).to_owned(), v.clone()]).collect::<Vec<_>>())
    }

    fn rows(&mut self, rows: &[Vec<String>]) -> Outcome {
        layout::table(rows, self.width).iter().try_for_each(|l| self.line(l))
    }

    /// Text in a paragraph, each line after the indent.
    pub fn paragraph(&mut self, indent: &str, text: &str) -> Outcome {
        wrap(text, self.width.saturating_sub(indent.len()).max(20)).iter().try_for_each(|l| self.line(format!("{indent}{l}")))
    }

    /// A line that is broken only where it is too long; what follows the break stands deeper.
    pub fn long_line(&mut self, text: &str) -> Outcome {
        if layout::width(text) <= self.width {
            return self.line(text);
        }
        let lines = layout::broken(text, self.width.saturating_sub(4));
        lines.iter().enumerate().try_for_each(|(number, l)| self.line(if number == 0 { l.clone() } else { format!("    {l}") }))
    }

    /// A heading.
    pub fn heading(&mut self, text: &str) -> Outcome {
        let text = self.paint("1", text);
        self.line("")?;
        self.line(text)
    }

    /// Good news.
    pub fn good(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// Bad news.
    pub fn bad(&self, text: &str) -> String {
        self.paint("31", text)
    }

    /// Emphasis.
    pub fn strong(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// `2026-11-21 03:40:00 UTC (3 min ago)`
    pub fn when(&self, time: &str) -> String {
        let moment = format!("{} UTC", moment(time));
        self.since(time).map_or(moment.clone(), |ago| format!("{moment} ({ago})"))
    }

    /// `3 min ago`, or the moment where nobody tells what is now.
    pub fn ago(&self, time: &str) -> String {
        self.since(time).unwrap_or_else(|| moment(time))
    }

    fn since(&self, time: &str) -> Option<String> {
        let (now, at) = (self.now?, Timestamp::parse(time)?);
        Some(ago(now.as_millis().saturating_sub(at.as_millis())))
    }
}

/// How wide a line may be.
pub fn columns() -> usize {
    std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).unwrap_or(80).max(40)
}

/// `2026-11-21 03:40:00`, always UTC.
pub fn moment(time: &str) -> String {
    time.get(..19).map_or_else(|| time.to_owned(), |t| t.replace('T', " "))
}

fn ago(millis: i64) -> String {
    match millis / 1000 {
        // The server's clock is told in whole seconds.
        s if s <= 0 => "now".to_owned(),
        s if s < 90 => format!("{s} s ago"),
        s if s < 5400 => format!("{} min ago", s / 60),
        s if s < 129_600 => format!("{} h ago", s / 3600),
        s => format!("{} days ago", s / 86_400),
    }
}

/// `5.0 KiB`
pub fn size(bytes: u64) -> String {
    match bytes {
        b if b < 1024 => format!("{b} B"),
        b if b < 1 << 20 => format!("{:.1} KiB", b as f64 / 1024.0),
        b => format!("{:.1} MiB", b as f64 / f64::from(1 << 20)),
    }
}

/// Words in lines. A line that is a command stays whole, so that it can be copied.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for part in text.lines() {
        if part.starts_with("offhook ") {
            lines.push(format!("  {part}"));
            continue;
        }
        // Blanks within it are those between words, whatever they were.
        let words: Vec<&str> = part.split_whitespace().collect();
        lines.extend(layout::broken(&words.join(" "), width));
    }
    lines
}

/// Each line broken at blanks to fit; what follows the break stands a little deeper than the line began.
pub fn folded(text: &str, width: usize) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let begin = line.len().saturating_sub(line.trim_start().len());
        for (number, part) in wrap(line, width.saturating_sub(begin + 2).max(20)).iter().enumerate() {
            let indent = if number == 0 { begin } else { begin + 2 };
            lines.push(format!("{:indent$}{part}", ""));
        }
    }
    lines.join("\n")
}

/// Text that came from a phone or a person, safe to print: control characters are escaped.
pub fn safe(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// The same for a text of several lines.
pub fn safe_lines(text: &str) -> String {
    text.lines().map(safe).collect::<Vec<_>>().join("\n")
}

/// A JSON value where people read it: text bare, nothing for null, else JSON.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => safe(text),
        Value::Array(items) if items.iter().all(|i| !i.is_object() && !i.is_array()) => {
            items.iter().map(shown).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The member that dotted names lead to, as people read it.
pub fn member(value: &Value, path: &str) -> String {
    path.split('.').try_fold(value, |v, name| v.get(name)).map(shown).unwrap_or_default()
}

/// The items of a list answer.
pub fn items(value: &Value) -> &[Value] {
    let list = value.get("items").unwrap_or(value);
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// One row per item, one column per member.
pub fn rows(value: &Value, columns: &[&str]) -> Vec<Vec<String>> {
    items(value).iter().map(|item| columns.iter().map(|c| member(item, c)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_below_their_beginning() {
        let text = "offhook: What was sent is wrong:\n  field: one two three four five six";
        assert_eq!(folded(text, 34), "offhook: What was sent is wrong:\n  field: one two three four five\n    six");
        assert_eq!(folded("short", 34), "short");
    }
}
