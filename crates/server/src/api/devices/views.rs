//! How devices look from outside: what is written, what is read, what may be asked, and the one way from the domain to it.

use axum::http::StatusCode;
use offhook_core::device::Sync;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{
    api::{etag::Tagged, requests::TransportName, settings::Settings},
    app::{
        App,
        devices::{Cause, Shown},
    },
    pipeline::{DeviceFile, Note},
};

/// What may be done for a device.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StateName {
    /// Seen, not approved: gets bootstrap files only.
    Pending,
    /// Gets its files.
    Ready,
    /// Gets a stranger's answer everywhere.
    Disabled,
}

/// Whether the last fetch of a device's own file had today's content.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyncName {
    /// It never fetched its own file.
    Never,
    /// The last fetch had today's content.
    Current,
    /// Something that the file is made of changed since.
    Outdated,
}

/// The newest request of a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastSeenView {
    /// When.
    #[schema(format = "date-time")]
    pub at: String,
    /// From which address.
    pub ip: String,
    /// How.
    #[schema(value_type = TransportName)]
    pub transport: &'static str,
    /// Path or file name.
    pub path: String,
    /// The User-Agent, when one was sent.
    pub user_agent: Option<String>,
}

/// The newest complete fetch of a device's own file.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastFetchView {
    /// When.
    #[schema(format = "date-time")]
    pub at: String,
    /// The path or file name that it asked for.
    pub path: String,
}

/// Something that changed after the last fetch of a device's own file.
#[derive(Debug, Serialize, ToSchema)]
pub struct CauseView {
    /// `device`, `account`, `profile`, `tenant`, `site`, `template`, `address-map`, `pack`; `unknown` where nothing that is there changed since: what was
    /// taken away, what the phone itself tells (model, firmware), files that its settings name.
    pub noun: &'static str,
    /// Its name; null: the noun says it.
    pub name: Option<String>,
    /// When it changed.
    #[schema(format = "date-time")]
    pub at: Option<String>,
}

impl From<Cause> for CauseView {
    fn from(cause: Cause) -> Self {
        let name = Some(cause.name).filter(|name| !name.is_empty());
        Self { noun: cause.noun, name, at: cause.at.map(|at| at.to_string()) }
    }
}

/// A device: one phone, base station, adapter or door phone.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceView {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// The tenant it belongs to.
    pub tenant: String,
    /// Unique over all tenants.
    pub mac: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// For softphones that name themselves by a UUID.
    pub uuid: Option<String>,
    /// Family.
    pub vendor: Option<String>,
    /// Canonical model name; null: the family's generic one.
    pub model: Option<String>,
    /// A person chose the model: what the phone says otherwise is `reported_model`.
    pub model_pinned: bool,
    /// What the phone calls itself where that differs from `model`.
    pub reported_model: Option<String>,
    /// Firmware version it last reported.
    pub firmware: Option<String>,
    /// The pack that serves it, `id` or `id@version`; null: chosen at each request.
    pub pack: Option<String>,
    /// A person chose the pack: better evidence does not change it.
    pub pack_pinned: bool,
    /// What may be done for it.
    #[schema(value_type = StateName)]
    pub state: &'static str,
    /// Assigned profiles by name, later wins.
    pub profiles: Vec<String>,
    /// Its own layer. Secrets are masked.
    #[schema(value_type = Settings)]
    pub settings: Value,
    /// Setting paths that its layer takes away from lower ones.
    pub unset: Vec<String>,
    /// For people.
    pub label: String,
    /// For people.
    pub location: String,
    /// For people and filters.
    pub tags: Vec<String>,
    /// The newest request.
    pub last_seen: Option<LastSeenView>,
    /// Whether the last fetch of its file had today's content: by the real bytes when one device is read, else by tags.
    #[schema(value_type = SyncName)]
    pub sync: &'static str,
    /// The newest complete fetch of its own file; null: never.
    pub last_fetch: Option<LastFetchView>,
    /// Where one device is read and it is outdated: what changed since, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outdated_by: Vec<CauseView>,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When a person last changed it.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// What may be written of a device. A MAC address, a serial number or a UUID is needed.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "mac": "00-15-65-AA-BB-CC", "label": "Front desk", "profiles": ["reception"],
    "settings": {"lines": {"1": {"account": "1001"}}}
}))]
pub struct DeviceWrite {
    /// The tenant it belongs to; `default` for a new one.
    pub tenant: Option<String>,
    /// Any usual spelling.
    pub mac: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// For softphones that name themselves by a UUID.
    pub uuid: Option<String>,
    /// Family.
    pub vendor: Option<String>,
    /// Model name or a usual short form; stored canonically. Who names one pins it.
    pub model: Option<String>,
    /// False: what the phone says of its model replaces it.
    pub model_pinned: Option<bool>,
    /// Firmware version, until the phone reports one.
    pub firmware: Option<String>,
    /// `id` or `id@version` of an installed pack. Who names one pins it; null: chosen from what the device is.
    pub pack: Option<String>,
    /// False: better evidence may change the pack.
    pub pack_pinned: Option<bool>,
    /// A new device is `ready` unless said otherwise. `ready` runs the policy's checks.
    pub state: Option<StateName>,
    /// Profiles by name, later wins.
    pub profiles: Option<Vec<String>>,
    /// Its own layer. A mask keeps the secret that is stored.
    #[schema(value_type = Option<Settings>)]
    pub settings: Option<Value>,
    /// Setting paths that its layer takes away from lower ones.
    pub unset: Option<Vec<String>>,
    /// For people.
    pub label: Option<String>,
    /// For people.
    pub location: Option<String>,
    /// For people and filters.
    pub tags: Option<Vec<String>>,
}

/// Which devices.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeviceQuery {
    /// The order: `created_at`, `mac`, `label`, `model`, `last_seen` or `updated_at`; `-` before it for the greatest first.
    #[param(pattern = "^-?(created_at|mac|label|model|last_seen|updated_at)$")]
    pub sort: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// In this state.
    pub state: Option<StateName>,
    /// Of this family.
    pub vendor: Option<String>,
    /// Of this model.
    pub model: Option<String>,
    /// Served by this pack.
    pub pack: Option<String>,
    /// With this profile assigned.
    pub profile: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// With this sync.
    pub sync: Option<SyncName>,
    /// Text that stands in MAC (any spelling), label, model, location or last address, letter case ignored.
    pub q: Option<String>,
}

/// Something a person should know of a setting.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoteView {
    /// The setting's path.
    pub path: String,
    /// What the family cannot express, what was changed to fit, and the like.
    pub message: String,
}

impl From<Note> for NoteView {
    fn from(note: Note) -> Self {
        Self { path: note.path, message: note.message }
    }
}

/// One effective value with where it came from.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainedView {
    /// The setting's path.
    pub path: String,
    /// The value; secrets are masked unless revealed.
    pub value: Value,
    /// The layer that gave it.
    pub layer: String,
    /// The account that gave it, when one did.
    pub account: Option<String>,
    /// Layers whose value it replaced, oldest first.
    pub overridden: Vec<String>,
    /// Addresses in it that address maps replaced by names.
    pub address_maps: Vec<String>,
}

/// Effective settings.
#[derive(Debug, Serialize, ToSchema)]
pub struct EffectiveView {
    /// The layers that hold something, lowest first: `site`, `tenant NAME`, `site profile NAME` and `tenant profile NAME` (which match by
    /// themselves), `profile NAME` (assigned), `device` …
    pub layers: Vec<String>,
    /// The effective document.
    #[schema(value_type = Settings)]
    pub settings: Value,
    /// Every value with its layer; only with `explain=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<ExplainedView>>,
    /// What the family cannot express, and the like.
    pub notes: Vec<NoteView>,
}

/// One file that a device may ask for.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceFileView {
    /// As the phone asks for it, with a leading slash.
    pub path: String,
    /// `common`, `model`, `device`, `firmware`, `language`, `directory` or `other`.
    pub kind: &'static str,
    /// Whether it holds credentials.
    pub credentials: bool,
    /// Its absence is normal.
    pub optional: bool,
    /// Bytes; null: there is no file now.
    pub size: Option<u64>,
    /// Keyed hash of the bytes; null: there is no file now.
    pub hash: Option<String>,
    /// Why there is no file now.
    pub absent: Option<String>,
}

/// The files of a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceFiles {
    /// Each file.
    pub items: Vec<DeviceFileView>,
}

/// What rendering one file gave.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckedFileView {
    /// The file.
    #[serde(flatten)]
    pub file: DeviceFileView,
    /// What a person should know of its settings.
    pub notes: Vec<NoteView>,
    /// Why it could not be made.
    pub error: Option<String>,
}

/// What rendering all files of a device gave.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckView {
    /// Every file could be made, and the device may have its own.
    pub ok: bool,
    /// Why the device could not fetch its own file under the policy, and what to do.
    pub policy: Option<String>,
    /// Settings that the family cannot express.
    pub notes: Vec<NoteView>,
    /// Each file.
    pub files: Vec<CheckedFileView>,
}

/// Whether secrets are shown.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Reveal {
    /// Show secrets; admins only.
    pub reveal: Option<bool>,
}

/// Whether every value is explained.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Explain {
    /// Add every value with the layer it came from.
    pub explain: Option<bool>,
}

pub(super) fn sync_name(sync: Sync) -> &'static str {
    match sync {
        Sync::Never => "never",
        Sync::Current => "current",
        Sync::Outdated => "outdated",
    }
}

pub(super) fn view(app: &App, shown: Shown) -> DeviceView {
    let Shown { device, sync, outdated_by } = shown;
    DeviceView {
        id: device.id.to_string(),
        tenant: device.tenant,
        mac: device.mac.map(|m| m.to_string()),
        serial: device.serial,
        uuid: device.uuid,
        vendor: device.vendor,
        model: device.model,
        model_pinned: device.model_pinned,
        reported_model: device.reported_model,
        firmware: device.firmware,
        pack: device.pack,
        pack_pinned: device.pack_pinned,
        state: device.state.as_str(),
        profiles: device.profiles,
        settings: app.masked(&device.settings),
        unset: device.unset.iter().map(ToString::to_string).collect(),
        label: device.label,
        location: device.location,
        tags: device.tags,
        last_seen: device.last_seen.map(|seen| LastSeenView {
            at: seen.at.to_string(),
            ip: seen.ip.to_string(),
            transport: seen.transport.as_str(),
            path: seen.path,
            user_agent: seen.user_agent,
        }),
        sync: sync_name(sync),
        last_fetch: device.last_fetch.map(|fetch| LastFetchView { at: fetch.at.to_string(), path: format!("/{}", fetch.path) }),
        outdated_by: outdated_by.into_iter().map(CauseView::from).collect(),
        revision: device.revision,
        created_at: device.created_at.to_string(),
        updated_at: device.updated_at.to_string(),
    }
}

pub(super) fn tagged(app: &App, shown: Shown) -> Tagged<DeviceView> {
    Tagged(StatusCode::OK, shown.device.revision, view(app, shown))
}

pub(super) fn file_view(file: DeviceFile) -> DeviceFileView {
    DeviceFileView {
        path: file.path,
        kind: file.kind.as_str(),
        credentials: file.credentials,
        optional: file.optional,
        size: file.size,
        hash: file.hash,
        absent: file.absent.map(|reason| reason.to_string()),
    }
}

pub(super) fn notes(notes: Vec<Note>) -> Vec<NoteView> {
    notes.into_iter().map(NoteView::from).collect()
}

/// What a device is to do.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"action": "reload"}))]
pub struct SyncOrder {
    /// `reload`: read the files again; `reboot`: start anew.
    #[schema(pattern = "^(reload|reboot)$")]
    pub action: String,
}

/// What is to become of many devices.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"selector": {"pack": "acme", "tag": "hall"}, "action": {"patch": {"settings": {"display": {"backlight_s": 30}}}, "add": {"tags": ["dimmed"]}, "sync": "reload"}, "dry_run": true}))]
pub struct BulkOrder {
    /// Which devices.
    pub selector: BulkSelector,
    /// What becomes of each of them.
    pub action: BulkAction,
    /// Only tell what would change.
    pub dry_run: Option<bool>,
    /// With `change_pack`: also when devices would fail by it or overrides have no counterpart.
    pub force: Option<bool>,
}

/// Which devices: every field given must fit, and at least one has to be given.
#[derive(Debug, ToSchema)]
pub struct BulkSelector {
    /// Of this family.
    pub vendor: Option<String>,
    /// Of this model.
    pub model: Option<String>,
    /// Served by this pack, as stored.
    pub pack: Option<String>,
    /// With this profile assigned.
    pub profile: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// `pending`, `ready` or `disabled`.
    #[schema(pattern = "^(pending|ready|disabled)$")]
    pub state: Option<String>,
    /// Text that stands in MAC, label, model, location or last address.
    pub q: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// `never`, `current` or `outdated`.
    #[schema(pattern = "^(never|current|outdated)$")]
    pub sync: Option<String>,
    /// `true`, alone: every device.
    pub all: Option<bool>,
}

/// What becomes of each device. Several may be given; `delete` goes alone.
#[derive(Debug, ToSchema)]
pub struct BulkAction {
    /// A merge patch (RFC 7396) of a device, without `mac`, `serial` and `uuid`.
    #[schema(value_type = Option<DevicePatch>)]
    pub patch: Option<serde_json::Value>,
    /// Tags and profiles that come to those it has; profiles to the end of the list.
    pub add: Option<BulkNames>,
    /// Tags and profiles that go, the others stay.
    pub remove: Option<BulkNames>,
    /// `true`: make it ready, after the policy's checks.
    pub approve: Option<bool>,
    /// `true`: answer it like a stranger.
    pub disable: Option<bool>,
    /// Another pack: an id or `id@version`. All devices are looked at before any is changed.
    pub change_pack: Option<String>,
    /// Afterwards tell the ready ones: `none`, `reload`, `reboot`.
    #[schema(pattern = "^(none|reload|reboot)$")]
    pub sync: Option<String>,
    /// `true`: delete it.
    pub delete: Option<bool>,
}

/// Names that come to a list or go from it.
#[derive(Debug, ToSchema)]
pub struct BulkNames {
    /// Tags.
    pub tags: Option<Vec<String>>,
    /// Profiles.
    pub profiles: Option<Vec<String>>,
}

/// Stands for the patch of a device; the document has it in full.
#[derive(Debug, ToSchema)]
pub struct DevicePatch {}
