//! Firmware that can be fetched: what the packs and the index list, what of it is stored, and the fetching as a job.

use std::{fs::File, io, path::PathBuf};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use offhook_core::{Error, Result, firmware::Firmware};
use offhook_packs::{
    archive::{self, Kind, Limits},
    firmware::{FirmwareEntry, unpack},
};
use offhook_store::Blob;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::{
    app::{
        App, Caller,
        fields::Fields,
        jobs::{Job, Reporter},
        packs,
        page::{self, Listed, Part},
    },
    fetch::{FetchLimits, fetch as download},
};

/// How many entries an archive of firmware may have, and how many times greater it may be unpacked.
const ENTRIES: usize = 4096;
const RATIO: u64 = 200;

/// An entry, and what of it is stored.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The entry.
    pub entry: FirmwareEntry,
    /// Who lists it: `pack` or `index`.
    pub source: &'static str,
    /// Names of its files that are not stored.
    pub missing: Vec<String>,
}

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct CatalogueFilter {
    /// Of this pack.
    pub pack: Option<String>,
    /// For this model, in any spelling.
    pub model: Option<String>,
    /// Read the index first, whenever it was read last.
    pub refresh: bool,
}

/// One page of what can be fetched, by pack and version.
///
/// # Errors
/// `Invalid` for a pack that is not there; with `refresh`, as [`packs::index`].
pub async fn catalogue(app: &App, filter: &CatalogueFilter, part: &Part) -> Result<Listed<Offered>> {
    if let Some(pack) = &filter.pack {
        app.pipeline.check_pack(pack)?;
    }
    if filter.refresh {
        packs::index(app).await?;
    }
    let shelf = app.store.shelf();
    let fits = |(_, e): &(&'static str, FirmwareEntry)| {
        filter.pack.as_ref().is_none_or(|p| e.pack == *p) && filter.model.as_ref().is_none_or(|m| e.is_for(&canonical(app, &e.pack, m)))
    };
    let offered = entries(app).await.into_iter().filter(fits).map(|(source, entry)| {
        let missing = entry.files.iter().filter(|f| shelf.get(f).is_none()).cloned().collect();
        Offered { entry, source, missing }
    });
    page::cut(offered, |o| format!("{}\0{}\0{}", o.entry.pack, o.entry.version, o.entry.models.join(" ")), part)
}

/// Everything that is listed anywhere, and by whom. Of the same pack, version and models the index counts: it may mend an address without a
/// new version of the pack.
async fn entries(app: &App) -> Vec<(&'static str, FirmwareEntry)> {
    let listed = packs::known_firmware(app).await;
    let catalog = app.pipeline.catalog();
    let mut entries: Vec<_> = listed.iter().filter(|e| catalog.pack(&e.pack).is_some()).map(|e| ("index", e.clone())).collect();
    let of_packs = catalog.packs().iter().flat_map(|p| p.firmware()).filter(|e| !listed.iter().any(|i| same(i, e)));
    entries.extend(of_packs.map(|e| ("pack", e.clone())));
    entries
}

fn same(a: &FirmwareEntry, b: &FirmwareEntry) -> bool {
    let lists = |a: &FirmwareEntry, b: &FirmwareEntry| a.models.iter().all(|m| b.models.iter().any(|n| m.eq_ignore_ascii_case(n)));
    a.pack == b.pack && a.version.eq_ignore_ascii_case(&b.version) && lists(a, b) && lists(b, a)
}

fn canonical(app: &App, pack: &str, model: &str) -> String {
    let catalog = app.pipeline.catalog();
    catalog.pack(pack).and_then(|p| p.canonical_model(model)).unwrap_or(model).to_owned()
}

/// Fetches `{pack, version, model?}` as a job: all its files are stored at the end, or none.
pub async fn fetch(app: &App, who: &Caller, document: Value) -> Result<Job> {
    who.may_write()?;
    who.must_be_of_all("firmware files are for every tenant")?;
    let mut fields = Fields::of(document)?;
    fields.require("pack");
    fields.require("version");
    let (pack, version, model) = (fields.word("pack"), fields.word("version"), fields.word("model"));
    fields.check()?;
    let (pack, version) = (pack.unwrap_or_default(), version.unwrap_or_default());
    app.pipeline.check_pack(&pack)?;
    let entry = match find(app, &entries(app).await, &pack, &version, model.as_deref()) {
        // The index may list it since a moment ago.
        Err(_) if packs::has_index(app) => {
            packs::index(app).await?;
            find(app, &entries(app).await, &pack, &version, model.as_deref())?
        }
        found => found?,
    };
    if entry.size > app.config.limits.firmware_size {
        return Err(Error::Full(format!(
            "the download has {} bytes, more than limits.firmware_size ({})",
            entry.size, app.config.limits.firmware_size
        )));
    }
    let subject = format!("{pack} {version}");
    if who.dry_run {
        let files = json!({ "dry_run": true, "pack": entry.pack, "version": entry.version, "names": entry.files, "size": entry.size });
        return app.jobs.start("firmware-fetch", subject, |_| async { Ok(files) });
    }
    app.told_job(who, "start", "firmware-fetch", &subject, model.unwrap_or_default()).await?;
    let app_of = app.clone();
    app.jobs.start("firmware-fetch", subject, move |reporter| async move { run(app_of, entry, reporter).await })
}

fn find(app: &App, entries: &[(&'static str, FirmwareEntry)], pack: &str, version: &str, model: Option<&str>) -> Result<FirmwareEntry> {
    let of_pack: Vec<_> = entries.iter().map(|(_, e)| e).filter(|e| e.pack == pack).collect();
    let known: Vec<_> = of_pack.iter().map(|e| e.version.as_str()).collect();
    let fits = |e: &&&FirmwareEntry| e.version.eq_ignore_ascii_case(version) && model.is_none_or(|m| e.is_for(&canonical(app, pack, m)));
    let found: Vec<_> = of_pack.iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok((**one).clone()),
        // For one model, several lists may have it: that of the index comes first.
        [one, ..] if model.is_some() => Ok((**one).clone()),
        [] if known.is_empty() => Err(Error::invalid(
            "version",
            format!(
                "nothing lists firmware of {pack} that can be fetched: get the files from the maker and add them (offhook firmware add)"
            ),
        )),
        [] => Err(Error::invalid("version", format!("no such firmware of {pack} is listed; there is {}", known.join(", ")))),
        several => {
            let models: Vec<_> = several.iter().map(|e| e.models.join(" ")).collect();
            Err(Error::invalid("model", format!("{version} is listed for several groups of models: say one of {}", models.join("; "))))
        }
    }
}

async fn run(app: App, entry: FirmwareEntry, reporter: Reporter) -> Result<Value> {
    let shelf = app.store.shelf();
    if entry.files.iter().all(|f| shelf.get(f).is_some()) {
        return Ok(result(&entry, &entry.files.iter().filter_map(|f| shelf.get(f).cloned()).collect::<Vec<_>>()));
    }
    let folder = app.config.data_dir.clone();
    let limits = FetchLimits::of(entry.size);
    let fetched = download(&entry.url, limits, &folder, |p| reporter.progress(p.done, Some(entry.size), "bytes"));
    let failed = |error: crate::fetch::FetchError| Error::Conflict(error.to_string());
    let fetched = fetched.await.map_err(failed)?.verify(&entry.url, entry.size, &entry.sha256).map_err(failed)?;
    let (of, most) = (entry.clone(), unpack_limits(&app));
    let work = move || unpack(&of, fetched.into_file(), &most, &|| tempfile::tempfile_in(&folder));
    let files = tokio::task::spawn_blocking(work).await.map_err(|e| Error::Internal(format!("unpacking broke off: {e}")))?;
    let files = files.map_err(|e| Error::Conflict(format!("{}: {e}", entry.download_name())))?;
    let mut blobs = Vec::with_capacity(files.len());
    for (name, file) in files {
        blobs.push((name, entry.pack.clone(), blob(&app, file).await?));
    }
    let stored = app.store.add_firmware_set(blobs).await?;
    reporter.count("files", stored.len() as u64);
    Ok(result(&entry, &stored))
}

fn result(entry: &FirmwareEntry, stored: &[Firmware]) -> Value {
    let files: Vec<_> = stored.iter().map(|f| json!({ "name": f.name, "size": f.size, "sha256": f.sha256 })).collect();
    json!({ "pack": entry.pack, "version": entry.version, "files": files })
}

fn unpack_limits(app: &App) -> Limits {
    let most = app.config.limits.firmware_size;
    Limits { entries: ENTRIES, entry_bytes: most, total_bytes: most.saturating_mul(2), ratio: RATIO }
}

/// Durable bytes of a file, from its beginning.
async fn blob(app: &App, file: File) -> Result<Blob> {
    let disk = |e: io::Error| Error::Unavailable(format!("the data directory's disk says: {e}"));
    let (mut file, mut blob) = (tokio::fs::File::from_std(file), app.store.new_blob().await?);
    file.rewind().await.map_err(disk)?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut buffer).await.map_err(disk)?;
        match buffer.get(..read) {
            Some(bytes) if read > 0 => blob.write(bytes).await?,
            _ => return blob.finish().await,
        }
    }
}

/// What came out of an archive that a person sent.
pub struct Unpacked {
    /// Stored now, or before with the same bytes.
    pub stored: Vec<Firmware>,
    /// Names that no pack knows as firmware; nothing of them was stored.
    pub skipped: Vec<String>,
}

/// Takes an archive in: those of its files that phones of the pack (or of any pack) ask for as firmware are stored, all or none.
pub async fn add_archive(
    app: &App,
    who: &Caller,
    pack: Option<&str>,
    bytes: impl Stream<Item = Result<Bytes>> + Unpin,
) -> Result<Unpacked> {
    who.may_write()?;
    who.must_be_of_all("firmware files are for every tenant")?;
    if let Some(pack) = pack {
        app.pipeline.check_pack(pack)?;
    }
    let (folder, limits) = (app.config.data_dir.clone(), unpack_limits(app));
    let archive = spool(app, folder.clone(), bytes).await?;
    let (of, only) = (app.clone(), pack.map(str::to_owned));
    let work = move || firmware_of(&of, only.as_deref(), archive, &limits, &folder);
    let found = tokio::task::spawn_blocking(work).await.map_err(|e| Error::Internal(format!("unpacking broke off: {e}")))?;
    let (files, skipped) = found.map_err(|e| Error::invalid("", format!("the archive {e}")))?;
    if files.is_empty() {
        let there = skipped.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
        return Err(Error::invalid("", format!("no pack knows a file of the archive as firmware; it holds {there}")));
    }
    let mut blobs = Vec::with_capacity(files.len());
    for (name, pack, file) in files {
        blobs.push((name, pack, blob(app, file).await?));
    }
    Ok(Unpacked { stored: app.store.add_firmware_set(blobs).await?, skipped })
}

/// A stream in a file that has no name.
async fn spool(app: &App, folder: PathBuf, mut bytes: impl Stream<Item = Result<Bytes>> + Unpin) -> Result<File> {
    let disk = |e: io::Error| Error::Unavailable(format!("the data directory's disk says: {e}"));
    let most = app.config.limits.firmware_size;
    let mut file = tokio::fs::File::from_std(tempfile::tempfile_in(folder).map_err(disk)?);
    let mut written = 0u64;
    while let Some(bytes) = bytes.next().await {
        let bytes = bytes?;
        written = written.saturating_add(bytes.len() as u64);
        if written > most {
            return Err(Error::Full(format!("the file is larger than limits.firmware_size ({most} bytes)")));
        }
        file.write_all(&bytes).await.map_err(disk)?;
    }
    file.flush().await.map_err(disk)?;
    file.rewind().await.map_err(disk)?;
    Ok(file.into_std().await)
}

/// Name, pack and bytes of a firmware file.
type Found = (String, String, File);

fn firmware_of(
    app: &App,
    only: Option<&str>,
    mut archive: File,
    limits: &Limits,
    folder: &std::path::Path,
) -> std::result::Result<(Vec<Found>, Vec<String>), archive::ArchiveError> {
    let mut start = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(&mut archive, 64 << 10), &mut start).map_err(archive::ArchiveError::Io)?;
    let kind = Kind::sniff(&start).filter(|k| *k != Kind::Gz).ok_or(archive::ArchiveError::Unknown)?;
    let (mut found, mut skipped) = (Vec::<Found>::new(), Vec::new());
    let catalog = app.pipeline.catalog();
    archive::read(kind, archive, limits, &mut |entry| {
        let name = entry.name.rsplit('/').next().unwrap_or(entry.name);
        let pack = catalog.packs().iter().find(|p| only.is_none_or(|o| p.id() == o) && p.firmware_match(name));
        match pack {
            Some(pack) if super::file_name(name).is_ok() && !found.iter().any(|(n, ..)| n.eq_ignore_ascii_case(name)) => {
                let mut file = tempfile::tempfile_in(folder)?;
                io::copy(entry.bytes, &mut file)?;
                found.push((name.to_owned(), pack.id().to_owned(), file));
            }
            _ => skipped.push(entry.name.to_owned()),
        }
        Ok(())
    })?;
    Ok((found, skipped))
}
