//! Pending devices: phones that came by themselves. Bounded in all and per source network; full means refused, never that
//! another is pushed out.

use std::time::Duration;

use offhook_core::{
    Mac, Result,
    clock::Timestamp,
    device::{Device, LastSeen},
};

use crate::Store;

/// What is known of a phone that is not stored yet.
#[derive(Clone, Debug)]
pub struct NewPending {
    /// Its MAC address.
    pub mac: Mac,
    /// The tenant that the request resolved to.
    pub tenant: String,
    /// Family.
    pub vendor: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Firmware version.
    pub firmware: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// The pack that serves it.
    pub pack: Option<String>,
    /// The request that showed it; its address tells the source network.
    pub seen: LastSeen,
    /// The address is its own: the source is outside the NAT networks.
    pub owns_address: bool,
}

/// How many phones may come by themselves.
#[derive(Clone, Copy, Debug)]
pub struct PendingLimits {
    /// In all.
    pub total: u64,
    /// From one source network: /24 of IPv4, /64 of IPv6.
    pub per_network: u64,
    /// Not seen for so long, they make room for others.
    pub max_age: Duration,
}

/// What became of a phone that came by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum PendingOutcome {
    /// It is stored.
    Created(Device),
    /// A device with that MAC address was there already, in whatever state.
    Exists(Device),
    /// There is no room for its network, or none at all.
    Full,
}

impl Store {
    /// Stores a phone that came by itself, if there is room.
    pub async fn create_pending(&self, new: NewPending, limits: &PendingLimits) -> Result<PendingOutcome> {
        todo!()
    }

    /// Deletes phones that came by themselves, that no person has touched since, and that were last seen before this moment.
    /// Gives how many.
    pub async fn expire_pending(&self, before: Timestamp) -> Result<u64> {
        todo!()
    }
}
