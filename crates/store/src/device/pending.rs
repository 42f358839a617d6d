//! Pending devices: phones that came by themselves. Bounded in all and per source network; full means refused, never that
//! another is pushed out.

use std::{net::IpAddr, time::Duration};

use futures_util::FutureExt;
use ipnet::IpNet;
use offhook_core::{
    Mac, Result,
    clock::Timestamp,
    device::{Device, LastSeen, State},
};

use crate::{Store, database::failed, row, text::tame, writer::Tx};

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
    /// Stores a phone that came by itself, if there is room. Those older than `max_age` make room first.
    ///
    /// # Errors
    /// `Invalid` for a tenant that does not exist; `Unavailable`.
    pub async fn create_pending(&self, new: NewPending, limits: &PendingLimits) -> Result<PendingOutcome> {
        if let Some(device) = self.device_by_mac(new.mac).await? {
            return Ok(PendingOutcome::Exists(device));
        }
        let limits = *limits;
        self.write(move |tx| create(tx, new, limits).boxed()).await
    }

    /// Deletes phones that came by themselves, that no person has touched since, and that were last seen before this moment.
    /// Gives how many.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn expire_pending(&self, before: Timestamp) -> Result<u64> {
        self.write(move |tx| expire(tx, before).boxed()).await
    }
}

/// The network that shares a quota: /24 of IPv4, /64 of IPv6.
fn network_of(ip: IpAddr) -> String {
    let ip = ip.to_canonical();
    let bits = if ip.is_ipv4() { 24 } else { 64 };
    IpNet::new(ip, bits).map_or_else(|_| ip.to_string(), |n| n.trunc().to_string())
}

async fn create(tx: &mut Tx, new: NewPending, limits: PendingLimits) -> Result<PendingOutcome> {
    if let Some(device) = super::stored(tx, "mac = $1", new.mac.to_string()).await? {
        return Ok(PendingOutcome::Exists(device));
    }
    let network = network_of(new.seen.ip);
    if !has_room(tx, &network, &limits).await? {
        let age = i64::try_from(limits.max_age.as_millis()).unwrap_or(i64::MAX);
        let gone = expire(tx, Timestamp::from_millis(tx.now.as_millis().saturating_sub(age))).await?;
        if gone == 0 || !has_room(tx, &network, &limits).await? {
            return Ok(PendingOutcome::Full);
        }
    }
    let mut device = Device::new(tx.new_id(), tx.now);
    device.state = State::Pending;
    device.mac = Some(new.mac);
    device.tenant = new.tenant;
    let short = |text: Option<String>| text.map(|t| tame(&t).chars().take(255).collect());
    (device.vendor, device.model, device.firmware) = (short(new.vendor), short(new.model), short(new.firmware));
    (device.serial, device.pack) = (short(new.serial), short(new.pack));
    device.last_seen = Some(super::row::tamed(&new.seen));
    let address = new.owns_address.then(|| new.seen.ip.to_canonical().to_string());
    if let Some(address) = &address {
        crate::seen::take_address(tx, address, device.id).await?;
    }
    super::insert(tx, &device, Ok(()), Some(network), address).await?;
    Ok(PendingOutcome::Created(device))
}

async fn has_room(tx: &mut Tx, network: &str, limits: &PendingLimits) -> Result<bool> {
    let here = sqlx::query("SELECT COUNT(*) FROM devices WHERE pending_network = $1").bind(network.to_owned());
    if tx.count(here).await? >= limits.per_network {
        return Ok(false);
    }
    Ok(tx.count(sqlx::query("SELECT COUNT(*) FROM devices WHERE pending_network IS NOT NULL")).await? < limits.total)
}

async fn expire(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    let old = sqlx::query("SELECT id, mac FROM devices WHERE pending_network IS NOT NULL AND seen_at < $1").bind(before.as_millis());
    let old = old.fetch_all(&mut tx.conn).await.map_err(failed)?;
    for found in &old {
        super::remove(tx, row::id(found, "id")?, super::row::mac(found)?).await?;
    }
    Ok(old.len() as u64)
}
