//! Names in place of addresses in effective settings (see [`crate::address_map`]): where an address may stand follows from a field's kind.

use std::net::IpAddr;

use serde_json::Value;

use crate::address_map::{AddressNames, Found, behind_at, in_authority, in_urls, tokens};

use super::effective::{Effective, retain_leaves};
use super::field::Kind;
use super::format::Format;
use super::path::{Path, Trail};

impl Effective {
    /// Puts the device's port where `auto` stands.
    pub fn fill_local_ports(&mut self, port: u16) {
        retain_leaves(&mut self.root, &Trail::root(), &mut |_, leaf| {
            if leaf.field.is_some_and(|field| matches!(field.kind, Kind::PortOrAuto)) && leaf.value == "auto" {
                leaf.value = port.into();
            }
            true
        });
    }

    /// Puts names in place of addresses wherever a host stands: in fields for hosts and URLs, in URLs within other texts, and as tokens
    /// in raw parameters and in what keys use. Secrets, labels, versions and fields that take addresses only stay.
    pub fn name_addresses(&mut self, names: &AddressNames) {
        if names.is_empty() {
            return;
        }
        retain_leaves(&mut self.root, &Trail::root(), &mut |_, leaf| {
            let mut seen = Vec::new();
            match leaf.field {
                _ if leaf.generated => {}
                Some(field) => name_value(names, &field.kind, field.secret, &mut leaf.value, &mut seen),
                None => name_text(names, tokens, &mut leaf.value, &mut seen),
            }
            leaf.addresses.extend(seen);
            true
        });
    }

    /// Addresses that have a name but stand where only an address can: the phone's own network settings, say.
    pub fn addresses_kept(&self, names: &AddressNames) -> Vec<(Path, IpAddr)> {
        if names.is_empty() {
            return Vec::new();
        }
        let mapped = |value: &Value| value.as_str().and_then(|t| t.parse::<IpAddr>().ok()).filter(|a| names.name(*a).is_some());
        let only_addresses = |path: &Path| {
            let field = super::model::field_at(path)?;
            let kind = if let Kind::List { of, .. } = field.kind { *of } else { field.kind };
            matches!(kind, Kind::Text { format: Format::Ip, .. }).then_some(())
        };
        let mut kept = Vec::new();
        for (path, leaf) in self.leaves() {
            let items = leaf.value.as_array().map_or(std::slice::from_ref(leaf.value), Vec::as_slice);
            if let Some(address) = items.iter().find_map(mapped)
                && only_addresses(&path).is_some()
            {
                kept.push((path, address));
            }
        }
        kept
    }
}

fn name_value(names: &AddressNames, kind: &Kind, secret: bool, value: &mut Value, seen: &mut Vec<IpAddr>) {
    match (kind, &mut *value) {
        (Kind::List { of, .. }, Value::Array(items)) => items.iter_mut().for_each(|item| name_value(names, of, secret, item, seen)),
        (Kind::Object(shape), Value::Object(map)) => {
            for (name, value) in map {
                if let Some(field) = shape.field(name) {
                    name_value(names, &field.kind, field.secret, value, seen);
                }
            }
        }
        (Kind::Text { format, .. }, Value::String(_)) if !secret => {
            if let Some(find) = finder(*format) {
                name_text(names, find, value, seen);
            }
        }
        _ => {}
    }
}

fn name_text(names: &AddressNames, find: fn(&str) -> Vec<Found>, value: &mut Value, seen: &mut Vec<IpAddr>) {
    if let Value::String(text) = value
        && let Some((named, addresses)) = names.replaced(text, find(text))
    {
        *text = named;
        seen.extend(addresses.into_iter().filter(|a| !seen.contains(a)).collect::<Vec<_>>());
    }
}

/// Where in a text of this form a host may stand; none: nowhere.
fn finder(format: Format) -> Option<fn(&str) -> Vec<Found>> {
    match format {
        Format::Host => Some(whole),
        Format::Proxy => Some(|text| if text.contains("://") { in_urls(text) } else { in_authority(text) }),
        Format::Url | Format::ActionUrl | Format::Asset | Format::Plain => Some(in_urls),
        Format::Word => Some(|text| {
            let mut found = in_urls(text);
            if found.is_empty() {
                found = behind_at(text);
            }
            found
        }),
        Format::Target => Some(|text| if text.contains("://") { in_urls(text) } else { tokens(text) }),
        Format::Name
        | Format::Digits
        | Format::Ip
        | Format::Mask
        | Format::Network
        | Format::Mac
        | Format::Zone
        | Format::Language
        | Format::Country
        | Format::Tone
        | Format::Date
        | Format::TimeOfDay
        | Format::TimeSpan
        | Format::DialMatch
        | Format::DialReplace
        | Format::Version
        | Format::SettingPath => None,
    }
}

/// The address that the whole text is.
fn whole(text: &str) -> Vec<Found> {
    let address = text.parse::<IpAddr>().ok();
    address.map(|address| Found { at: 0..text.len(), address: address.to_canonical() }).into_iter().collect()
}
