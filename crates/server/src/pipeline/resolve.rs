//! Step 3: which tenant, which device, which pack, which file? At most one look-up in the store, through a bounded cache.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use offhook_core::{
    Error, Id, Mac, Result,
    clock::Timestamp,
    configuration::Configuration,
    device::{Device, LastSeen, State},
    request::Request,
    settings::Settings,
    tenant,
    trace::{DeviceFound, Reason, TenantBy},
};
use offhook_packs::{Catalog, Pack, Route};
use offhook_store::{Change, NewPending, PendingLimits, PendingOutcome, Serving, Store, What};
use quick_cache::sync::Cache;

use super::{gate::Gated, identify::Seen};
use crate::config::AutoCreate;

/// What the request belongs to.
#[derive(Clone)]
pub struct Resolved {
    /// The tenant, and how it was told.
    pub tenant: String,
    /// How the tenant was told.
    pub by: TenantBy,
    /// What the look-up gave.
    pub found: DeviceFound,
    /// The device as this request's evidence makes it, with its accounts.
    pub serving: Option<Arc<Serving>>,
    /// Why there is no device.
    pub no_device: Option<Reason>,
    /// The pack that serves it.
    pub pack: Option<Arc<Pack>>,
    /// The file.
    pub route: Option<Route>,
    /// The file is one of another pack than the device's.
    pub other_pack: bool,
    /// The store was not asked.
    pub cached: bool,
    /// What the request tells of the device; empty when it may not be believed.
    pub told: Told,
}

/// Devices held in memory, by MAC; a MAC that is nobody's is held too.
pub struct Devices {
    store: Store,
    cache: Cache<Mac, (u64, Option<Arc<Serving>>)>,
    /// Grows when every entry is out of date.
    era: AtomicU64,
}

impl Devices {
    /// Holds at most so many.
    pub fn new(store: Store, devices: usize) -> Self {
        Self { store, cache: Cache::new(devices), era: AtomicU64::new(0) }
    }

    /// Drops what a change concerns. Called before the write is acknowledged.
    pub fn forget(&self, changes: &[Change]) {
        for change in changes {
            match &change.what {
                What::Device { mac, former_mac, .. } => {
                    for mac in [mac, former_mac].into_iter().flatten() {
                        self.cache.remove(mac);
                    }
                }
                What::AllDevices | What::Configuration => {
                    self.era.fetch_add(1, Ordering::SeqCst);
                }
                What::Account { .. } | What::Firmware { .. } | What::Token { .. } => {}
            }
        }
    }

    /// The device of that MAC, and whether it came from memory.
    pub async fn get(&self, mac: Mac) -> Result<(Option<Arc<Serving>>, bool)> {
        let era = self.era.load(Ordering::SeqCst);
        if let Some((read_in, serving)) = self.cache.get(&mac) {
            if read_in == era {
                return Ok((serving, true));
            }
            self.cache.remove(&mac);
        }
        // A change that comes while the store is read removes the place that is held for the value: a stale one is not kept.
        let read = async { Ok::<_, Error>((era, self.store.device_for_serving(mac).await?.map(Arc::new))) };
        let (_, serving) = self.cache.get_or_insert_async(&mac, read).await?;
        Ok((serving, false))
    }
}

/// What becomes of unknown phones.
pub struct Arrivals {
    /// Whether they become pending devices.
    pub auto_create: AutoCreate,
    /// How many may.
    pub limits: PendingLimits,
}

/// How a walk may touch the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A phone asks: unknown ones may be stored.
    Live,
    /// A person asks what would happen: nothing is stored.
    Simulated,
}

/// Looks up what the request belongs to.
pub async fn resolve(
    store: &Store,
    devices: &Devices,
    catalog: &Catalog,
    arrivals: &Arrivals,
    (request, gated, seen): (&Request, &Gated, &Seen),
    (mode, now, new_id): (Mode, Timestamp, Id),
) -> Result<Resolved> {
    let configuration = store.configuration();
    let (mut serving, cached) = match seen.sighting.mac {
        Some(mac) => devices.get(mac).await?,
        None => (None, true),
    };
    let network = tenant_of_network(&configuration, request);
    let mut found = match &serving {
        Some(s) => DeviceFound::Known { id: s.device.id, state: s.device.state },
        None => DeviceFound::None,
    };
    let mut no_device = None;
    if serving.is_none() && gated.trusted && gated.refused.is_none() {
        let arrived = arrive(store, catalog, arrivals, (request, gated, seen), (mode, now, new_id), network).await?;
        (serving, found, no_device) = arrived;
    }
    let (tenant, by) = match (&serving, network) {
        (Some(s), _) => (s.device.tenant.clone(), TenantBy::Device),
        (None, Some(name)) => (name.to_owned(), TenantBy::Network),
        (None, None) => (tenant::DEFAULT.to_owned(), TenantBy::Default),
    };
    let own_pack = serving.as_ref().and_then(|s| s.device.pack.as_deref());
    let chosen = catalog.choose(&seen.sighting, &seen.routes, own_pack);
    let other_pack = chosen.route.is_none() && !seen.routes.is_empty();
    let route = chosen.route.or_else(|| seen.routes.first().cloned());
    let evidence =
        serving.as_ref().filter(|s| !other_pack && speaks_of(seen, &s.device)).map(|s| Told::new(seen, chosen.pack.as_deref(), &s.device));
    let serving = serving.map(|s| match &evidence {
        Some(told) => told.applied_to(s),
        None => s,
    });
    Ok(Resolved { tenant, by, found, serving, no_device, pack: chosen.pack, route, other_pack, cached, told: evidence.unwrap_or_default() })
}

/// The tenant whose network holds the source; of several the narrowest network.
fn tenant_of_network<'a>(configuration: &'a Configuration, request: &Request) -> Option<&'a str> {
    let source = offhook_core::access::canonical(request.source);
    let holding = configuration
        .tenants
        .values()
        .flat_map(|t| t.networks.iter().filter(|n| n.contains(&source)).map(|n| (n.prefix_len(), t.name.as_str())));
    holding.max().map(|(_, name)| name)
}

type Arrived = (Option<Arc<Serving>>, DeviceFound, Option<Reason>);

/// An unknown phone of a known family becomes a pending device, when that is wanted and there is room.
async fn arrive(
    store: &Store,
    catalog: &Catalog,
    arrivals: &Arrivals,
    (request, gated, seen): (&Request, &Gated, &Seen),
    (mode, now, new_id): (Mode, Timestamp, Id),
    network: Option<&str>,
) -> Result<Arrived> {
    // A MAC that only the address tells is that of the phone that spoke from there before, not of this one.
    let Some(mac) = seen.sighting.mac.filter(|_| seen.conflict.is_none() && !seen.by_address) else {
        return Ok((None, DeviceFound::None, None));
    };
    if arrivals.auto_create == AutoCreate::Off {
        return Ok((None, DeviceFound::None, Some(Reason::UnknownDevice)));
    }
    // Only what a pack knows, of a family that something tells: a stray name with twelve digits makes no device.
    let chosen = catalog.choose(&seen.sighting, &seen.routes, None);
    let (Some(pack), Some(_)) = (chosen.pack, chosen.route) else { return Ok((None, DeviceFound::None, Some(Reason::UnknownDevice))) };
    let new = NewPending {
        mac,
        tenant: network.unwrap_or(tenant::DEFAULT).to_owned(),
        vendor: seen.sighting.vendor.clone().or_else(|| Some(pack.head().vendor.clone())),
        model: seen.sighting.model.clone().map(|m| pack.canonical_model(&m).map_or(m.clone(), str::to_owned)),
        firmware: seen.sighting.firmware.clone(),
        serial: seen.sighting.serial.clone(),
        pack: Some(pack.id().to_owned()),
        seen: last_seen(request, now),
        owns_address: !gated.nat,
    };
    if mode == Mode::Simulated {
        let device = imaginary(new, new_id, now);
        let serving = Serving { device: Arc::new(device), accounts: Default::default() };
        return Ok((Some(Arc::new(serving)), DeviceFound::NewPending { id: new_id }, None));
    }
    match store.create_pending(new, &arrivals.limits).await? {
        PendingOutcome::Created(device) => {
            let found = DeviceFound::NewPending { id: device.id };
            Ok((Some(Arc::new(store.serving(device).await?)), found, None))
        }
        PendingOutcome::Exists(device) => {
            let found = DeviceFound::Known { id: device.id, state: device.state };
            Ok((Some(Arc::new(store.serving(device).await?)), found, None))
        }
        PendingOutcome::Full => Ok((None, DeviceFound::None, Some(Reason::PendingFull))),
    }
}

/// The newest request of a device.
pub fn last_seen(request: &Request, now: Timestamp) -> LastSeen {
    LastSeen {
        at: now,
        ip: request.source,
        transport: request.transport,
        path: request.path.clone().unwrap_or_default(),
        user_agent: request.user_agent().map(str::to_owned),
    }
}

/// The device that a real request would make.
fn imaginary(new: NewPending, id: Id, now: Timestamp) -> Device {
    Device {
        id,
        tenant: new.tenant,
        mac: Some(new.mac),
        serial: new.serial,
        uuid: None,
        vendor: new.vendor,
        model: new.model,
        model_pinned: false,
        reported_model: None,
        firmware: new.firmware,
        pack: new.pack,
        pack_pinned: false,
        state: State::Pending,
        profiles: Vec::new(),
        settings: Settings::default(),
        unset: Vec::new(),
        label: String::new(),
        location: String::new(),
        tags: Vec::new(),
        last_seen: Some(new.seen),
        last_fetch: None,
        revision: 1,
        generation: 1,
        created_at: now,
        updated_at: now,
    }
}

/// Whether the request's evidence may be believed of this device: told by the phone itself, and of the same family.
fn speaks_of(seen: &Seen, device: &Device) -> bool {
    let same_family = match (&seen.sighting.vendor, &device.vendor) {
        (Some(told), Some(known)) => told == known,
        _ => true,
    };
    !seen.by_address && seen.conflict.is_none() && same_family
}

/// What a request tells of its device, in stored spelling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Family.
    pub vendor: Option<String>,
    /// Canonical model.
    pub model: Option<String>,
    /// Firmware version.
    pub firmware: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// The pack that was chosen for it, where it has none.
    pub pack: Option<String>,
}

impl Told {
    fn new(seen: &Seen, pack: Option<&Pack>, device: &Device) -> Self {
        let canonical = |m: &String| pack.and_then(|p| p.canonical_model(m)).map_or_else(|| m.clone(), str::to_owned);
        let sighting = &seen.sighting;
        Self {
            vendor: sighting.vendor.clone(),
            model: sighting.model.as_ref().map(canonical),
            firmware: sighting.firmware.clone(),
            serial: sighting.serial.clone(),
            pack: pack.filter(|_| device.pack.is_none()).map(|p| p.id().to_owned()),
        }
    }

    /// The device as it is after this evidence: the same that the record of the request will store.
    fn applied_to(&self, serving: Arc<Serving>) -> Arc<Serving> {
        let old = &serving.device;
        let firmware = self.firmware.as_ref().filter(|f| old.firmware.as_ref() != Some(f));
        let model = self.model.as_ref().filter(|m| !old.model_pinned && old.model.as_ref() != Some(m));
        let vendor = self.vendor.as_ref().filter(|_| old.vendor.is_none());
        let pack = self.pack.as_ref().filter(|_| old.pack.is_none());
        if [firmware, model, vendor, pack].iter().all(Option::is_none) {
            return serving;
        }
        let mut device = Device::clone(old);
        device.firmware = firmware.cloned().or(device.firmware);
        device.model = model.cloned().or(device.model);
        device.vendor = vendor.cloned().or(device.vendor);
        device.pack = pack.cloned().or(device.pack);
        Arc::new(Serving { device: Arc::new(device), accounts: serving.accounts.clone() })
    }
}
