//! What a person writes of a device, field by field, and what follows from it: who chose pack and model, canonical model
//! names, and the policy's checks at approval. Nothing is rendered here.

use offhook_core::{
    Error, Mac, Result,
    device::{Device, State},
    settings::{Scope, Settings},
};
use serde_json::{Map, Value, json};

use crate::{
    app::{
        App,
        fields::{Fields, good_name},
        site::patch_settings,
    },
    pipeline::Pipeline,
};

/// What the server sets; passed over in a PUT.
pub(super) const READ_ONLY: &[&str] =
    &["id", "reported_model", "last_seen", "last_fetch", "sync", "outdated_by", "revision", "created_at", "updated_at"];

/// Reads documents into devices.
pub struct Reader {
    pipeline: Pipeline,
}

impl Reader {
    /// With what the documents are checked against.
    pub fn of(app: &App) -> Self {
        Self { pipeline: app.pipeline.clone() }
    }

    /// Into a new device.
    pub fn create(&self, device: &mut Device, mut fields: Fields) -> Result<()> {
        let settings = fields.settings("settings", None, Scope::Device);
        let approving = fields.state_or(State::Ready);
        self.fill(device, fields, settings, approving, None)
    }

    /// In place of what the device was.
    pub fn replace(&self, device: &mut Device, mut fields: Fields) -> Result<()> {
        fields.pass_over(READ_ONLY);
        let settings = fields.settings("settings", Some(&device.settings), Scope::Device);
        let state = fields.state_or(device.state);
        let before = device.clone();
        self.fill(device, fields, settings, state, Some(&before))
    }

    /// Over what the device is (RFC 7396).
    pub fn patch(&self, device: &mut Device, mut patch: Value) -> Result<()> {
        let before = device.clone();
        let mut base = writable(device);
        // Who names a pack or a model chooses it; who is silent leaves the choice as it was.
        for (value, pinned) in [("pack", "pack_pinned"), ("model", "model_pinned")] {
            if patch.get(value).is_some() {
                base.remove(pinned);
            }
            if let Some(pinned) = patch.get_mut(pinned).filter(|p| p.is_null()) {
                *pinned = false.into();
            }
        }
        let mut fields = Fields::patched(base, patch, "settings")?;
        let settings = patch_settings(&mut fields, "settings", &device.settings, Scope::Device);
        let state = fields.state_or(device.state);
        self.fill(device, fields, settings, state, Some(&before))
    }

    /// As an earlier version was. What the phone itself told since stays; what no person chose follows from it. `revived`: it was deleted, so
    /// that everything is looked at as if it were made.
    pub fn restore(&self, device: &mut Device, old: &Device, revived: bool) -> Result<()> {
        let before = device.clone();
        let mut base = writable(old);
        if !revived && device.firmware.is_some() {
            base.insert("firmware".to_owned(), json!(device.firmware));
        }
        if !old.pack_pinned && old.pack.as_deref().is_some_and(|pack| self.pipeline.check_pack(pack).is_err()) {
            base.remove("pack");
        }
        base.insert("settings".to_owned(), Value::Object(old.settings.tree().clone()));
        let mut fields = Fields::of(Value::Object(base))?;
        let settings = fields.settings("settings", None, Scope::Device);
        let state = fields.state_or(old.state);
        self.fill(device, fields, settings, state, (!revived).then_some(&before))
    }

    fn fill(&self, device: &mut Device, mut fields: Fields, settings: Settings, state: State, before: Option<&Device>) -> Result<()> {
        device.settings = settings;
        device.state = state;
        if fields.peek("tenant").is_some_and(Value::is_null) {
            fields.fault("tenant", "a device belongs to exactly one tenant: name it, or leave the field out");
        }
        let tenant = fields.word("tenant");
        // Left out it stays; a new device comes with that of who makes it.
        device.tenant = tenant.unwrap_or_else(|| device.tenant.clone());
        device.mac = fields.mac();
        device.serial = fields.word("serial");
        device.uuid = fields.word("uuid");
        device.vendor = fields.word("vendor").map(|v| v.to_lowercase());
        device.firmware = fields.word("firmware");
        device.profiles = fields.texts("profiles", good_name);
        device.unset = fields.unset();
        device.label = fields.text("label").unwrap_or_default();
        device.location = fields.text("location").unwrap_or_default();
        device.tags = fields.texts("tags", good_name);
        if device.mac.is_none() && device.serial.is_none() && device.uuid.is_none() && !fields.has_fault() {
            fields.fault("mac", "is needed, unless a serial number or a UUID is given: nothing else tells the phone");
        }
        self.choose_pack_and_model(device, &mut fields, before);
        fields.check()?;
        if device.state == State::Ready && before.is_none_or(|b| b.state != State::Ready) {
            self.pipeline.can_serve(device)?;
        }
        Ok(())
    }

    /// A pack or a model that a person names is pinned unless the person says otherwise. A pack that nobody chose follows
    /// from what the device is.
    fn choose_pack_and_model(&self, device: &mut Device, fields: &mut Fields, before: Option<&Device>) {
        let pack = fields.word("pack");
        device.pack_pinned = fields.flag("pack_pinned").unwrap_or(pack.is_some()) && pack.is_some();
        let model = fields.word("model");
        device.model_pinned = fields.flag("model_pinned").unwrap_or(model.is_some()) && model.is_some();
        device.pack = pack.filter(|pack| match self.pipeline.check_pack(pack) {
            Err(error) if before.is_none_or(|b| b.pack.as_ref() != Some(pack)) => {
                fields.fault("pack", error_text(error));
                false
            }
            _ => true,
        });
        device.model = model;
        if before.is_none_or(|b| b.model != device.model) {
            self.canonical_model(device, fields);
        }
        let same = before.is_some_and(|b| (&b.vendor, &b.model, b.mac) == (&device.vendor, &device.model, device.mac));
        let stays = device.pack_pinned || (same && device.pack.is_some());
        if !stays {
            device.pack = None;
            device.pack = self.pipeline.choose_pack(device);
        }
        if device.vendor.is_none() {
            device.vendor = device.pack.as_deref().and_then(|pack| self.pipeline.pack_vendor(pack));
        }
    }

    fn canonical_model(&self, device: &mut Device, fields: &mut Fields) {
        let Some(model) = &device.model else { return };
        match self.pipeline.canonical_model(device.pack.as_deref().or(device.vendor.as_deref()), model) {
            Ok(canonical) => device.model = Some(canonical),
            Err(error) => fields.fault("model", error_text(error)),
        }
    }
}

impl Fields {
    fn mac(&mut self) -> Option<Mac> {
        let text = self.word("mac")?;
        match text.parse::<Mac>() {
            Ok(mac) => Some(mac),
            Err(why) => {
                self.fault("mac", why.to_string());
                None
            }
        }
    }

    fn state_or(&mut self, otherwise: State) -> State {
        self.read("state", "pending, ready or disabled", |v| v.as_str().and_then(State::parse)).unwrap_or(otherwise)
    }
}

/// What a person may write, but for the settings, as a document that a patch applies to.
pub(super) fn writable(device: &Device) -> Map<String, Value> {
    let document = json!({
        "tenant": device.tenant, "mac": device.mac, "serial": device.serial, "uuid": device.uuid, "vendor": device.vendor,
        "model": device.model, "model_pinned": device.model_pinned, "firmware": device.firmware, "pack": device.pack,
        "pack_pinned": device.pack_pinned, "state": device.state, "profiles": device.profiles, "unset": device.unset,
        "label": device.label, "location": device.location, "tags": device.tags,
    });
    match document {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What an error says of the one field that it is about.
fn error_text(error: Error) -> String {
    match error {
        Error::Invalid(faults) => faults.into_iter().map(|f| f.message).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}
