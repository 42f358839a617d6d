//! All packs that are in use, and which of them serves a request.
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]

use std::{path::Path, sync::Arc};

use offhook_core::{request::Request, sighting::Sighting};

use crate::{Identified, Learnt, Pack, PackFault, Route};

/// The packs in use and the recognition made of them. Immutable; a reload makes a new one.
#[derive(Debug)]
pub struct Catalog {
    packs: Vec<Arc<Pack>>,
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
    /// The built-in packs.
    pub fn embedded() -> Catalog {
        todo!()
    }

    /// The built-in packs and those of a folder of packs. A pack that cannot be used is left out and its faults are given.
    pub fn load(extra: Option<&Path>) -> (Catalog, Vec<PackFault>) {
        todo!()
    }

    /// By id.
    pub fn packs(&self) -> &[Arc<Pack>] {
        &self.packs
    }

    /// By `id` or `id@version`.
    pub fn pack(&self, key: &str) -> Option<&Arc<Pack>> {
        todo!()
    }

    /// What a request tells, and the files that its path may mean, best first. `learnt`: what is known of this MAC or address.
    pub fn identify(&self, request: &Request, learnt: Option<&Learnt>) -> Identified {
        todo!()
    }

    /// The device's own pack beats evidence, evidence beats an OUI.
    pub fn choose(&self, sighting: &Sighting, routes: &[Route], device_pack: Option<&str>) -> Chosen {
        todo!()
    }

    /// Raw parameter names that are secret, for [`offhook_core::settings`].
    pub fn raw_secrets(&self) -> &offhook_core::settings::RawSecrets {
        todo!()
    }
}
