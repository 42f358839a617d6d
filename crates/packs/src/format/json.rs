//! One JSON document. Parameters are dotted paths (`a.b.0.c`).

use serde_json::{Map, Value};

use super::{Losses, Parameter, Segment, nearest, segments};
use crate::manifest::Charset;

/// Deepest nesting that is read; serde_json refuses more than 128 itself.
const DEPTH: usize = 64;

pub(super) fn resolve(text: &str, charset: Charset, losses: &mut Losses) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut inside, mut escaped) = (false, false);
    for segment in segments(text) {
        match segment {
            Segment::Literal(text) => {
                for c in text.chars() {
                    match c {
                        _ if escaped => escaped = false,
                        '\\' if inside => escaped = true,
                        '"' => inside = !inside,
                        _ => {}
                    }
                }
                out.push_str(text);
            }
            Segment::Value(value) => {
                let quoted = Value::from(nearest(value, charset, losses).into_owned()).to_string();
                // Outside of a string a text is a string of its own.
                out.push_str(if inside { quoted.get(1..quoted.len() - 1).unwrap_or("") } else { &quoted });
            }
        }
    }
    out
}

pub(super) fn parse(text: &str) -> Result<Vec<Parameter>, (usize, String)> {
    let value: Value = serde_json::from_str(text).map_err(|e| (e.line(), format!("is no JSON ({:?})", e.classify())))?;
    let mut out = Vec::new();
    collect(&value, &mut String::new(), DEPTH, &mut out);
    Ok(out)
}

fn collect(value: &Value, path: &mut String, depth: usize, out: &mut Vec<Parameter>) {
    let mut below = |key: &str, value: &Value| {
        let len = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        collect(value, path, depth.saturating_sub(1), out);
        path.truncate(len);
    };
    match value {
        Value::Object(map) if depth > 0 => map.iter().for_each(|(k, v)| below(k, v)),
        Value::Array(list) if depth > 0 => list.iter().enumerate().for_each(|(i, v)| below(&i.to_string(), v)),
        Value::String(text) => out.push(Parameter { name: path.clone(), value: text.clone(), line: 0 }),
        other => out.push(Parameter { name: path.clone(), value: other.to_string(), line: 0 }),
    }
}

/// A number or boolean that stands there stays one if the text is one.
pub(super) fn set(text: &str, name: &str, value: &str) -> Result<String, String> {
    let mut document: Value = if text.trim().is_empty() {
        Value::Object(Map::new())
    } else {
        serde_json::from_str(text).map_err(|e| format!("the file is no JSON ({:?})", e.classify()))?
    };
    let bad = || "is no path of this file: write names with dots between".to_owned();
    let parts: Vec<&str> = name.split('.').collect();
    if parts.iter().any(|p| p.is_empty()) || parts.len() > DEPTH {
        return Err(bad());
    }
    let mut place = &mut document;
    for part in parts {
        place = match place {
            Value::Array(list) => part.parse::<usize>().ok().and_then(|i| list.get_mut(i)).ok_or_else(bad)?,
            Value::Object(map) => map.entry(part).or_insert_with(|| Value::Object(Map::new())),
            _ => return Err(bad()),
        };
    }
    let typed = match place {
        Value::Number(_) | Value::Bool(_) => serde_json::from_str(value).ok().filter(|v: &Value| v.is_number() || v.is_boolean()),
        _ => None,
    };
    *place = typed.unwrap_or_else(|| Value::from(value));
    serde_json::to_string_pretty(&document).map(|t| t + "\n").map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::{Losses, clean, mark, tests::*};
    use super::*;
    use proptest::prelude::*;

    fn set(text: &str, name: &str, value: &str) -> Result<String, String> {
        format("kind = 'json'").set(text, name, value, Charset::Utf8, &mut Losses::default())
    }

    #[test]
    fn paths_are_set() {
        assert_eq!(set("{\"a\":{\"b\":[1,2]}}", "a.b.1", "5").unwrap().split_whitespace().collect::<String>(), "{\"a\":{\"b\":[1,5]}}");
        assert_eq!(set("", "x.y", "1").unwrap().split_whitespace().collect::<String>(), "{\"x\":{\"y\":\"1\"}}");
        assert!(
            set("{}", "a..b", "1").is_err()
                && set("{\"a\":1}", "a.b", "1").is_err()
                && set("[1]", "7", "1").is_err()
                && set("{", "a", "1").is_err()
        );
    }

    proptest! {
        #[test]
        fn a_value_is_one_value(value in hostile()) {
            let format = format("kind = 'json'");
            let text = format!("{{\"a\": \"x{0}\", \"b\\\"\": {1}, \"c\": \"z\"}}", mark(&value), Value::from("q"));
            let parsed = format.parse(&format.resolve(&text, Charset::Utf8, &mut Losses::default())).unwrap();
            prop_assert_eq!(parsed.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["a", "b\"", "c"]);
            prop_assert_eq!(&parsed[0].value, &format!("x{}", clean(&value)));
        }

        #[test]
        fn what_is_set_is_read(value in hostile()) {
            let parsed = format("kind = 'json'").parse(&set("{\"a\": \"1\"}", "a", &value).unwrap()).unwrap();
            prop_assert_eq!(&parsed[0].value, &clean(&value).into_owned());
        }
    }
}
