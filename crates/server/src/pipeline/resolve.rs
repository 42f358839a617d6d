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
    local_port::AutoPort,
    request::Request,
    settings::Settings,
    sighting::Field,
    tenant,
    token::Reach,
    trace::{DeviceFound, Reason, TenantBy},
};
use offhook_packs::{Catalog, MacConflict, Pack, Route};
use offhook_store::{Change, NewPending, PendingLimits, PendingOutcome, Serving, Store, What};
use quick_cache::sync::Cache;

use super::{
    choice::{self, Choice},
    gate::Gated,
    identify::Seen,
};
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
    /// The file belongs to another MAC than the phone's own.
    pub conflict: Option<MacConflict>,
    /// The store was not asked.
    pub cached: bool,
    /// What the request tells of the device; empty when it may not be believed.
    pub told: Told,
}

/// Devices held in memory, by MAC; a MAC that is nobody's is held too.
pub struct Devices {
    store: Store,
    cache: Cache<Mac, Held>,
    /// Grows when every entry is out of date.
    era: AtomicU64,
}

#[derive(Clone)]
struct Held {
    /// Era and configuration under which it was read.
    of: (u64, u64),
    serving: Option<Arc<Serving>>,
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
                What::AllDevices | What::Configuration | What::Everything => {
                    self.era.fetch_add(1, Ordering::SeqCst);
                }
                What::Account { .. } | What::Library { .. } | What::Firmware { .. } | What::Packs { .. } | What::Token { .. } => {}
            }
        }
    }

    /// The device of that MAC with the accounts that it needs under this configuration, and whether it came from memory.
    pub async fn get(&self, mac: Mac, configuration: &Configuration) -> Result<(Option<Arc<Serving>>, bool)> {
        let of = (self.era.load(Ordering::SeqCst), configuration.epoch);
        if let Some(held) = self.cache.get(&mac).filter(|h| h.of == of) {
            return Ok((held.serving, true));
        }
        self.cache.remove_if(&mac, |h| h.of != of);
        // A change that comes while the store is read removes the place that is held for the value: a stale one is not kept.
        let read = async { Ok::<_, Error>(Held { of, serving: self.read(mac, configuration).await? }) };
        let held = self.cache.get_or_insert_async(&mac, read).await?;
        if held.of == of {
            return Ok((held.serving, false));
        }
        // Somebody else read it, under what was in force before.
        let serving = self.read(mac, configuration).await?;
        Ok((serving, false))
    }

    async fn read(&self, mac: Mac, configuration: &Configuration) -> Result<Option<Arc<Serving>>> {
        Ok(self.store.device_for_serving(mac, configuration).await?.map(Arc::new))
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
#[derive(Clone, PartialEq, Eq)]
pub enum Mode {
    /// A phone asks: unknown ones may be stored.
    Live,
    /// A person asks what would happen: nothing is stored.
    Simulated {
        /// For whom. Devices and networks of other tenants are as if they were not.
        reach: Reach,
    },
}

impl Mode {
    /// Whether the one who asks may be told of a tenant.
    pub fn sees(&self, tenant: &str) -> bool {
        match self {
            Self::Live => true,
            Self::Simulated { reach } => reach.sees(Some(tenant)),
        }
    }
}

/// Looks up what the request belongs to.
pub async fn resolve(
    devices: &Devices,
    (configuration, catalog): (&Configuration, &Catalog),
    arrivals: &Arrivals,
    (request, gated, seen): (&Request, &Gated, &Seen),
    (mode, now, new_id): (&Mode, Timestamp, Id),
) -> Result<Resolved> {
    let (mut serving, mut cached) = match seen.sighting.mac {
        Some(mac) => devices.get(mac, configuration).await?,
        None => (None, true),
    };
    let mut network = tenant_of_network(configuration, request);
    if let Mode::Simulated { reach } = mode {
        // What is another tenant's is not there, and whether it was asked for lately is nobody's business.
        serving = serving.filter(|s| reach.sees(Some(&s.device.tenant)));
        network = network.filter(|name| reach.sees(Some(name)));
        cached = cached && reach.is_all();
    }
    let mut found = match &serving {
        Some(s) => DeviceFound::Known { id: s.device.id, state: s.device.state },
        None => DeviceFound::None,
    };
    let mut no_device = None;
    if serving.is_none() && gated.believed() && !request.writes {
        let shared = (&devices.store, configuration, catalog);
        (serving, found, no_device) = arrive(shared, arrivals, (request, gated, seen), (mode, now, new_id), network).await?;
    }
    let (tenant, by) = match (&serving, network) {
        (Some(s), _) => (s.device.tenant.clone(), TenantBy::Device),
        (None, Some(name)) => (name.to_owned(), TenantBy::Network),
        (None, None) => (tenant::DEFAULT.to_owned(), TenantBy::Default),
    };
    let device = serving.as_ref().map(|s| &*s.device);
    let Choice { pack, route, other_pack, moved } = choice::choose(catalog, seen, device);
    let conflict = route.as_ref().and_then(|r| choice::conflict(r, &seen.sighting));
    let speaks = |d: &Device| gated.believed() && !other_pack && conflict.is_none() && (moved || speaks_of(seen, d, pack.as_deref()));
    let told = device.filter(|d| speaks(d)).map(|d| Told::new(seen, pack.as_deref(), d, moved));
    let serving = serving.map(|s| match &told {
        Some(told) => told.applied_to(s),
        None => s,
    });
    Ok(Resolved { tenant, by, found, serving, no_device, pack, route, other_pack, conflict, cached, told: told.unwrap_or_default() })
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
    (store, configuration, catalog): (&Store, &Configuration, &Catalog),
    arrivals: &Arrivals,
    (request, gated, seen): (&Request, &Gated, &Seen),
    (mode, now, new_id): (&Mode, Timestamp, Id),
    network: Option<&str>,
) -> Result<Arrived> {
    // A MAC that only the address tells is that of the phone that spoke from there before, not of this one.
    let Some(mac) = seen.sighting.mac.filter(|_| !seen.by_address) else { return Ok((None, DeviceFound::None, None)) };
    // Only what a pack knows, of a family that something tells: a stray name with twelve digits makes no device.
    let Choice { pack, route, .. } = choice::choose(catalog, seen, None);
    if route.as_ref().is_some_and(|r| choice::conflict(r, &seen.sighting).is_some()) {
        return Ok((None, DeviceFound::None, None));
    }
    let (Some(pack), Some(_)) = (pack, route) else { return Ok((None, DeviceFound::None, Some(Reason::UnknownDevice))) };
    if arrivals.auto_create == AutoCreate::Off {
        return Ok((None, DeviceFound::None, Some(Reason::UnknownDevice)));
    }
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
    if let Mode::Simulated { .. } = mode {
        let device = imaginary(new, new_id, now);
        let serving = Serving { device: Arc::new(device), accounts: Default::default(), auto_port: AutoPort::default() };
        return Ok((Some(Arc::new(serving)), DeviceFound::NewPending { id: new_id }, None));
    }
    match store.create_pending(new, &arrivals.limits).await? {
        PendingOutcome::Created(device) => {
            let found = DeviceFound::NewPending { id: device.id };
            Ok((Some(Arc::new(store.serving(device, configuration).await?)), found, None))
        }
        PendingOutcome::Exists(device) => {
            let found = DeviceFound::Known { id: device.id, state: device.state };
            Ok((Some(Arc::new(store.serving(device, configuration).await?)), found, None))
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
fn speaks_of(seen: &Seen, device: &Device, pack: Option<&Pack>) -> bool {
    let Some(told) = &seen.sighting.vendor else { return !seen.by_address };
    let same_family = match (&device.vendor, pack) {
        (Some(known), _) => known == told,
        (None, Some(pack)) => pack.is_vendor(told) || seen.sighting.evidence.iter().any(|e| e.value == *told && e.pack == pack.id()),
        (None, None) => true,
    };
    !seen.by_address && same_family
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
    /// The pack that was chosen for it, where it has none, or where the phone is of another family than its pack's.
    pub pack: Option<String>,
}

impl Told {
    fn new(seen: &Seen, pack: Option<&Pack>, device: &Device, moved: bool) -> Self {
        let canonical = |m: String| pack.and_then(|p| p.canonical_model(&m)).map_or(m.clone(), str::to_owned);
        let sighting = &seen.sighting;
        // What the other family's rules read says nothing of a phone that moved.
        let told = |field, best: &Option<String>| match pack.filter(|_| moved) {
            Some(pack) => choice::read_by(pack, field, sighting),
            None => best.clone(),
        };
        let vendor = told(Field::Vendor, &sighting.vendor).or_else(|| pack.filter(|_| moved).map(|p| p.vendor().to_owned()));
        let chosen = moved || device.pack.is_none();
        Self {
            vendor,
            model: told(Field::Model, &sighting.model).map(canonical),
            firmware: told(Field::Firmware, &sighting.firmware),
            serial: sighting.serial.clone(),
            pack: pack.filter(|_| chosen).map(|p| p.id().to_owned()),
        }
    }

    /// The device as it is after this evidence: the same that the record of the request will store.
    fn applied_to(&self, serving: Arc<Serving>) -> Arc<Serving> {
        let old = &serving.device;
        let news = |told: &Option<String>, known: &Option<String>| told.is_some() && told != known;
        let model = news(&self.model, &old.model) && !(old.model_pinned && old.model.is_some());
        let vendor = self.vendor.is_some() && old.vendor.is_none();
        if !model && !vendor && !news(&self.firmware, &old.firmware) && !news(&self.pack, &old.pack) {
            return serving;
        }
        let mut device = Device::clone(old);
        if old.pack.is_some() && news(&self.pack, &old.pack) && news(&self.vendor, &old.vendor) {
            (device.vendor, device.firmware) = (None, None);
            device.model = device.model.filter(|_| old.model_pinned);
        }
        device.vendor = device.vendor.or_else(|| self.vendor.clone());
        device.firmware = self.firmware.clone().or(device.firmware);
        device.pack = self.pack.clone().or(device.pack);
        if model {
            device.model.clone_from(&self.model);
        }
        Arc::new(Serving { device: Arc::new(device), accounts: serving.accounts.clone(), auto_port: serving.auto_port })
    }
}
