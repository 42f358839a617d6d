//! A value that somebody wrote as plain text, in the form that its field wants: on a command line, in a cell of a table.

use serde_json::{Value, json};

use super::{
    Path, Segment,
    field::{Field, Kind},
    field_at,
};

/// The value of a text at a path of settings: `1001` is text where text is wanted, and a number where a number is; words between commas are
/// a list where a list is. `null` is no value.
pub fn typed(path: &Path, text: &str) -> Value {
    typed_as(field_at(path), path, text)
}

/// The same for a field that is known already; none: nobody describes it.
pub fn typed_as(field: Option<&Field>, path: &Path, text: &str) -> Value {
    let json = serde_json::from_str::<Value>(text);
    if matches!(json, Ok(Value::Null)) {
        return Value::Null;
    }
    let in_list = matches!(path.segments().last(), Some(Segment::Item(_)));
    let kind = match field.map(|f| f.kind) {
        Some(Kind::List { of, .. }) if in_list => Some(*of),
        kind => kind,
    };
    let bare = || Value::String(text.to_owned());
    let is_text = |kind: &Kind| matches!(kind, Kind::Text { .. } | Kind::Choice(_));
    let raw = path.segments().len() > 2 && matches!(path.segments().first(), Some(Segment::Name(name)) if name == "raw");
    match kind {
        // A quoted text is JSON for those who must write one, say, with a line of blanks or the word null.
        Some(kind) if is_text(&kind) => json.ok().filter(Value::is_string).unwrap_or_else(bare),
        Some(Kind::List { of, .. }) if is_text(of) => match json {
            Ok(list @ Value::Array(_)) => list,
            _ => json!(text.split(',').map(str::trim).filter(|w| !w.is_empty()).collect::<Vec<_>>()),
        },
        None if raw => json.ok().filter(Value::is_string).unwrap_or_else(bare),
        _ => json.unwrap_or_else(|_| bare()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_field_says_what_a_text_means() {
        let of = |path: &str, text: &str| typed(&path.parse().unwrap(), text);
        assert_eq!(of("lines.1.number", "1001"), json!("1001"));
        assert_eq!(of("lines.1.local_port", "5062"), json!(5062));
        assert_eq!(of("lines.1.codecs", "pcma, g722"), json!(["pcma", "g722"]));
        assert_eq!(of("lines.1.enabled", "true"), json!(true));
        assert_eq!(of("raw.acme.\"a.b\"", "1"), json!("1"));
        assert_eq!(of("lines.1.label", "null"), Value::Null);
    }
}
