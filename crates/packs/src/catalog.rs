//! All packs that are in use, and which of them serves a request. Of one id several versions may be there: the newest one serves, the
//! others only devices that are pinned to them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use offhook_core::{
    pack::{PackDigests, PackKey, compare_pack_versions},
    request::Request,
    settings::RawSecrets,
    sighting::{FileKind, Sighting},
};

use crate::{
    Identified, Learnt, Pack, PackFault, Package, Route,
    files::{self, PackFiles},
    identify::Recognition,
    load::load,
    models::fault,
};

/// The packs in use and the recognition made of them. Immutable; a reload makes a new one.
#[derive(Debug)]
pub struct Catalog {
    /// The serving version of each id.
    packs: Vec<Arc<Pack>>,
    /// Every version, by id, the newest first.
    versions: Vec<Arc<Pack>>,
    recognition: Recognition,
    raw_secrets: RawSecrets,
}

/// Where packs come from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources<'a> {
    /// A folder of packs.
    pub folder: Option<&'a Path>,
    /// Packs that were installed.
    pub installed: &'a [Arc<Package>],
    /// Ids of built-in packs that are not to be used.
    pub removed: Option<&'a BTreeSet<String>>,
    /// Packs in use until now: those that did not change are taken over as they are.
    pub previous: Option<&'a Catalog>,
}

/// Which pack serves a request, and which of its files.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The pack; none when nothing tells one.
    pub pack: Option<Arc<Pack>>,
    /// The file; it may be of another pack only when it holds nothing of a device.
    pub route: Option<Route>,
}

impl Catalog {
    /// The built-in packs. One that is broken (a test forbids it) is left out.
    pub fn embedded() -> Catalog {
        Self::load(None).0
    }

    /// The built-in packs and those of a folder of packs. A pack that cannot be used is left out and its faults are given.
    pub fn load(extra: Option<&Path>) -> (Catalog, Vec<PackFault>) {
        Self::of_sources(&Sources { folder: extra, ..Sources::default() })
    }

    /// The packs of all sources. A pack that cannot be used is left out and its faults are given; of one version in several places
    /// that of the folder counts before an installed one, and that before the built-in one.
    pub fn of_sources(sources: &Sources<'_>) -> (Catalog, Vec<PackFault>) {
        let mut shelf = Loading { previous: sources.previous, found: BTreeMap::new(), faults: Vec::new() };
        let used = |files: &PackFiles| sources.removed.is_none_or(|removed| !removed.contains(&files.id));
        PackFiles::built_in().iter().filter(|files| used(files)).for_each(|files| shelf.add(files));
        sources.installed.iter().for_each(|package| shelf.add(package.files()));
        match sources.folder.map(files::pack_folders) {
            Some(Ok(folders)) => folders.iter().for_each(|folder| shelf.add_folder(folder)),
            Some(Err(e)) => {
                let folder = sources.folder.map(|dir| dir.display().to_string()).unwrap_or_default();
                shelf.faults.push(fault("", &folder, String::new(), e.to_string()));
            }
            None => {}
        }
        (Self::of(shelf.found.into_values().collect()), shelf.faults)
    }

    /// One pack alone, from its folder.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn of_folder(dir: &Path) -> Result<Catalog, Vec<PackFault>> {
        let mut shelf = Loading { previous: None, found: BTreeMap::new(), faults: Vec::new() };
        shelf.add_folder(dir);
        if shelf.faults.is_empty() { Ok(Self::of(shelf.found.into_values().collect())) } else { Err(shelf.faults) }
    }

    fn of(mut versions: Vec<Arc<Pack>>) -> Catalog {
        versions.sort_by(|a, b| a.id().cmp(b.id()).then_with(|| compare_pack_versions(b.version(), a.version())));
        let mut raw_secrets = RawSecrets::default();
        for pack in &versions {
            raw_secrets.add(pack.id(), &pack.head.secret_parameters);
        }
        let of_one_id = versions.chunk_by(|a, b| a.id() == b.id());
        let serving = |same: &[Arc<Pack>]| PackKey::of("").choose(same.iter().cloned(), |pack| pack.version());
        let packs: Vec<Arc<Pack>> = of_one_id.filter_map(serving).collect();
        let older = versions.iter().filter(|v| !packs.iter().any(|p| Arc::ptr_eq(p, v))).cloned().collect();
        Catalog { recognition: Recognition::new(&packs, older), packs, versions, raw_secrets }
    }

    /// The serving version of each id, by id.
    pub fn packs(&self) -> &[Arc<Pack>] {
        &self.packs
    }

    /// Every version, by id, the newest first.
    pub fn versions(&self) -> &[Arc<Pack>] {
        &self.versions
    }

    /// By `id` or `id@version`, where the version may be cut after any number: the newest that fits.
    pub fn pack(&self, key: &str) -> Option<&Arc<Pack>> {
        let key = PackKey::of(key);
        key.choose(self.versions.iter().filter(|p| p.id() == key.id), |pack| pack.version())
    }

    /// What the packs hold, for the tags of what devices have.
    pub fn digests(&self) -> PackDigests {
        PackDigests::new(self.versions.iter().map(|p| (p.id().to_owned(), p.version().to_owned(), *p.digest())))
    }

    /// What a request tells, and the files that its path may mean, best first. `learnt`: what is known of this MAC or address.
    pub fn identify(&self, request: &Request, learnt: Option<&Learnt>) -> Identified {
        self.recognition.identify(request, learnt)
    }

    /// The device's own pack beats evidence, evidence beats an OUI. A file that the own pack does not know may come from another
    /// pack only when it is no device's and holds no credentials. Files of versions that do not serve by themselves are in
    /// [`Identified::older`].
    pub fn choose(&self, sighting: &Sighting, routes: &[Route], device_pack: Option<&str>) -> Chosen {
        if let Some(own) = device_pack.and_then(|key| self.pack(key)) {
            let route = routes.iter().find(|r| Arc::ptr_eq(&r.pack, own));
            let other = || routes.iter().find(|r| r.kind() != FileKind::Device && !r.credentials());
            return Chosen { pack: Some(Arc::clone(own)), route: route.or_else(other).cloned() };
        }
        if let Some(route) = routes.first() {
            return Chosen { pack: Some(Arc::clone(&route.pack)), route: Some(route.clone()) };
        }
        let mut best: Option<(u8, &Arc<Pack>)> = None;
        for evidence in &sighting.evidence {
            let Some(pack) = self.pack(&evidence.pack) else { continue };
            if best.is_none_or(|(confidence, _)| evidence.confidence > confidence) {
                best = Some((evidence.confidence, pack));
            }
        }
        Chosen { pack: best.map(|(_, p)| Arc::clone(p)), route: None }
    }

    /// Raw parameter names (with `*`) that are secret by the packs' word, for [`offhook_core::settings`].
    pub fn raw_secrets(&self) -> &RawSecrets {
        &self.raw_secrets
    }
}

/// Packs while they are read: one of each version.
struct Loading<'a> {
    previous: Option<&'a Catalog>,
    found: BTreeMap<(String, String), Arc<Pack>>,
    faults: Vec<PackFault>,
}

impl Loading<'_> {
    fn add_folder(&mut self, folder: &Path) {
        match PackFiles::folder(folder) {
            Ok(files) => self.add(&files),
            Err(e) => self.faults.push(fault(&files::folder_name(folder), "", String::new(), e.to_string())),
        }
    }

    fn add(&mut self, files: &PackFiles) {
        match self.known(files).map_or_else(|| load(files).map(Arc::new), Ok) {
            // Sources come in the order of what counts.
            Ok(pack) => drop(self.found.insert((pack.id().to_owned(), pack.version().to_owned()), pack)),
            Err(list) => self.faults.extend(list),
        }
    }

    fn known(&self, files: &PackFiles) -> Option<Arc<Pack>> {
        let same = |pack: &&Arc<Pack>, digest: &[u8; 32]| pack.id() == files.id && pack.origin == files.origin && pack.digest == *digest;
        let candidates = self.previous.filter(|catalog| catalog.versions.iter().any(|p| p.id() == files.id))?;
        let digest = files.digest();
        candidates.versions.iter().find(|pack| same(pack, &digest)).cloned()
    }
}
