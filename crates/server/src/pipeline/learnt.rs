//! What was recently learnt of a MAC or an address from requests: phones tell their model in one request and not in the
//! next. Bounded, in memory; nothing here decides who may have what.

use std::net::IpAddr;

use offhook_core::{
    Mac,
    device::Device,
    sighting::{Evidence, Field, From, Sighting},
};
use quick_cache::sync::Cache;

/// Facts of one phone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Facts {
    vendor: Option<String>,
    model: Option<String>,
    firmware: Option<String>,
}

/// The memory.
pub struct Learnt {
    by_mac: Cache<Mac, Facts>,
    /// None: it was looked up, and nobody spoke from there.
    owners: Cache<IpAddr, Option<Mac>>,
}

impl Learnt {
    /// Holds about so many phones.
    pub fn new(phones: usize) -> Self {
        Self { by_mac: Cache::new(phones), owners: Cache::new(phones) }
    }

    /// The phone that last spoke from this address.
    pub fn owner(&self, ip: IpAddr) -> Option<Mac> {
        self.owners.get(&ip).flatten()
    }

    /// Nothing is known of this address, not even that nobody spoke from it.
    pub fn forgot(&self, ip: IpAddr) -> bool {
        self.owners.get(&ip).is_none()
    }

    /// What the store knows of an address, after a restart. What a phone said meanwhile stays.
    pub fn recall(&self, ip: IpAddr, device: Option<&Device>) {
        if let Some((mac, device)) = device.and_then(|d| Some((d.mac?, d))) {
            let facts = Facts { vendor: device.vendor.clone(), model: device.model.clone(), firmware: device.firmware.clone() };
            let _ = self.by_mac.get_or_insert_with(&mac, || Ok::<_, ()>(facts));
        }
        let _ = self.owners.get_or_insert_with(&ip, || Ok::<_, ()>(device.and_then(|d| d.mac)));
    }

    /// What is known of a MAC, as recognition wants it.
    pub fn facts(&self, mac: Mac) -> Option<offhook_packs::Learnt> {
        let Facts { vendor, model, firmware } = self.by_mac.get(&mac)?;
        Some(offhook_packs::Learnt { mac: Some(mac), vendor, model, firmware, option60: None })
    }

    /// Fills what the request did not tell from what its MAC told before.
    pub fn complete(&self, sighting: &mut Sighting) {
        let Some(facts) = sighting.mac.and_then(|mac| self.by_mac.get(&mac)) else { return };
        // Another family now: what was learnt belongs to the past.
        if sighting.vendor.is_some() && facts.vendor.is_some() && sighting.vendor != facts.vendor {
            return;
        }
        let Sighting { vendor, model, firmware, evidence, .. } = sighting;
        for (field, slot, learnt) in
            [(Field::Vendor, vendor, facts.vendor), (Field::Model, model, facts.model), (Field::Firmware, firmware, facts.firmware)]
        {
            if let (None, Some(value)) = (&*slot, learnt) {
                evidence.push(by_memory(field, value.clone()));
                *slot = Some(value);
            }
        }
    }

    /// Remembers what a request told. `owns_address`: the address is this phone's alone.
    pub fn remember(&self, sighting: &Sighting, ip: IpAddr, owns_address: bool) {
        let Some(mac) = sighting.mac else { return };
        let facts = Facts { vendor: sighting.vendor.clone(), model: sighting.model.clone(), firmware: sighting.firmware.clone() };
        if self.by_mac.get(&mac).as_ref() != Some(&facts) && facts != Facts::default() {
            self.by_mac.insert(mac, facts);
        }
        if owns_address && self.owner(ip) != Some(mac) {
            self.owners.insert(ip, Some(mac));
        }
    }
}

/// Evidence from memory.
pub fn by_memory(field: Field, value: String) -> Evidence {
    Evidence { field, value, from: From::Learnt, pack: String::new(), rule: "seen before".into(), confidence: 50 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sighting(mac: &str, model: Option<&str>) -> Sighting {
        Sighting { mac: Mac::parse(mac), model: model.map(str::to_owned), vendor: Some("acme".into()), ..Sighting::default() }
    }

    #[test]
    fn the_newest_sighting_owns_the_address() {
        let learnt = Learnt::new(100);
        let ip: IpAddr = "10.0.0.9".parse().unwrap();
        learnt.remember(&sighting("02:00:00:00:00:01", None), ip, true);
        learnt.remember(&sighting("02:00:00:00:00:02", None), ip, true);
        assert_eq!(learnt.owner(ip), Mac::parse("02:00:00:00:00:02"));
        learnt.remember(&sighting("02:00:00:00:00:03", None), ip, false);
        assert_eq!(learnt.owner(ip), Mac::parse("02:00:00:00:00:02"));
    }

    #[test]
    fn what_was_said_meanwhile_stands_over_what_the_store_recalls() {
        let learnt = Learnt::new(100);
        let (ip, other): (IpAddr, IpAddr) = ("10.0.0.9".parse().unwrap(), "10.0.0.8".parse().unwrap());
        assert!(learnt.forgot(ip));
        learnt.recall(ip, None);
        assert!(!learnt.forgot(ip) && learnt.owner(ip).is_none());
        learnt.remember(&sighting("02:00:00:00:00:01", None), ip, true);
        assert_eq!(learnt.owner(ip), Mac::parse("02:00:00:00:00:01"));
        learnt.remember(&sighting("02:00:00:00:00:01", None), other, true);
        learnt.recall(other, None);
        assert_eq!(learnt.owner(other), Mac::parse("02:00:00:00:00:01"));
    }

    #[test]
    fn completes_what_is_missing_and_nothing_else() {
        let learnt = Learnt::new(100);
        let ip: IpAddr = "10.0.0.9".parse().unwrap();
        learnt.remember(&sighting("02:00:00:00:00:01", Some("T1")), ip, true);
        let mut same = sighting("02:00:00:00:00:01", None);
        learnt.complete(&mut same);
        assert_eq!(same.model.as_deref(), Some("T1"));
        assert_eq!(same.evidence[0].from, From::Learnt);
        let mut told = sighting("02:00:00:00:00:01", Some("T2"));
        learnt.complete(&mut told);
        assert_eq!(told.model.as_deref(), Some("T2"));
        let mut other = Sighting { vendor: Some("other".into()), ..sighting("02:00:00:00:00:01", None) };
        learnt.complete(&mut other);
        assert_eq!(other.model, None);
    }
}
