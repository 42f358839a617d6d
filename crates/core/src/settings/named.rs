//! What a document names of the things that are stored apart: assets and phone books. So that an unknown name is told when it is
//! written, and what is in use is not deleted.

use serde_json::{Map, Value};

use super::document::{Document, Model};
use super::field::{Field, Kind, Shape};
use super::format::Format;
use super::model::PHONEBOOK;
use super::path::{Path, Segment};

/// What a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NamedKind {
    /// A stored file.
    Asset,
    /// A stored file, or something that the phone has by itself: any name may stand there.
    Ringtone,
    /// A stored phone book, by name or id.
    Phonebook,
}

/// One name in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it stands.
    pub path: Path,
    /// What it means.
    pub kind: NamedKind,
    /// The name.
    pub name: String,
}

impl<M: Model> Document<M> {
    /// Every name of an asset or a phone book. Absolute URLs, and texts with variables, name nothing that is stored.
    pub fn named(&self) -> Vec<Named> {
        let mut found = Vec::new();
        object(M::shape(), self.tree(), &mut Path::default(), &mut found);
        found
    }
}

fn object(shape: &'static Shape, map: &Map<String, Value>, at: &mut Path, found: &mut Vec<Named>) {
    if std::ptr::eq(shape, &PHONEBOOK) {
        return phonebook(map, at, found);
    }
    for (name, value) in map {
        let Some(field) = shape.field(name) else { continue };
        at.push(Segment::Name(name.clone()));
        field_value(field, &field.kind, value, at, found);
        at.pop();
    }
}

fn field_value(field: &'static Field, kind: &'static Kind, value: &Value, at: &mut Path, found: &mut Vec<Named>) {
    match (kind, value) {
        (Kind::Object(shape), Value::Object(map)) => object(shape, map, at, found),
        (Kind::Numbered { of, .. }, Value::Object(map)) => {
            for (number, value) in map {
                if let Value::Object(map) = value {
                    at.push(Segment::Name(number.clone()));
                    object(of, map, at, found);
                    at.pop();
                }
            }
        }
        (Kind::List { of, .. }, Value::Array(items)) => {
            for (i, item) in items.iter().enumerate() {
                at.push(Segment::Item(i));
                field_value(field, of, item, at, found);
                at.pop();
            }
        }
        (Kind::Text { format: Format::Asset, .. }, Value::String(name)) => {
            let kind = if field.name == "ringtone" { NamedKind::Ringtone } else { NamedKind::Asset };
            add(name, kind, at, found);
        }
        _ => {}
    }
}

/// With a URL the name is one of the phone's menu.
fn phonebook(map: &Map<String, Value>, at: &Path, found: &mut Vec<Named>) {
    if map.contains_key("url") {
        return;
    }
    for field in ["id", "name"] {
        if let Some(name) = map.get(field).and_then(Value::as_str) {
            let mut at = at.clone();
            at.push(Segment::Name(field.to_owned()));
            return add(name, NamedKind::Phonebook, &at, found);
        }
    }
}

fn add(name: &str, kind: NamedKind, at: &Path, found: &mut Vec<Named>) {
    if !name.is_empty() && !name.contains("://") && !name.contains("${") {
        found.push(Named { path: at.clone(), kind, name: name.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use serde_json::json;

    use super::*;
    use crate::settings::{AccountValues, Scope, Settings};

    #[test]
    fn every_name_is_found_where_it_stands() {
        let settings = Settings::validate(
            &json!({
                "display": { "logo": "logo", "wallpaper": "https://h/w.png", "text": "logo" },
                "audio": { "ringtone": "Ring1", "ringtones": [{ "name": "a", "asset": "a.wav" }] },
                "lines": { "2": { "ringtone": "b", "alert_info": [{ "match": "x", "ringtone": "c" }] } },
                "security": { "ca_certificates": ["ca", "${tenant.name}"] },
                "network": { "dot1x": { "client_certificate": "cert" } },
                "directory": { "phonebooks": [{ "name": "Menu", "url": "http://h/" }, { "name": "company" }, { "id": "x", "name": "shown" }] },
            }),
            Scope::Device,
        )
        .unwrap();
        let mut found: Vec<(String, NamedKind)> =
            settings.named().into_iter().map(|n| (format!("{}={}", n.path, n.name), n.kind)).collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("audio.ringtone=Ring1", NamedKind::Ringtone),
            ("audio.ringtones[0].asset=a.wav", NamedKind::Asset),
            ("directory.phonebooks[1].name=company", NamedKind::Phonebook),
            ("directory.phonebooks[2].id=x", NamedKind::Phonebook),
            ("display.logo=logo", NamedKind::Asset),
            ("lines.2.alert_info[0].ringtone=c", NamedKind::Ringtone),
            ("lines.2.ringtone=b", NamedKind::Ringtone),
            ("network.dot1x.client_certificate=cert", NamedKind::Asset),
            ("security.ca_certificates[0]=ca", NamedKind::Asset),
        ];
        assert_eq!(found, expected.map(|(text, kind)| (text.to_owned(), kind)));
        let account = AccountValues::validate(&json!({ "ringtone": "b" }), Scope::Account).unwrap();
        assert_eq!(account.named().len(), 1);
    }
}
