//! Devices: listing, reading, writing, approving, and looking at what they get.

use offhook_core::{
    Error, Id, Mac, Result,
    configuration::Configuration,
    device::{Device, Sync},
    settings::Path,
};
pub use offhook_store::{DeviceFilter, DeviceSort};
use serde_json::{Map, Value};

use super::{
    App, Caller,
    fields::Fields,
    page::{Listed, Page},
};
use crate::pipeline::{DeviceFile, Explanation, Note, Preview};

mod bulk;
mod difference;
mod document;
pub mod import;
mod outdated;
mod sync;

pub use bulk::bulk;
pub(in crate::app) use document::Reader;
pub use outdated::Cause;
pub use sync::sync;
pub mod uploads;

/// A device with what the last fetch of its file amounts to.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The device.
    pub device: Device,
    /// Read alone by the real bytes, else from its tags.
    pub sync: Sync,
    /// What changed since its last fetch, where it is read alone and outdated.
    pub outdated_by: Vec<Cause>,
}

/// One page of the devices that fit.
pub async fn list(app: &App, filter: &DeviceFilter, page: &Page<DeviceSort>) -> Result<Listed<Shown>> {
    app.pipeline.settle().await;
    let listed = app.store.devices(filter, page).await?;
    Ok(Listed { items: listed.items.into_iter().map(|device| by_tags(app, device)).collect(), next_cursor: listed.next_cursor })
}

/// All devices that fit, in the order they were made, a thousand at a time: there may be more than memory should hold.
pub struct Walk {
    filter: DeviceFilter,
    /// None: all were given.
    page: Option<Page<DeviceSort>>,
}

impl Walk {
    /// From the first one.
    pub fn of(filter: DeviceFilter) -> Self {
        Self { filter, page: Some(Page { limit: 1000, ..Page::default() }) }
    }

    /// The next ones; none: that was all.
    pub async fn next(&mut self, app: &App) -> Result<Vec<Device>> {
        let Some(page) = &self.page else { return Ok(Vec::new()) };
        let listed = app.store.devices(&self.filter, page).await?;
        self.page = listed.next_cursor.map(|cursor| Page { cursor: Some(cursor), limit: 1000, ..Page::default() });
        Ok(listed.items)
    }
}

/// Without rendering: lists are long, and nothing is rendered at a write.
fn by_tags(app: &App, device: Device) -> Shown {
    Shown { sync: app.store.sync_of(&device), device, outdated_by: Vec::new() }
}

/// The device of that id or MAC address, in any spelling.
pub async fn find(app: &App, key: &str) -> Result<Device> {
    let found = match (Id::parse(key), Mac::parse(key)) {
        (Some(id), _) => app.store.device(id).await?,
        (None, Some(mac)) => app.store.device_by_mac(mac).await?,
        (None, None) => None,
    };
    found.ok_or_else(|| Error::not_found("device", key))
}

/// One device, its sync by the real bytes.
pub async fn read(app: &App, key: &str) -> Result<Shown> {
    app.pipeline.settle().await;
    let device = find(app, key).await?;
    // A device that no pack serves has no bytes to compare; its tags tell what is known.
    let sync = app.pipeline.sync(&device).await.unwrap_or_else(|_| app.store.sync_of(&device));
    let outdated_by = outdated::causes(app, &device, sync).await?;
    Ok(Shown { sync, device, outdated_by })
}

/// Makes a device. Without a state it is ready, which is checked as an approval.
pub async fn create(app: &App, who: &Caller, document: Value) -> Result<Shown> {
    who.may_write()?;
    let reader = document::Reader::of(app);
    let device = app.store.create_device(move |device, _| reader.create(device, Fields::of(document)?)).await?;
    Ok(by_tags(app, device))
}

/// Puts a whole new device in place of the old one. What is left out is empty; state and tenant stay.
pub async fn replace(app: &App, who: &Caller, key: &str, if_match: Option<u64>, document: Value) -> Result<Shown> {
    who.may_write()?;
    let reader = document::Reader::of(app);
    let id = find(app, key).await?.id;
    let device = app.store.update_device(id, if_match, move |device, _| reader.replace(device, Fields::of(document)?)).await?;
    Ok(by_tags(app, device))
}

/// Changes what the patch names (RFC 7396). `{"state": "ready"}` approves.
pub async fn patch(app: &App, who: &Caller, key: &str, if_match: Option<u64>, patch: Value) -> Result<Shown> {
    who.may_write()?;
    let reader = document::Reader::of(app);
    let id = find(app, key).await?.id;
    let asker = who.clone();
    let edit = move |device: &mut Device, _: &Configuration| {
        asker.may_patch(device, &patch)?;
        reader.patch(device, patch)
    };
    let device = app.store.update_device(id, if_match, edit).await?;
    Ok(by_tags(app, device))
}

/// Deletes a device.
pub async fn delete(app: &App, who: &Caller, key: &str, if_match: Option<u64>) -> Result<()> {
    who.may_write()?;
    let id = find(app, key).await?.id;
    app.store.delete_device(id, if_match).await
}

/// Its effective settings: every value with its layer, and what the family cannot express.
pub async fn explain(app: &App, who: &Caller, key: &str, reveal: bool) -> Result<Explanation> {
    who.may_reveal(reveal)?;
    let device = find(app, key).await?;
    app.revealing(reveal, Some(&device), "settings").await?;
    app.pipeline.explain(&device, reveal).await
}

/// Every file that it may ask for.
pub async fn files(app: &App, key: &str) -> Result<Vec<DeviceFile>> {
    app.pipeline.files(&find(app, key).await?).await
}

/// One of its files as it would be sent, secrets masked unless `reveal`.
pub async fn preview(app: &App, who: &Caller, key: &str, path: &str, reveal: bool) -> Result<Preview> {
    who.may_reveal(reveal)?;
    let device = find(app, key).await?;
    app.revealing(reveal, Some(&device), path).await?;
    app.pipeline.preview(&device, path, reveal).await
}

/// What rendering one file gave.
#[derive(Clone, Debug)]
pub struct CheckedFile {
    /// The file.
    pub file: DeviceFile,
    /// What a person should know of its settings.
    pub notes: Vec<Note>,
    /// Why there is no file.
    pub error: Option<String>,
}

/// What rendering all files of a device gave.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Every file could be made, and it may have its own.
    pub ok: bool,
    /// Why it could not fetch its own file under the policy, and what to do.
    pub policy: Option<String>,
    /// Settings that the family cannot express.
    pub notes: Vec<Note>,
    /// Each file.
    pub files: Vec<CheckedFile>,
}

/// Renders all its files and tells what a person should know.
pub async fn check(app: &App, key: &str) -> Result<Checked> {
    let device = find(app, key).await?;
    let policy = app.pipeline.can_serve(&device).err().map(|e| e.to_string());
    let notes = app.pipeline.explain(&device, false).await?.notes;
    let mut files = Vec::new();
    for file in app.pipeline.files(&device).await? {
        files.push(check_file(app, &device, file).await);
    }
    let ok = policy.is_none() && files.iter().all(|f| f.error.is_none());
    Ok(Checked { ok, policy, notes, files })
}

async fn check_file(app: &App, device: &Device, file: DeviceFile) -> CheckedFile {
    let absent = file.absent.as_ref().map(ToString::to_string);
    if absent.is_some() {
        let error = absent.filter(|_| !file.optional);
        return CheckedFile { file, notes: Vec::new(), error };
    }
    if file.stored {
        return CheckedFile { file, notes: Vec::new(), error: None };
    }
    match app.pipeline.preview(device, &file.path, false).await {
        Ok(preview) => CheckedFile { file, notes: preview.notes, error: None },
        Err(error) => CheckedFile { file, notes: Vec::new(), error: Some(error.to_string()) },
    }
}

/// Effective values as the tree that they are the leaves of.
pub fn tree(explanation: &Explanation) -> Value {
    let mut root = Value::Object(Map::new());
    for explained in &explanation.values {
        plant(&mut root, &explained.path, explained.value.clone());
    }
    root
}

fn plant(root: &mut Value, path: &Path, value: Value) {
    let mut place = root;
    // A leaf is a scalar or a whole list: its path has names only.
    for name in path.names().unwrap_or_default() {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[name];
    }
    *place = value;
}
