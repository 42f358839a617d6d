//! A firmware file: bytes stored once and served under the names that packs know.

use serde::{Deserialize, Serialize};

use crate::{Id, clock::Timestamp};

/// A firmware file as it is stored; its bytes lie in the blob store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firmware {
    /// Its id.
    pub id: Id,
    /// The name phones ask for, without folders. Unique, letter case ignored.
    pub name: String,
    /// The pack it belongs to.
    pub pack: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
    /// When it was added.
    pub created_at: Timestamp,
}
