//! Installing and upgrading: first everything is looked at, then the pack is kept and used.

use std::sync::Arc;

use offhook_core::{
    Error, Result,
    pack::{PackKey, compare_pack_versions},
};
use offhook_packs::{Origin, Package};
use offhook_store::NewPack;
use serde_json::{Value, json};

use super::{
    super::{
        App, Caller,
        jobs::{Job, Reporter},
    },
    Change, devices_of, index,
    loader::blocking,
    sent, stale, status, told, told_faults, try_devices,
};
use crate::fetch::{FetchLimits, fetch};

/// How a pack is to be installed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Also when devices fail by it, when it is `eol`, or when the same version is there with other contents.
    pub force: bool,
    /// Only look.
    pub dry_run: bool,
}

impl Wanted {
    /// What the caller only tries is only looked at.
    fn of(self, who: &Caller) -> Self {
        Self { dry_run: self.dry_run || who.dry_run, ..self }
    }
}

/// What was sent as a pack, read and checked: every fault at once, file and line as the field.
pub async fn check_archive(archive: Vec<u8>) -> Result<(Package, Vec<u8>)> {
    blocking(move || {
        let package = Package::read(&archive).map_err(sent)?;
        match package.check().faults {
            faults if faults.is_empty() => Ok((package, archive)),
            faults => Err(sent(faults)),
        }
    })
    .await?
}

/// Installs a pack from an archive. What is wrong with it is told at once; the rest is a job.
pub async fn install(app: &App, who: &Caller, archive: Vec<u8>, wanted: Wanted) -> Result<Job> {
    who.may_write()?;
    let wanted = wanted.of(who);
    who.must_be_of_all("packs are for every tenant")?;
    let (package, archive) = check_archive(archive).await?;
    let by = who.label.to_string();
    let subject = format!("{}@{}", package.id(), package.version());
    let app_then = app.clone();
    app.jobs.start("pack-install", subject, move |report| async move {
        keep(&app_then, &report, package, archive, String::new(), by, wanted).await
    })
}

/// Installs a pack by its key: a built-in one that was removed is used again, else it comes from the index.
pub async fn install_named(app: &App, who: &Caller, key: &str, wanted: Wanted) -> Result<Job> {
    who.may_write()?;
    let wanted = wanted.of(who);
    who.must_be_of_all("packs are for every tenant")?;
    let by = who.label.to_string();
    let wants = PackKey::of(key);
    if wants.version.is_none() && app.store.removed_packs().await?.contains(wants.id) {
        let (app_then, id) = (app.clone(), wants.id.to_owned());
        return app.jobs.start("pack-install", key, move |report| async move { restore(&app_then, &report, &id, wanted).await });
    }
    let (app_then, key_then) = (app.clone(), key.to_owned());
    app.jobs.start("pack-install", key, move |report| async move {
        let wants = PackKey::of(&key_then);
        let index = index::index(&app_then).await?;
        let found = wants.choose(index.packs.iter().filter(|p| p.id == wants.id), |p| p.version.as_str());
        let found = found.ok_or_else(|| Error::not_found("pack in the index", &key_then))?;
        from_index(&app_then, &report, found, by, wanted).await
    })
}

/// Installs the newest version that the index has, if it is newer than what serves.
pub async fn upgrade(app: &App, who: &Caller, id: &str, wanted: Wanted) -> Result<Job> {
    who.may_write()?;
    let wanted = wanted.of(who);
    who.must_be_of_all("packs are for every tenant")?;
    let serving = super::find(app, id)?;
    let by = who.label.to_string();
    app.told_job(who, "start", "pack-upgrade", id, String::new()).await?;
    let app_then = app.clone();
    app.jobs.start("pack-upgrade", id, move |report| async move {
        let index = index::index(&app_then).await?;
        let wants = PackKey::of(serving.id());
        match wants.choose(index.packs.iter().filter(|p| p.id == wants.id), |p| p.version.as_str()) {
            Some(newest) if compare_pack_versions(&newest.version, serving.version()).is_gt() => {
                from_index(&app_then, &report, newest, by, wanted).await
            }
            _ => Ok(json!({ "id": serving.id(), "version": serving.version(), "installed": false, "newest": true })),
        }
    })
}

async fn from_index(app: &App, report: &Reporter, found: &crate::index::IndexPack, by: String, wanted: Wanted) -> Result<Value> {
    let url = index::address(app, &found.url)?;
    let limits = FetchLimits::of(super::ARCHIVE as u64);
    let progress = report.clone();
    let fetched = fetch(&url, limits, &app.config.data_dir, move |f| progress.progress(f.done, f.total, "bytes")).await;
    let fetched = fetched.and_then(|f| f.verify(&url, found.size, &found.sha256)).map_err(|e| Error::Conflict(e.to_string()))?;
    let archive = fetched.into_bytes().map_err(|e| Error::Unavailable(e.to_string()))?;
    let (package, archive) = check_archive(archive).await?;
    if (package.id(), package.version()) != (found.id.as_str(), found.version.as_str()) {
        let held = format!("{}@{}", package.id(), package.version());
        return Err(Error::Conflict(format!(
            "the index says {}@{}, the archive holds {held}: nothing is installed",
            found.id, found.version
        )));
    }
    keep(app, report, package, archive, url, by, wanted).await
}

/// Looks at what a pack would change, then keeps it.
async fn keep(
    app: &App,
    report: &Reporter,
    package: Package,
    archive: Vec<u8>,
    origin: String,
    by: String,
    wanted: Wanted,
) -> Result<Value> {
    let _turn = app.packs.turn().await;
    let (id, version) = (package.id().to_owned(), package.version().to_owned());
    let key = format!("{id}@{version}");
    let package = Arc::new(package);
    let now = app.pipeline.catalog();
    let (then, _) = app.packs.load_with(Some(now.clone()), Change { add: Some(package), ..Change::default() }).await?;
    let then = Arc::new(then);
    let pack = then.pack(&key).cloned().ok_or_else(|| Error::Internal(format!("{key} is not among the packs that would be used")))?;
    let present = now.versions().iter().find(|p| p.key() == key);
    match present {
        Some(same) if same.digest() == pack.digest() => {
            return Ok(
                json!({ "id": id, "version": version, "installed": false, "newest": now.pack(&id).is_some_and(|p| p.key() == key) }),
            );
        }
        Some(other) if other.origin() == Origin::Folder => {
            return Err(Error::Conflict(format!(
                "{key} lies in the folder of packs (packs.dir), which counts first: change it there, or take it away"
            )));
        }
        Some(_) if !wanted.force => {
            return Err(Error::Conflict(format!("{key} is installed with other contents: give the new one another version, or force it")));
        }
        _ => {}
    }
    if status(&pack) == "eol" && !wanted.force && now.pack(&id).is_none() {
        return Err(Error::Conflict(format!("{id} is at the end of its life and gets no updates: install its successor, or force it")));
    }
    let (checked, lost) = try_devices(app, report, then.clone(), &devices_of(&id), None).await?;
    let failed = told_faults(report, &checked, &lost);
    let serving = then.pack(&id).is_some_and(|p| p.key() == key);
    let stale = stale(app, &then, &id);
    let mut result = json!({ "id": id, "version": version, "serving": serving, "check": told(&checked), "stale": stale });
    if wanted.dry_run {
        result["installed"] = false.into();
        return Ok(result);
    }
    if failed && !wanted.force {
        return Err(Error::Conflict(format!("{key} is not installed: devices would fail by it. Look at them, or force it")));
    }
    app.store.install_pack(NewPack { pack: id, version, origin, archive, by }).await?;
    app.packs.reload(&app.pipeline).await?;
    result["installed"] = true.into();
    Ok(result)
}

async fn restore(app: &App, report: &Reporter, id: &str, wanted: Wanted) -> Result<Value> {
    let _turn = app.packs.turn().await;
    let change = Change { restore: Some(id.to_owned()), ..Change::default() };
    let (then, _) = app.packs.load_with(Some(app.pipeline.catalog()), change).await?;
    if then.pack(id).is_none() {
        return Err(Error::not_found("built-in pack", id));
    }
    let (checked, _) = try_devices(app, report, Arc::new(then), &devices_of(id), None).await?;
    if wanted.dry_run {
        return Ok(json!({ "id": id, "installed": false, "check": told(&checked) }));
    }
    app.store.restore_pack(id).await?;
    app.packs.reload(&app.pipeline).await?;
    let pack = super::find(app, id)?;
    let stale = stale(app, &app.pipeline.catalog(), id);
    Ok(json!({ "id": id, "version": pack.version(), "installed": true, "serving": true, "check": told(&checked), "stale": stale }))
}
