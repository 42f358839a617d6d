//! All packs that are in use, and which of them serves a request.

use std::{path::Path, sync::Arc};

use offhook_core::{
    request::Request,
    settings::RawSecrets,
    sighting::{FileKind, Sighting},
};

use crate::{
    Identified, Learnt, Pack, PackFault, Route,
    files::{self, PackFiles},
    identify::Recognition,
    load::{load, version_numbers},
    models::fault,
};

/// The packs in use and the recognition made of them. Immutable; a reload makes a new one.
#[derive(Debug)]
pub struct Catalog {
    packs: Vec<Arc<Pack>>,
    recognition: Recognition,
    raw_secrets: RawSecrets,
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

    /// The built-in packs and those of a folder of packs. A pack that cannot be used is left out and its faults are given. A pack
    /// of the folder replaces a built-in one of the same id unless its version is lower.
    pub fn load(extra: Option<&Path>) -> (Catalog, Vec<PackFault>) {
        let mut faults = Vec::new();
        let mut packs: Vec<Pack> = Vec::new();
        for files in PackFiles::built_in() {
            add(&files, &mut packs, &mut faults);
        }
        if let Some(dir) = extra {
            match files::pack_folders(dir) {
                Ok(folders) => folders.iter().for_each(|folder| add_folder(folder, &mut packs, &mut faults)),
                Err(e) => faults.push(fault("", &dir.display().to_string(), String::new(), e.to_string())),
            }
        }
        (Self::of(packs), faults)
    }

    /// One pack alone, from its folder.
    ///
    /// # Errors
    /// Every fault of it.
    pub fn of_folder(dir: &Path) -> Result<Catalog, Vec<PackFault>> {
        let (mut packs, mut faults) = (Vec::new(), Vec::new());
        add_folder(dir, &mut packs, &mut faults);
        if faults.is_empty() { Ok(Self::of(packs)) } else { Err(faults) }
    }

    fn of(mut packs: Vec<Pack>) -> Catalog {
        packs.sort_by(|a, b| a.id().cmp(b.id()));
        let packs: Vec<Arc<Pack>> = packs.into_iter().map(Arc::new).collect();
        let mut raw_secrets = RawSecrets::default();
        for pack in &packs {
            raw_secrets.add(pack.id(), &pack.head.secret_parameters);
        }
        Catalog { recognition: Recognition::new(&packs), packs, raw_secrets }
    }

    /// By id.
    pub fn packs(&self) -> &[Arc<Pack>] {
        &self.packs
    }

    /// By `id` or `id@version`.
    pub fn pack(&self, key: &str) -> Option<&Arc<Pack>> {
        let (id, version) = key.split_once('@').map_or((key, None), |(id, v)| (id, Some(v)));
        self.packs.iter().find(|p| p.id() == id && version.is_none_or(|v| v == p.version()))
    }

    /// What a request tells, and the files that its path may mean, best first. `learnt`: what is known of this MAC or address.
    pub fn identify(&self, request: &Request, learnt: Option<&Learnt>) -> Identified {
        self.recognition.identify(request, learnt)
    }

    /// The device's own pack beats evidence, evidence beats an OUI. A file that the own pack does not know may come from another
    /// pack only when it is no device's and holds no credentials.
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

fn add_folder(folder: &Path, packs: &mut Vec<Pack>, faults: &mut Vec<PackFault>) {
    match PackFiles::folder(folder) {
        Ok(files) => add(&files, packs, faults),
        Err(e) => faults.push(fault(&files::folder_name(folder), "", String::new(), e.to_string())),
    }
}

fn add(files: &PackFiles, packs: &mut Vec<Pack>, faults: &mut Vec<PackFault>) {
    match load(files) {
        Ok(pack) => match packs.iter_mut().find(|p| p.id() == pack.id()) {
            Some(present) if version_numbers(pack.version()) >= version_numbers(present.version()) => *present = pack,
            Some(present) => faults.push(fault(
                pack.id(),
                "vendor.toml",
                "version".to_owned(),
                format!("is {}, older than the {} that is in use: it is left out", pack.version(), present.version()),
            )),
            None => packs.push(pack),
        },
        Err(list) => faults.extend(list),
    }
}
