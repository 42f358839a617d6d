//! A plain list of MAC addresses. What it makes once it does not make again: the same list may be sent as often as one likes.

use std::collections::HashMap;

use offhook_core::{Error, Mac, Result, device::Device};
use offhook_store::{DeviceEdit, DeviceKey, WrittenDevice};
use serde_json::{Map, Value, json};

use super::{super::document::Reader, CHUNK, table};
use crate::app::{App, Caller, fields::Fields};

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// There is a device now.
    Created,
    /// There was one before; nothing of it is changed.
    Exists,
    /// An earlier line has the same MAC address.
    Duplicate,
    /// It cannot be read or written.
    Bad,
    /// Nothing tells which family it is of: its model has to be written behind it.
    UnknownVendor,
}

/// All outcomes.
pub const OUTCOMES: [Outcome; 5] = [Outcome::Created, Outcome::Exists, Outcome::Duplicate, Outcome::Bad, Outcome::UnknownVendor];

impl Outcome {
    /// Its name outside.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Exists => "exists",
            Self::Duplicate => "duplicate",
            Self::Bad => "bad",
            Self::UnknownVendor => "unknown_vendor",
        }
    }
}

/// A line that says something.
#[derive(Clone, Debug)]
pub struct Line {
    /// From 1.
    pub line: u64,
    /// Its MAC address, when it has one.
    pub mac: Option<Mac>,
    /// What became of it.
    pub outcome: Outcome,
    /// The device, as it is now.
    pub device: Option<Box<Device>>,
    /// What is to be known of it.
    pub message: Option<String>,
}

/// A line that may become a device.
struct Wanted {
    at: usize,
    mac: Mac,
    document: Map<String, Value>,
}

/// Makes a device of each line that has a new MAC address.
pub async fn import(app: &App, who: &Caller, tenant: Option<String>, text: &str) -> Result<Vec<Line>> {
    who.may_write()?;
    let tenant = tenant.unwrap_or_else(|| who.home().to_owned());
    if !app.store.configuration().tenants.contains_key(&tenant) {
        return Err(Error::invalid("tenant", format!("there is no tenant {tenant:?}")));
    }
    let (mut lines, wanted) = read(app, &tenant, text);
    let mut wanted = wanted.into_iter().peekable();
    while wanted.peek().is_some() {
        let chunk: Vec<Wanted> = wanted.by_ref().take(CHUNK).collect();
        let places: Vec<usize> = chunk.iter().map(|w| w.at).collect();
        let edits = chunk.into_iter().map(|w| edit(app, w)).collect();
        for (at, outcome) in places.into_iter().zip(app.store.write_devices(edits).await?) {
            if let Some(line) = lines.get_mut(at) {
                tell(line, outcome)?;
            }
        }
    }
    Ok(lines)
}

/// The models that somebody may choose from, each with its family.
pub fn models(app: &App) -> Vec<String> {
    let catalog = app.pipeline.catalog();
    let mut names: Vec<String> = catalog.packs().iter().flat_map(|p| p.models().map(|m| m.name.clone()).collect::<Vec<_>>()).collect();
    names.sort();
    names.dedup();
    names
}

fn edit(app: &App, wanted: Wanted) -> (DeviceKey, DeviceEdit) {
    let reader = Reader::of(app);
    let fill: DeviceEdit =
        Box::new(move |device, new, _| if new { reader.create(device, Fields::of(Value::Object(wanted.document))?) } else { Ok(()) });
    (DeviceKey::Mac(wanted.mac), fill)
}

fn tell(line: &mut Line, outcome: Result<WrittenDevice>) -> Result<()> {
    (line.outcome, line.device, line.message) = match outcome {
        Ok(WrittenDevice::Created(device)) => (Outcome::Created, Some(device), None),
        Ok(WrittenDevice::Unchanged(device) | WrittenDevice::Changed { after: device, .. }) => (Outcome::Exists, Some(device), None),
        // It is somebody else's: whose is not told.
        Err(Error::Conflict(why)) => (Outcome::Exists, None, Some(why)),
        Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => return Err(error),
        Err(error) => (Outcome::Bad, None, Some(error.to_string())),
    };
    Ok(())
}

/// Every line, and those that may become devices.
fn read(app: &App, tenant: &str, text: &str) -> (Vec<Line>, Vec<Wanted>) {
    let (mut lines, mut wanted, mut seen) = (Vec::new(), Vec::new(), HashMap::<Mac, u64>::new());
    for (number, text) in (1u64..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let text = without_comment(text);
        if text.is_empty() {
            continue;
        }
        let mut line = Line { line: number, mac: None, outcome: Outcome::Bad, device: None, message: None };
        match document(text) {
            Err(why) => line.message = Some(why),
            Ok((mac, mut document)) => {
                line.mac = Some(mac);
                if let Some(first) = seen.get(&mac) {
                    (line.outcome, line.message) = (Outcome::Duplicate, Some(format!("line {first} has it already")));
                } else if !document.contains_key("model") && !known(app, mac) {
                    seen.insert(mac, number);
                    let says = "nothing tells which family it is of: write its model behind it, as in 001565aabbcc,T46S";
                    (line.outcome, line.message) = (Outcome::UnknownVendor, Some(says.to_owned()));
                } else {
                    seen.insert(mac, number);
                    document.insert("tenant".to_owned(), json!(tenant));
                    wanted.push(Wanted { at: lines.len(), mac, document });
                }
            }
        }
        lines.push(line);
    }
    (lines, wanted)
}

/// `#` begins a comment where a line begins or a blank stands before it.
fn without_comment(text: &str) -> &str {
    let end = text
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| text.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with(char::is_whitespace)));
    end.and_then(|at| text.get(..at)).unwrap_or(text).trim()
}

fn document(text: &str) -> Result<(Mac, Map<String, Value>), String> {
    let cells = table::cells(text, ',')?;
    let mut cells = cells.into_iter();
    let first = cells.next().unwrap_or_default();
    let mac = first.parse::<Mac>().map_err(|why| why.to_string())?;
    let mut document = Map::from_iter([("mac".to_owned(), json!(mac))]);
    for name in ["model", "label", "profile"] {
        if let Some(cell) = cells.next().filter(|c| !c.is_empty()) {
            match name {
                "profile" => document.insert("profiles".to_owned(), json!([cell])),
                name => document.insert(name.to_owned(), json!(cell)),
            };
        }
    }
    match cells.find(|c| !c.is_empty()) {
        Some(_) => Err("at most MAC, model, label and profile stand on a line; a text with a comma stands in quotes".to_owned()),
        None => Ok((mac, document)),
    }
}

/// Whether a pack knows a phone by its address alone.
fn known(app: &App, mac: Mac) -> bool {
    app.pipeline.catalog().packs().iter().any(|p| p.has_oui(mac))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn comments_and_cells() {
        assert_eq!((without_comment("# x"), without_comment(" a # x "), without_comment("a,b#1")), ("", "a", "a,b#1"));
        let (mac, found) = document("00-15-65-AA-BB-CC, T46S ,\"Hall, left\",desk").unwrap();
        assert_eq!(mac.to_string(), "00:15:65:aa:bb:cc");
        assert_eq!(Value::Object(found), json!({"mac": "00:15:65:aa:bb:cc", "model": "T46S", "label": "Hall, left", "profiles": ["desk"]}));
        assert!(document("zz").is_err() && document("001565aabbcc,a,b,c,d").is_err() && document("001565aabbcc,,,,").is_ok());
    }
}
