//! What the audit log and the history know of each noun: how it is called, whose it is, and its document.

use offhook_core::{
    Result,
    account::Account,
    address_map::AddressMap,
    asset::Asset,
    clock::{Entropy, Timestamp},
    device::Device,
    firmware::Firmware,
    phonebook::Phonebook,
    profile::Profile,
    settings::{Document, MASK, Model, RawSecrets},
    site::Site,
    template::TemplateOverride,
    tenant::Tenant,
    token::Token,
    upload::Upload,
};
use serde_json::{Map, Value, json};

use crate::{
    compare::{Differences, Side},
    key::Sealer,
};

/// Which thing it is.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// `device`, `profile` …
    pub(crate) noun: &'static str,
    /// Its id; `site` for the site.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    /// Its tenant; none: it is no tenant's.
    pub(crate) tenant: Option<String>,
    /// Its revision, where it has one.
    pub(crate) revision: Option<u64>,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// When it was last changed.
    pub(crate) updated_at: Timestamp,
}

/// A settings document of a thing.
pub(crate) struct Part<'a> {
    /// The field it is kept in.
    pub(crate) field: &'static str,
    /// What stands before its paths: nothing, or `enforced`.
    pub(crate) shown: &'static str,
    /// The place that its secrets are sealed for: that of the row.
    pub(crate) place: String,
    /// The document.
    pub(crate) document: &'a dyn Sealed,
}

/// Something whose writes are written down.
pub(crate) trait Kept: Sync {
    /// Which one it is.
    fn about(&self) -> About;
    /// Its own fields, as the API spells them. What is null, empty or false says nothing.
    fn own(&self) -> Value;
    /// What a version needs beside those to be brought back, and nobody compares.
    fn beside(&self) -> Value {
        Value::Null
    }
    /// Those of its own fields that are secrets.
    fn secrets(&self) -> &'static [&'static str] {
        &[]
    }
    /// Its settings documents.
    fn parts(&self) -> Vec<Part<'_>> {
        Vec::new()
    }
    /// Whether its versions are kept.
    fn versions(&self) -> bool {
        false
    }
}

/// A document whose secrets can be masked and sealed.
pub(crate) trait Sealed: Sync {
    /// As it is.
    fn clear(&self) -> Value;
    /// For people.
    fn masked(&self, raw: &RawSecrets) -> Value;
    /// For the disk.
    fn sealed(&self, place: &str, raw: &RawSecrets, sealer: &Sealer, entropy: &dyn Entropy) -> Result<String>;
}

impl<M: Model> Sealed for Document<M> {
    fn clear(&self) -> Value {
        Value::Object(self.tree().clone())
    }

    fn masked(&self, raw: &RawSecrets) -> Value {
        Self::masked(self, raw)
    }

    fn sealed(&self, place: &str, raw: &RawSecrets, sealer: &Sealer, entropy: &dyn Entropy) -> Result<String> {
        sealer.seal_document(place, self, raw, entropy)
    }
}

/// Its own fields without those that say nothing.
pub(crate) fn own_fields(thing: &dyn Kept) -> Map<String, Value> {
    let Value::Object(mut own) = thing.own() else { return Map::new() };
    own.retain(|_, v| match v {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    });
    own
}

/// Its own fields as people may see them.
pub(crate) fn shown_fields(thing: &dyn Kept) -> Map<String, Value> {
    let mut own = own_fields(thing);
    for (name, value) in &mut own {
        if thing.secrets().contains(&name.as_str()) {
            *value = MASK.into();
        }
    }
    own
}

/// Adds what differs between two things.
pub(crate) fn compare(differences: &mut Differences, before: Option<&dyn Kept>, after: Option<&dyn Kept>, raw: &RawSecrets) {
    let own = |thing: Option<&dyn Kept>| thing.map(|t| (Value::Object(own_fields(t)), Value::Object(shown_fields(t))));
    let (old, new) = (own(before), own(after));
    differences.between("", old.as_ref().map(side), new.as_ref().map(side));
    let (old, new) = (before.map(Kept::parts).unwrap_or_default(), after.map(Kept::parts).unwrap_or_default());
    let longer = if old.len() > new.len() { &old } else { &new };
    for (i, part) in longer.iter().enumerate() {
        let both = |parts: &[Part<'_>]| parts.get(i).map(|p| (p.document.clear(), p.document.masked(raw)));
        let (old, new) = (both(&old), both(&new));
        let empty = |document: &Option<(Value, Value)>| document.as_ref().is_none_or(|(clear, _)| *clear == json!({}));
        if empty(&old) && empty(&new) {
            continue;
        }
        differences.between(part.shown, old.as_ref().map(side), new.as_ref().map(side));
    }
}

fn side((clear, shown): &(Value, Value)) -> Side<'_> {
    Side { clear, shown }
}

fn settings_part<'a>(field: &'static str, shown: &'static str, place: String, document: &'a dyn Sealed) -> Part<'a> {
    Part { field, shown, place, document }
}

impl Kept for Device {
    fn about(&self) -> About {
        About {
            noun: "device",
            id: self.id.to_string(),
            name: device_name(self),
            tenant: Some(self.tenant.clone()),
            revision: Some(self.revision),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn own(&self) -> Value {
        json!({
            "tenant": self.tenant, "mac": self.mac, "serial": self.serial, "uuid": self.uuid, "vendor": self.vendor, "model": self.model,
            "model_pinned": self.model_pinned, "reported_model": self.reported_model, "firmware": self.firmware, "pack": self.pack,
            "pack_pinned": self.pack_pinned, "state": self.state, "profiles": self.profiles, "unset": self.unset, "label": self.label,
            "location": self.location, "tags": self.tags,
        })
    }

    fn beside(&self) -> Value {
        json!({ "generation": self.generation })
    }

    fn parts(&self) -> Vec<Part<'_>> {
        vec![settings_part("settings", "", format!("device {}", self.id), &self.settings)]
    }

    fn versions(&self) -> bool {
        true
    }
}

/// MAC address, serial number or UUID: what a phone is known by.
fn device_name(device: &Device) -> String {
    let mac = device.mac.map(|m| m.to_string());
    mac.or_else(|| device.serial.clone()).or_else(|| device.uuid.clone()).unwrap_or_else(|| device.label.clone())
}

impl Kept for Profile {
    fn about(&self) -> About {
        About {
            noun: "profile",
            id: self.id.to_string(),
            name: self.name.clone(),
            tenant: self.tenant.clone(),
            revision: Some(self.revision),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn own(&self) -> Value {
        json!({
            "name": self.name, "tenant": self.tenant, "parents": self.parents, "match": self.matches, "unset": self.unset,
            "label": self.label,
        })
    }

    fn parts(&self) -> Vec<Part<'_>> {
        vec![settings_part("settings", "", format!("profile {} settings", self.id), &self.settings)]
    }

    fn versions(&self) -> bool {
        true
    }
}

impl Kept for Account {
    fn about(&self) -> About {
        About {
            noun: "account",
            id: self.id.to_string(),
            name: self.name.clone(),
            tenant: Some(self.tenant.clone()),
            revision: Some(self.revision),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn own(&self) -> Value {
        json!({ "tenant": self.tenant, "name": self.name, "shared": self.shared, "code": self.code })
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["code"]
    }

    fn parts(&self) -> Vec<Part<'_>> {
        vec![settings_part("values", "", format!("account {}", self.id), &self.values)]
    }

    fn versions(&self) -> bool {
        true
    }
}

impl Kept for Tenant {
    fn about(&self) -> About {
        About {
            noun: "tenant",
            id: self.id.to_string(),
            name: self.name.clone(),
            tenant: Some(self.name.clone()),
            revision: Some(self.revision),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn own(&self) -> Value {
        json!({ "name": self.name, "networks": self.networks })
    }

    fn parts(&self) -> Vec<Part<'_>> {
        vec![
            settings_part("settings", "", format!("tenant {} settings", self.id), &self.settings),
            settings_part("enforced", "enforced", format!("tenant {} enforced", self.id), &self.enforced),
        ]
    }

    fn versions(&self) -> bool {
        true
    }
}

impl Kept for Site {
    fn about(&self) -> About {
        About {
            noun: "site",
            id: "site".into(),
            name: "site".into(),
            tenant: None,
            revision: Some(self.revision),
            created_at: Timestamp::from_millis(0),
            updated_at: self.updated_at,
        }
    }

    fn own(&self) -> Value {
        json!({})
    }

    fn parts(&self) -> Vec<Part<'_>> {
        vec![
            settings_part("settings", "", crate::site::SETTINGS.into(), &self.settings),
            settings_part("enforced", "enforced", crate::site::ENFORCED.into(), &self.enforced),
        ]
    }

    fn versions(&self) -> bool {
        true
    }
}

impl Kept for TemplateOverride {
    fn about(&self) -> About {
        About {
            noun: "template",
            id: self.id.to_string(),
            name: template_name(&self.scope.to_string(), &self.pack, &self.name),
            tenant: self.scope.tenant().map(str::to_owned),
            revision: Some(self.revision),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn own(&self) -> Value {
        json!({
            "scope": self.scope, "pack": self.pack, "name": self.name, "source": self.source, "base_version": self.base_version,
        })
    }

    fn beside(&self) -> Value {
        json!({ "device_file": self.device_file, "base_source": self.base_source, "author": self.author })
    }

    fn versions(&self) -> bool {
        true
    }
}

/// What an override is called in lists: `site/acme/base.tpl`. Letter case does not count in it.
pub(crate) fn template_name(scope: &str, pack: &str, name: &str) -> String {
    format!("{scope}/{pack}/{}", name.to_lowercase())
}

impl Kept for AddressMap {
    fn about(&self) -> About {
        About {
            noun: "address-map",
            id: self.id.to_string(),
            name: self.address.to_string(),
            tenant: self.tenant.clone(),
            revision: Some(self.revision),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn own(&self) -> Value {
        json!({ "tenant": self.tenant, "address": self.address, "name": self.name })
    }
}

impl Kept for Asset {
    fn about(&self) -> About {
        About {
            noun: "asset",
            id: self.id.to_string(),
            name: self.name.clone(),
            tenant: self.tenant.clone(),
            revision: Some(self.revision),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn own(&self) -> Value {
        json!({ "name": self.name, "tenant": self.tenant, "kind": self.kind, "size": self.size, "sha256": self.sha256 })
    }
}

impl Kept for Phonebook {
    fn about(&self) -> About {
        About {
            noun: "phonebook",
            id: self.id.to_string(),
            name: self.name.clone(),
            tenant: self.tenant.clone(),
            revision: Some(self.revision),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    fn own(&self) -> Value {
        json!({ "name": self.name, "tenant": self.tenant, "label": self.label, "contacts": self.contacts })
    }
}

impl Kept for Token {
    fn about(&self) -> About {
        About {
            noun: "token",
            id: self.id.to_string(),
            name: self.label.clone(),
            // One for several tenants is told to none of them.
            tenant: self.reach().only().map(str::to_owned),
            revision: None,
            created_at: self.created_at,
            updated_at: self.created_at,
        }
    }

    fn own(&self) -> Value {
        json!({ "label": self.label, "role": self.role, "tenants": self.tenants, "expires_at": self.expires_at })
    }
}

impl Kept for Firmware {
    fn about(&self) -> About {
        About {
            noun: "firmware",
            id: self.id.to_string(),
            name: self.name.clone(),
            tenant: None,
            revision: None,
            created_at: self.created_at,
            updated_at: self.created_at,
        }
    }

    fn own(&self) -> Value {
        json!({ "name": self.name, "pack": self.pack, "size": self.size, "sha256": self.sha256 })
    }
}

impl Kept for (Upload, String) {
    /// With the tenant of the device that sent it.
    fn about(&self) -> About {
        About {
            noun: "upload",
            id: self.0.id.to_string(),
            name: self.0.file.clone(),
            tenant: Some(self.1.clone()),
            revision: None,
            created_at: self.0.at,
            updated_at: self.0.at,
        }
    }

    fn own(&self) -> Value {
        let upload = &self.0;
        json!({ "device": upload.device, "name": upload.name, "file": upload.file, "kind": upload.kind, "size": upload.size, "at": upload.at })
    }
}
