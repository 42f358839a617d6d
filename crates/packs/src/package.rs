//! A pack as it travels: one archive that holds one pack, at its root or in a folder. How an archive is read safely is
//! `archive.rs`; what is right in a pack is told by loading it.

use std::{borrow::Cow, path::Path};

use crate::{
    CheckReport, Origin, PackFault,
    archive::{Limits, pack_tar_gz, unpack},
    files::PackFiles,
    load::load,
    manifest::Status,
    models::fault,
    runner,
};

const MANIFEST: &str = "vendor.toml";

/// A pack out of an archive, not in use yet.
#[derive(Debug)]
pub struct Package {
    id: String,
    version: String,
    name: String,
    status: Status,
    files: PackFiles,
}

impl Package {
    /// Reads an archive and everything in it. The pack's tests are left aside.
    ///
    /// # Errors
    /// Every fault of the archive or of the pack.
    pub fn read(archive: &[u8]) -> Result<Self, Vec<PackFault>> {
        let alone = |message: String| vec![fault("", "the archive", String::new(), message)];
        let all = unpack(archive, &Limits::PACK).map_err(|e| alone(e.to_string()))?;
        let is_manifest =
            |name: &&String| *name == MANIFEST || name.strip_suffix(MANIFEST).is_some_and(|dir| dir.matches('/').count() == 1);
        let manifests: Vec<&String> = all.keys().filter(is_manifest).collect();
        let manifest = match manifests.as_slice() {
            [one] => (*one).clone(),
            [] => return Err(alone(format!("holds no {MANIFEST}, neither at its root nor in one folder: it is no pack"))),
            [root, ..] if *root == MANIFEST => MANIFEST.to_owned(),
            several => return Err(alone(format!("holds {} packs: send each by itself", several.len()))),
        };
        let root = manifest.strip_suffix(MANIFEST).unwrap_or_default();
        let mut files = PackFiles { id: id_in(all.get(&manifest)), origin: Origin::Installed, ..PackFiles::default() };
        let own = |name: String| Some(name.strip_prefix(root)?.to_owned()).filter(|path| !path.starts_with("tests/"));
        files.files = all.into_iter().filter_map(|(name, bytes)| Some((own(name)?, Cow::Owned(bytes)))).collect();
        let pack = load(&files)?;
        Ok(Self {
            id: pack.id().to_owned(),
            version: pack.version().to_owned(),
            name: pack.name().to_owned(),
            status: pack.head.status,
            files,
        })
    }

    /// The pack's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// For people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `current` or `eol`.
    pub fn status(&self) -> &'static str {
        match self.status {
            Status::Current => "current",
            Status::Eol => "eol",
        }
    }

    /// The check that an author runs: every model's files made and read back.
    pub fn check(&self) -> CheckReport {
        match load(&self.files) {
            Ok(pack) => runner::check_loaded(pack),
            Err(faults) => CheckReport { faults, ..CheckReport::default() },
        }
    }

    pub(crate) fn files(&self) -> &PackFiles {
        &self.files
    }

    /// A pack's folder as an archive, without its tests; the same folder gives the same bytes.
    ///
    /// # Errors
    /// What cannot be read, or every fault of the pack.
    pub fn of_folder(dir: &Path) -> Result<Vec<u8>, Vec<PackFault>> {
        let cannot = |e: String| vec![fault(&dir.display().to_string(), "", String::new(), e)];
        let files = PackFiles::folder(dir).map_err(|e| cannot(e.to_string()))?;
        load(&files)?;
        let named: Vec<(String, &[u8])> =
            files.files.iter().map(|(path, bytes)| (format!("{}/{path}", files.id), bytes.as_ref())).collect();
        pack_tar_gz(named.iter().map(|(name, bytes)| (name.as_str(), *bytes))).map_err(|e| cannot(e.to_string()))
    }
}

/// The id that a manifest gives; empty when it gives none, which loading will tell.
fn id_in(manifest: Option<&Vec<u8>>) -> String {
    let table = manifest.and_then(|bytes| std::str::from_utf8(bytes).ok()).and_then(|text| text.parse::<toml::Table>().ok());
    table.and_then(|t| Some(t.get("id")?.as_str()?.to_owned())).unwrap_or_default()
}
