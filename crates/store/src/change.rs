//! Changes: what caches and, later, other nodes learn of every committed write.

use offhook_core::{Id, Mac, Result};

use crate::{database::failed, writer::Tx};

/// So many of the newest changes are kept; whoever is further behind reads everything anew.
const KEPT: u64 = 100_000;
/// Trimming is done once per so many.
const EVERY: u64 = 1024;

/// One committed change. `seq` grows by one with each and never repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number.
    pub seq: u64,
    /// What changed.
    pub what: What,
}

/// What a change concerns. Last-seen, fetch records and the request log are no changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// One device was made, changed or deleted, or an account of its own lines, or the address it is found by.
    Device {
        /// Its id.
        id: Id,
        /// Its MAC address now, or when it was deleted.
        mac: Option<Mac>,
        /// Its MAC address before, where that changed.
        former_mac: Option<Mac>,
    },
    /// Something that any device may rest on changed (an account that a shared layer names, many devices at once): drop every device.
    AllDevices,
    /// An account was made, changed or deleted. The devices that use it follow as changes of their own.
    Account {
        /// Its id.
        id: Id,
    },
    /// Site, a tenant or a profile: [`crate::Store::configuration`] is new. The accounts that a device needs may differ too: drop every [`crate::Serving`].
    Configuration,
    /// Firmware was added or deleted: [`crate::Store::shelf`] is new.
    Firmware {
        /// The name, as stored.
        name: String,
    },
    /// An asset or a phone book was made, changed or deleted: [`crate::Store::library`] is new.
    Library {
        /// `asset` or `phonebook`.
        noun: &'static str,
        /// Its id.
        id: Id,
    },
    /// Packs were installed, uninstalled, removed or restored.
    Packs {
        /// The pack's id.
        pack: String,
    },
    /// A token was made or revoked.
    Token {
        /// Its id.
        id: Id,
    },
}

impl What {
    /// The word in the table.
    pub(crate) fn noun(&self) -> &'static str {
        match self {
            Self::Device { .. } => "device",
            Self::AllDevices => "devices",
            Self::Account { .. } => "account",
            Self::Configuration => "configuration",
            Self::Firmware { .. } => "firmware",
            Self::Library { noun, .. } => noun,
            Self::Packs { .. } => "packs",
            Self::Token { .. } => "token",
        }
    }

    /// Which one: an id or a name; empty when it is all.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Device { id, .. } | Self::Account { id } | Self::Token { id } | Self::Library { id, .. } => id.to_string(),
            Self::Firmware { name } => name.clone(),
            Self::Packs { pack } => pack.clone(),
            Self::AllDevices | Self::Configuration => String::new(),
        }
    }
}

/// Forgets old changes now and then.
pub(crate) async fn trim(tx: &mut Tx) -> Result<()> {
    let (first, last) = tx.seqs();
    if first / EVERY == last / EVERY || last <= KEPT {
        return Ok(());
    }
    let upto = (last - KEPT).cast_signed();
    sqlx::query("DELETE FROM changes WHERE seq <= $1").bind(upto).execute(&mut tx.conn).await.map(drop).map_err(failed)
}
