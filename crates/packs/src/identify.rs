//! What a request tells of the phone: one pass over the rules of all packs.

use std::sync::Arc;

use offhook_core::{
    Mac,
    sighting::{FileKind, Sighting},
};

use crate::{Pack, manifest::Source};

/// What was learnt earlier of the MAC or address that asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learnt {
    /// MAC of the address (lease, ARP, earlier request).
    pub mac: Option<Mac>,
    /// Family.
    pub vendor: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Firmware version.
    pub firmware: Option<String>,
    /// DHCP option 60, bytes read as latin-1.
    pub option60: Option<String>,
}

/// What one request told.
#[derive(Clone, Debug, Default)]
pub struct Identified {
    /// Of the phone.
    pub sighting: Sighting,
    /// Files that the path may mean, best first.
    pub routes: Vec<Route>,
    /// The best route's file belongs to another MAC than the phone's own.
    pub conflict: Option<MacConflict>,
}

/// A file of one MAC asked for by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacConflict {
    /// In the file's name or query.
    pub asked: Mac,
    /// What the phone says of itself in a header or certificate.
    pub says: Mac,
}

/// One file of one pack, as asked for or as made for a device.
#[derive(Clone, Debug)]
pub struct Route {
    /// The pack.
    pub pack: Arc<Pack>,
    /// Index into [`Pack::files`].
    pub file: usize,
    /// Path without leading slash, as asked (folders too) or as made.
    pub path: String,
    /// The last part of the path.
    pub name: String,
    /// MAC in the name or query.
    pub mac: Option<Mac>,
    /// Model code in the name.
    pub code: Option<u64>,
    /// Model in the name.
    pub model: Option<String>,
    /// Serial number in the name.
    pub serial: Option<String>,
}

impl Route {
    /// What the file is for.
    pub fn kind(&self) -> FileKind {
        self.pack.files()[self.file].kind
    }
    /// Whether it holds credentials.
    pub fn credentials(&self) -> bool {
        self.pack.files()[self.file].credentials
    }
    /// Whether its absence is normal.
    pub fn optional(&self) -> bool {
        self.pack.files()[self.file].optional
    }
    /// Where its bytes come from.
    pub fn source(&self) -> Source {
        self.pack.files()[self.file].source
    }
    /// The file's name in the manifest.
    pub fn file_name(&self) -> &str {
        &self.pack.files()[self.file].name
    }
}
