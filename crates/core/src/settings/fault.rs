//! What is wrong in a document, said so that a person can mend it. No secret ever gets into one.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::secret;
use super::text::is_refused;

/// One fault: where it is, what stands there and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Field path (`lines.1.servers[0].port`); empty for the document as a whole.
    pub path: String,
    /// What is wrong and what is allowed. Never holds a secret.
    pub message: String,
}

impl Fault {
    /// A fault at `path`.
    pub fn new(path: impl fmt::Display, message: impl Into<String>) -> Self {
        Self { path: path.to_string(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

impl std::error::Error for Fault {}

/// A value of the right type as a fault may show it: short, on one line, passwords of URLs masked.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => shown_text(&secret::mask_urls(text)),
        _ => type_of(value).to_owned(),
    }
}

/// What a value is. All that a fault may tell of one that stands in the wrong place: there it may be anything, a secret too.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A text as a fault may show it: quoted, cut after 60 characters, control characters made visible.
pub(super) fn shown_text(text: &str) -> String {
    let mut out = String::from("\"");
    for (count, c) in text.chars().enumerate() {
        if count == 60 {
            out.push('…');
            break;
        }
        if is_refused(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out.push('"');
    out
}
