//! One file per noun: its options, what it asks the server, and what it prints.

pub mod account;
pub mod address_map;
pub mod asset;
pub mod audit;
pub mod author;
pub mod backup;
pub mod config;
pub mod device;
pub mod firmware;
pub mod health;
pub mod history;
pub mod import;
pub mod job;
pub mod man;
pub mod metrics;
pub mod pack;
pub mod phonebook;
pub mod profile;
pub mod requests;
pub mod serve;
pub mod shelf;
pub mod simulate;
pub mod site;
pub mod status;
pub mod template;
pub mod tenant;
pub mod token;

use clap::{Args, builder::RangedU64ValueParser};
use serde_json::{Map, Value};

use crate::{
    assign::Change,
    client::{Client, Query},
    failure::{Failure, Outcome},
    output::Output,
};

/// Of every command that writes.
#[derive(Args, Debug, Clone, Copy, Default)]
pub struct Trial {
    /// Only try: tell every fault and what would be, change nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl Trial {
    /// Has everything that is written from now on only tried, when that is asked.
    pub fn begin(self, out: &mut Output<'_>, client: &Client) {
        if self.dry_run {
            out.dry = true;
            client.only_try();
        }
    }
}

/// Of every command that changes what is there.
#[derive(Args, Debug, Clone, Copy, Default)]
pub struct Guard {
    /// Only when this is its revision (--json shows it): else somebody changed it since
    #[arg(long, value_name = "N")]
    pub revision: Option<u64>,
    #[command(flatten)]
    pub trial: Trial,
}

impl Guard {
    /// Has everything that is written from now on guarded so.
    pub fn begin(self, out: &mut Output<'_>, client: &Client) {
        self.trial.begin(out, client);
        if let Some(revision) = self.revision {
            client.only_of(revision);
        }
    }

    /// What was read to be changed is changed in that revision only.
    pub fn read(self, client: &Client, document: &Value) {
        if let Some(revision) = self.revision.or_else(|| document.get("revision").and_then(Value::as_u64)) {
            client.only_of(revision);
        }
    }
}

/// What is said when there is nothing to do.
fn nothing_to_set(ways: &str) -> Failure {
    Failure::Usage(format!("nothing to set: give {ways}"))
}

/// What is said of an empty list: `all` only where nothing narrowed it.
fn none<'t>(query: Query<'_>, all: &'t str) -> &'t str {
    let narrowed = query.iter().any(|(name, value)| value.is_some() && *name != "sort");
    if narrowed { "Nothing fits what was asked for: leave an option out to see more." } else { all }
}

/// The tenant of a thing that may be everybody's.
fn owner(thing: &Value) -> String {
    Some(crate::output::member(thing, "tenant")).filter(|t| !t.is_empty()).unwrap_or_else(|| "(all)".to_owned())
}

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
async fn settings_patch(client: &Client, segments: &[&str], name: &str, change: &Change, guard: Guard) -> Outcome<Option<Value>> {
    if change.is_empty() {
        return Ok(None);
    }
    if !change.needs_current() {
        return change.patch(&document()).map(Some);
    }
    let whole = client.get(segments, &[]).await?;
    guard.read(client, &whole);
    change.patch(&whole.get(name).cloned().unwrap_or_default()).map(Some)
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
