//! One file per noun: its options, what it asks the server, and what it prints.

pub mod account;
pub mod asset;
pub mod author;
pub mod config;
pub mod device;
pub mod firmware;
pub mod job;
pub mod pack;
pub mod phonebook;
pub mod profile;
pub mod requests;
pub mod serve;
pub mod shelf;
pub mod simulate;
pub mod site;
pub mod template;
pub mod tenant;
pub mod token;

use clap::builder::RangedU64ValueParser;
use serde_json::{Map, Value};

use crate::{assign::Change, client::Client, failure::Outcome, output::Output};

/// Puts a value under a name when there is one.
fn put(document: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        document[name] = value.into();
    }
}

/// A count of things to show.
fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

/// An empty document.
fn document() -> Value {
    Value::Object(Map::new())
}

/// The patch of a settings document that stands under `name` of what `segments` lead to.
async fn settings_patch(client: &Client, segments: &[&str], name: &str, change: &Change) -> Outcome<Option<Value>> {
    if change.is_empty() {
        return Ok(None);
    }
    let current = if change.needs_current() { client.get(segments, &[]).await?.get(name).cloned().unwrap_or_default() } else { document() };
    change.patch(&current).map(Some)
}

/// A settings document, one leaf per line, or a sentence when it is empty.
fn settings_table(out: &mut Output<'_>, settings: &Value, none: &str) -> Outcome {
    let rows = leaves(settings).into_iter().map(|(path, value)| vec![path, value]).collect();
    out.table(&["setting", "value"], rows, none)
}

/// Every leaf with its path, as it is written on the command line.
fn leaves(settings: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, path: &mut Vec<String>, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    path.push(name.clone());
                    walk(value, path, found);
                    path.pop();
                }
            }
            leaf => {
                let path = offhook_core::settings::Path::of(path.iter().cloned());
                let shown = match leaf {
                    Value::String(text) if text.is_empty() => "\"\"".to_owned(),
                    other => crate::output::shown(other),
                };
                found.push((path.to_string(), shown));
            }
        }
    }
    let mut found = Vec::new();
    walk(settings, &mut Vec::new(), &mut found);
    found
}

/// "More follow" below a list that was cut.
fn more(out: &mut Output<'_>, list: &Value) -> Outcome {
    if list.get("next_cursor").is_some_and(|c| !c.is_null()) {
        out.line("")?;
        out.line("There are more: narrow the list, or raise --limit.")?;
    }
    Ok(())
}
