//! Step 6: which bytes? A template's, a static file's or stored firmware's; rendered ones are kept by what they were made of.

use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac as _};
use offhook_core::{
    Id,
    clock::{Clock, Timestamp},
    configuration::LayerSelector,
    device::Device,
    firmware::Offer,
    template::{Scope, TemplateSet},
    trace::Reason,
};
use offhook_packs::{DeviceFacts, FirmwareShelf, RenderError, Resources, Route, manifest::Source};
use offhook_store::{Serving, Shelf, Store};
use quick_cache::{Weighter, sync::Cache};
use sha2::Sha256;

use super::{File, Note};

/// Epoch of the shared configuration, number of the packs and of the firmware shelf.
pub type Numbers = (u64, u64, u64);

/// What a rendered file was made of. Equal keys mean equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The device and its generation; none for common and model files.
    pub device: Option<(Id, u64)>,
    /// What selects the shared layers (evidence of the request included).
    pub selector: LayerSelector,
    /// Epoch of the shared configuration, number of the packs and of what is stored by names.
    pub numbers: Numbers,
    /// Digest of the pack, index of the file, its name as asked and the number of the model in name or query.
    pub file: ([u8; 32], usize, String, Option<u64>),
    /// Where this server is reached.
    pub server_url: String,
}

/// A rendered file with what people should know of it.
#[derive(Debug)]
pub struct Made {
    /// What the phone gets.
    pub file: File,
    /// The template or stored file.
    pub template: String,
    /// What the family cannot express, and the like.
    pub notes: Vec<Note>,
    /// Whether the firmware that the settings want is offered in it.
    pub firmware: Option<Offer>,
    /// The layers it was made of.
    pub layers: Vec<String>,
    /// Their tag.
    pub layers_tag: u64,
}

/// Weighs by the bytes held.
#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Made>> for ByBytes {
    fn weight(&self, _: &Key, made: &Arc<Made>) -> u64 {
        1024 + made.file.body.len() as u64
    }
}

impl Weighter<String, Bytes> for ByBytes {
    fn weight(&self, _: &String, bytes: &Bytes) -> u64 {
        1024 + bytes.len() as u64
    }
}

/// The files in memory.
pub struct Files {
    rendered: Cache<Key, Arc<Made>, ByBytes>,
    /// The newest numbers under which a file could be made, by its key without them.
    good: Cache<Key, Numbers>,
    firmware: Cache<String, Bytes, ByBytes>,
    validators: Validators,
    hash_key: [u8; 32],
}

/// Firmware in memory, in bytes: a few images of today's phones.
const FIRMWARE_CACHE: u64 = 256 << 20;

impl Files {
    /// Holds about so many bytes of rendered files.
    pub fn new(rendered_bytes: u64, hash_key: [u8; 32]) -> Self {
        let items = usize::try_from(rendered_bytes / 4096).unwrap_or(usize::MAX).max(64);
        Self {
            rendered: Cache::with_weighter(items, rendered_bytes, ByBytes),
            good: Cache::new(items),
            firmware: Cache::with_weighter(64, FIRMWARE_CACHE, ByBytes),
            validators: Validators(Cache::new(items)),
            hash_key,
        }
    }

    /// The file of that key, if it is held.
    pub fn held(&self, key: &Key) -> Option<Arc<Made>> {
        self.rendered.get(key)
    }

    /// Keeps a file.
    pub fn hold(&self, key: Key, made: Arc<Made>) {
        self.good.insert(without_numbers(&key), key.numbers);
        self.rendered.insert(key, made);
    }

    /// The same file of the same state of the same device, as it could last be made before something that is shared changed; while it is
    /// held.
    pub fn last_good(&self, key: &Key) -> Option<Arc<Made>> {
        let key = without_numbers(key);
        let numbers = self.good.get(&key)?;
        self.rendered.get(&Key { numbers, ..key })
    }

    /// Keyed hash of bytes for people and ETags: nobody guesses a password from it. 32 hexadecimal digits.
    pub fn hash(&self, bytes: &[u8]) -> String {
        let mut mac = match Hmac::<Sha256>::new_from_slice(&self.hash_key) {
            Ok(mac) => mac,
            Err(_) => return String::new(),
        };
        mac.update(bytes);
        mac.finalize().into_bytes().iter().take(16).map(|b| format!("{b:02x}")).collect()
    }

    /// A file of these bytes.
    pub fn file(&self, owner: &str, bytes: Bytes, content_type: &str, changed: Timestamp) -> File {
        let etag: Arc<str> = self.hash(&bytes).into();
        let last_modified = self.validators.last_modified(owner, &etag, changed);
        File { body: bytes, content_type: content_type.into(), etag, last_modified }
    }

    /// The bytes of stored firmware.
    pub async fn firmware(&self, store: &Store, shelf: &Shelf, name: &str) -> Result<File, Reason> {
        let firmware = shelf.get(name).ok_or_else(|| Reason::FirmwareMissing { missing: vec![name.to_owned()] })?;
        let read = async {
            let bytes = match store.open_firmware(firmware).await {
                Ok(file) => read_whole(file, firmware.size).await,
                Err(error) => Err(error),
            };
            bytes.map(Bytes::from).map_err(|error| {
                tracing::error!(%error, name, "stored firmware cannot be read");
                Reason::StoreUnavailable
            })
        };
        let bytes = self.firmware.get_or_insert_async(&firmware.sha256, read).await?;
        let etag = firmware.sha256.get(..32).unwrap_or(&firmware.sha256).into();
        Ok(File { body: bytes, content_type: "application/octet-stream".into(), etag, last_modified: firmware.created_at })
    }
}

/// The bytes of a stored file.
pub(super) async fn read_whole(mut file: tokio::fs::File, size: u64) -> offhook_core::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    match tokio::io::AsyncReadExt::read_to_end(&mut file, &mut bytes).await {
        Ok(_) => Ok(bytes),
        Err(error) => Err(offhook_core::Error::Internal(error.to_string())),
    }
}

fn without_numbers(key: &Key) -> Key {
    Key { numbers: Numbers::default(), ..key.clone() }
}

/// The date that goes with each content. HTTP dates have whole seconds: two contents of one file within a second must not share one,
/// or a phone that asks by date would keep the older.
struct Validators(Cache<String, (Arc<str>, Timestamp)>);

impl Validators {
    fn last_modified(&self, owner: &str, etag: &Arc<str>, changed: Timestamp) -> Timestamp {
        let second = |t: Timestamp| t.as_millis().div_euclid(1000);
        let date = match self.0.get(owner) {
            Some((known, date)) if known == *etag => return date,
            Some((_, date)) if second(date) >= second(changed) => Timestamp::from_millis((second(date) + 1) * 1000),
            _ => changed,
        };
        self.0.insert(owner.to_owned(), (etag.clone(), date));
        date
    }
}

/// The shelf as templates see it.
pub struct OnShelf<'a>(pub &'a Shelf);

impl FirmwareShelf for OnShelf<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }
}

/// Why there is no file, in the pipeline's words.
pub fn reason(why: RenderError, route: &Route, resources: &Resources) -> Reason {
    match why {
        RenderError::Absent { missing } if missing.is_empty() => absent(route, resources),
        RenderError::Absent { missing } => Reason::FirmwareMissing { missing },
        RenderError::NotOffered(offer) => Reason::FirmwareNotOffered { offer },
        RenderError::AssetUnusable(why) => Reason::AssetUnusable { why },
        RenderError::Firmware | RenderError::Asset(_) => Reason::NotOffered,
        RenderError::Template { .. } => Reason::TemplateFailed { error: why.to_string() },
    }
}

/// Whether an override makes this file where the pack itself has none, or one that is the same for all.
pub fn is_replaced(route: &Route, tenant: &str, templates: &TemplateSet) -> bool {
    if templates.is_empty() || !matches!(route.source(), Source::None | Source::Static) || !route.is_text() {
        return false;
    }
    let name = format!("{}.tpl", route.name);
    let has = |scope: &Scope| templates.find(scope, route.pack.id(), &name).is_some();
    has(&Scope::Tenant(tenant.to_owned())) || has(&Scope::Site)
}

/// The path with the part of a phone book that was asked for.
pub fn place(route: &Route) -> String {
    let part = &route.part;
    if route.phonebook.is_none() { route.path.clone() } else { format!("{}?{}&{}", route.path, part.page, part.text) }
}

/// Why there is no file of a name that means something stored.
pub fn absent(route: &Route, resources: &Resources) -> Reason {
    match (&route.asset, &route.phonebook) {
        (Some(name), _) if resources.asset(name).is_none() => Reason::AssetMissing { name: name.clone() },
        (_, Some(name)) if resources.phonebook(name).is_none() => Reason::PhonebookMissing { name: name.clone() },
        _ => Reason::NotOffered,
    }
}

/// What a template may know of a device.
pub fn device_facts(serving: &Serving) -> DeviceFacts {
    facts_of(&serving.device)
}

/// The same of a device alone.
pub fn facts_of(device: &Device) -> DeviceFacts {
    DeviceFacts {
        id: device.id.to_string(),
        mac: device.mac,
        serial: device.serial.clone(),
        label: device.label.clone(),
        location: device.location.clone(),
        model: device.model.clone(),
        vendor: device.vendor.clone(),
        firmware: device.firmware.clone(),
        state: Some(device.state),
    }
}

/// When the inputs of a device's file last changed.
pub fn newest(serving: Option<&Serving>, shared: Timestamp, clock: &dyn Clock) -> Timestamp {
    let own = serving.map(|s| s.accounts.values().map(|a| a.updated_at).fold(s.device.updated_at, Timestamp::max));
    own.map_or(shared, |own| own.max(shared)).min(clock.now())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn two_contents_of_one_second_have_two_dates() {
        let validators = Validators(Cache::new(10));
        let at = Timestamp::parse("2026-11-21T03:40:00.100Z").unwrap();
        let later = Timestamp::parse("2026-11-21T03:40:00.900Z").unwrap();
        let (one, two): (Arc<str>, Arc<str>) = ("1".into(), "2".into());
        let first = validators.last_modified("x", &one, at);
        assert_eq!(validators.last_modified("x", &one, later), first, "the same content keeps its date");
        let second = validators.last_modified("x", &two, later);
        assert!(second.http_date() > first.http_date(), "{second} {first}");
    }
}
