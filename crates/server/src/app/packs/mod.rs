//! Packs of phone families: which are there, and the installing, upgrading and removing of them while phones are served.

use std::sync::Arc;

use offhook_core::{
    Error, Fault, Result,
    pack::{InstalledPack, PackKey},
    template::TemplateOverride,
};
use offhook_packs::{Catalog, Origin, Pack, PackFault, manifest::Status};
use offhook_store::DeviceFilter;
use serde_json::{Value, json};

use super::{
    App,
    devices::Walk,
    jobs::Reporter,
    page::{self, Listed, Part},
    templates::{Checked, check::Seen},
};

mod index;
mod install;
mod loader;
mod remove;

pub use index::{Offer, has_index, index, known_firmware, offers};
pub use install::{Wanted, check_archive, install, install_named, upgrade};
pub use loader::{Change, PackLoader, tell};
pub use remove::remove;

/// The greatest archive, in bytes.
pub const ARCHIVE: usize = 32 << 20;
/// So many devices of one pack are rendered before a change; of more, one of each kind.
const RENDERED: usize = 2000;

/// A pack that is in use.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The pack.
    pub pack: Arc<Pack>,
    /// It serves devices that are pinned to no version.
    pub serving: bool,
    /// `built-in`, `folder`, `archive` or `index`.
    pub source: &'static str,
    /// Its row, when it was installed.
    pub installed: Option<InstalledPack>,
    /// How many devices it serves.
    pub devices: u64,
    /// How many overrides of templates lie over it.
    pub overrides: usize,
}

/// Orders of the list.
pub const SORTS: &[&str] = &["id"];

/// One page of the packs in use.
pub async fn list(app: &App, q: Option<&str>, part: &Part) -> Result<Listed<Shown>> {
    let fits = |s: &Shown| q.is_none_or(|q| [s.pack.id(), s.pack.name(), s.pack.vendor()].iter().any(|t| page::holds(t, q)));
    let all = all(app).await?;
    page::cut(all.into_iter().filter(fits), |s| s.pack.key(), part)
}

/// One pack by its key.
pub async fn read(app: &App, key: &str) -> Result<Shown> {
    let pack = find(app, key)?;
    all(app).await?.into_iter().find(|s| Arc::ptr_eq(&s.pack, &pack)).ok_or_else(|| Error::not_found("pack", key))
}

/// The pack in use that a key means.
pub fn find(app: &App, key: &str) -> Result<Arc<Pack>> {
    app.pipeline.catalog().pack(key).cloned().ok_or_else(|| Error::not_found("pack", key))
}

async fn all(app: &App) -> Result<Vec<Shown>> {
    let catalog = app.pipeline.catalog();
    let installed = app.store.installed_packs().await?;
    let counts = app.store.count_devices_by_pack().await?;
    let templates = app.store.configuration().templates.clone();
    let shown = |pack: &Arc<Pack>| {
        let row = installed.iter().find(|i| i.pack == pack.id() && i.version == pack.version()).cloned();
        let row = row.filter(|_| pack.origin() == Origin::Installed);
        Shown {
            serving: catalog.packs().iter().any(|p| Arc::ptr_eq(p, pack)),
            source: match (pack.origin(), &row) {
                (Origin::BuiltIn, _) => "built-in",
                (Origin::Folder, _) => "folder",
                (Origin::Installed, Some(row)) if !row.origin.is_empty() => "index",
                (Origin::Installed, _) => "archive",
            },
            devices: counts.iter().filter(|(key, _)| catalog.pack(key).is_some_and(|p| Arc::ptr_eq(p, pack))).map(|(_, n)| n).sum(),
            overrides: templates.iter().filter(|t| t.pack == pack.id()).count(),
            installed: row,
            pack: pack.clone(),
        }
    };
    Ok(catalog.versions().iter().map(shown).collect())
}

/// `current` or `eol`.
pub fn status(pack: &Pack) -> &'static str {
    match pack.head().status {
        Status::Current => "current",
        Status::Eol => "eol",
    }
}

/// Faults of a pack as those of what was sent: file and place are the field.
fn sent(faults: Vec<PackFault>) -> Error {
    let field = |f: &PackFault| if f.place.is_empty() { f.file.clone() } else { format!("{}: {}", f.file, f.place) };
    Error::Invalid(faults.into_iter().map(|f| Fault::new(field(&f), f.message)).collect())
}

/// Devices that would get nothing any more.
#[derive(Debug, Default)]
pub(in crate::app) struct Lost {
    count: u64,
    names: Vec<String>,
}

impl Lost {
    fn add(&mut self, device: &offhook_core::device::Device) {
        self.count += 1;
        if self.names.len() < 10 {
            self.names.push(device.mac.map_or_else(|| device.id.to_string(), |m| m.to_string()));
        }
    }
}

/// Renders the devices of a pack as they are and as they would be with other packs, or as devices of another pack.
pub(in crate::app) async fn try_devices(
    app: &App,
    report: &Reporter,
    catalog: Arc<offhook_packs::Catalog>,
    which: &DeviceFilter,
    to: Option<&str>,
) -> Result<(Checked, Lost)> {
    let total = app.store.count_devices_that_fit(which).await?;
    let mut trial = app.pipeline.pack_trial(catalog);
    let (mut seen, mut lost, mut kinds) = (Seen::default(), Lost::default(), std::collections::HashSet::new());
    let (mut devices, mut done) = (Walk::of(which.clone()), 0);
    loop {
        let some = devices.next(app).await?;
        if some.is_empty() {
            break;
        }
        for device in some {
            report.progress(done as u64, Some(total), "devices checked");
            done += 1;
            let kind = (device.tenant.clone(), device.profiles.clone(), device.model.clone(), device.firmware.clone());
            if !kinds.insert(kind) && done > RENDERED {
                continue;
            }
            match trial.moved(&device, to).await? {
                Some(files) => seen.device(&device, &files),
                None => lost.add(&device),
            }
            tokio::task::yield_now().await;
        }
    }
    report.progress(done as u64, Some(done as u64), "devices checked");
    let mut checked = seen.into_checked();
    checked.touched = done;
    Ok((checked, lost))
}

/// Devices of a pack in whatever version.
fn devices_of(id: &str) -> DeviceFilter {
    DeviceFilter { any_version_of: Some(id.to_owned()), ..DeviceFilter::default() }
}

/// A check as part of a job's result.
pub(in crate::app) fn told(checked: &Checked) -> Value {
    let devices = |named: &[super::templates::Named]| {
        named.iter().map(|n| n.mac.map_or_else(|| n.id.to_string(), |m| m.to_string())).collect::<Vec<_>>()
    };
    let fault = |f: &super::templates::Fault| {
        let t = &f.fault;
        json!({ "template": t.template, "line": t.line, "snippet": t.snippet, "message": t.message, "devices": f.count,
                "examples": devices(&f.devices) })
    };
    let change =
        |c: &super::templates::Changed| json!({ "file": c.file, "diff": c.diff, "devices": c.count, "examples": devices(&c.devices) });
    json!({
        "devices": checked.touched, "rendered": checked.rendered, "changed": checked.changed,
        "faults": checked.faults.iter().map(fault).collect::<Vec<_>>(),
        "standing": checked.standing.len(),
        "changes": checked.changes.iter().map(change).collect::<Vec<_>>(), "more_changes": checked.more_changes,
    })
}

/// Faults of a check as errors of a job; true when there are any.
pub(in crate::app) fn told_faults(report: &Reporter, checked: &Checked, lost: &Lost) -> bool {
    for fault in &checked.faults {
        let t = &fault.fault;
        report.error(format!("{}:{}", t.template, t.line), format!("{} ({} devices): {}", t.message, fault.count, t.snippet));
    }
    if lost.count > 0 {
        report.error(lost.names.join(", "), format!("{} devices would be served by no pack", lost.count));
    }
    !checked.faults.is_empty() || lost.count > 0
}

/// Overrides under which a pack, as it would serve, has another text than the one that they were made for.
fn stale(app: &App, catalog: &Catalog, id: &str) -> Vec<Value> {
    let Some(pack) = catalog.pack(id) else { return Vec::new() };
    let configuration = app.store.configuration();
    let other = |t: &&Arc<TemplateOverride>| t.pack == id && t.base_source.as_deref() != pack.template(&t.name);
    let told = |t: &Arc<TemplateOverride>| json!({ "scope": t.scope.to_string(), "pack": t.pack, "name": t.name });
    configuration.templates.iter().filter(other).map(told).collect()
}

/// `id`, without a version.
fn id_of(key: &str) -> &str {
    PackKey::of(key).id
}
