//! Changes: what caches and other nodes learn of every committed write.

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
    /// Everything may be another: a backup was restored, or this node was away for too long to read each change.
    Everything,
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
            Self::Everything => "everything",
        }
    }

    /// Which one: an id or a name, of a device its addresses too; empty when it is all.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Device { id, mac, former_mac } => {
                let word = |mac: &Option<Mac>| mac.map_or_else(|| "-".to_owned(), |m| m.to_string());
                format!("{id} {} {}", word(mac), word(former_mac))
            }
            Self::Account { id } | Self::Token { id } | Self::Library { id, .. } => id.to_string(),
            Self::Firmware { name } => name.clone(),
            Self::Packs { pack } => pack.clone(),
            Self::AllDevices | Self::Configuration | Self::Everything => String::new(),
        }
    }

    /// What another node wrote down. What this program does not know may be anything.
    pub(crate) fn read(noun: &str, key: &str) -> Self {
        Self::known(noun, key).unwrap_or(Self::Everything)
    }

    fn known(noun: &str, key: &str) -> Option<Self> {
        Some(match noun {
            "device" => {
                let mut words = key.split(' ');
                let id = Id::parse(words.next()?)?;
                let mut mac = || words.next().and_then(Mac::parse);
                Self::Device { id, mac: mac(), former_mac: mac() }
            }
            "devices" => Self::AllDevices,
            "account" => Self::Account { id: Id::parse(key)? },
            "configuration" => Self::Configuration,
            "firmware" => Self::Firmware { name: key.to_owned() },
            "asset" => Self::Library { noun: "asset", id: Id::parse(key)? },
            "phonebook" => Self::Library { noun: "phonebook", id: Id::parse(key)? },
            "packs" => Self::Packs { pack: key.to_owned() },
            "token" => Self::Token { id: Id::parse(key)? },
            "everything" => Self::Everything,
            _ => return None,
        })
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_down_is_read_again() {
        let id = Id::parse("01920000-0000-7000-8000-000000000001").unwrap();
        let mac = Mac::parse("00:15:65:aa:bb:cc");
        let all = [
            What::Device { id, mac, former_mac: None },
            What::Device { id, mac: None, former_mac: mac },
            What::AllDevices,
            What::Account { id },
            What::Configuration,
            What::Firmware { name: "a b.bin".into() },
            What::Library { noun: "asset", id },
            What::Library { noun: "phonebook", id },
            What::Packs { pack: "p".into() },
            What::Token { id },
            What::Everything,
        ];
        for what in all {
            assert_eq!(What::read(what.noun(), &what.key()), what);
        }
        assert_eq!(What::read("of the future", "x"), What::Everything);
    }
}
