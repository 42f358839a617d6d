//! A tenant: the owner of devices, accounts and profiles that others neither see nor touch.

use ipnet::IpNet;

use crate::{Id, clock::Timestamp, settings::Settings};

/// The tenant that always exists and takes what no other claims.
pub const DEFAULT: &str = "default";

/// A tenant as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    /// Its id.
    pub id: Id,
    /// Its unique name: lower-case letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// Unknown phones from these networks become its own.
    pub networks: Vec<IpNet>,
    /// Its layer, over the site's.
    pub settings: Settings,
    /// Its layer over the devices.
    pub enforced: Settings,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
