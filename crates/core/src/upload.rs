//! A file that a phone sent: kept for people to read, never served and never configuration.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Id, clock::Timestamp, request::Transport};

/// What a phone may send (`[[upload]]` of a pack).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UploadKind {
    /// What it did.
    Log,
    /// Settings that were changed at the phone itself.
    Settings,
    /// Its own phone book.
    Contacts,
    /// Calls made and missed.
    Calls,
    /// Anything else.
    Other,
}

impl UploadKind {
    /// The lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Settings => "settings",
            Self::Contacts => "contacts",
            Self::Calls => "calls",
            Self::Other => "other",
        }
    }
}

/// One version of one file that a device sent; its bytes lie in the blob store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its id; ids grow with time.
    pub id: Id,
    /// The device that sent it.
    pub device: Id,
    /// The name of the `[[upload]]`.
    pub name: String,
    /// The file as the phone called it, without folders.
    pub file: String,
    /// What it is.
    pub kind: UploadKind,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
    /// When it came.
    pub at: Timestamp,
    /// From where.
    pub ip: IpAddr,
    /// How.
    pub transport: Transport,
}
