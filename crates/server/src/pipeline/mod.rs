//! The one story: every transport's request becomes a [`Request`] and walks six steps, each a module with one entry, a
//! plain input and a plain output.
//!
//! `gate` may this source ask? · `identify` what do its facts say it is? · `resolve` which tenant, device, pack, file? ·
//! `authorize` may it have this file? · `compose` which settings apply? · `render` which bytes? Then `record` writes what
//! happened, off the request's path. Nothing about a decision lives anywhere else.

mod answer;
mod authorize;
mod choice;
mod compose;
mod gate;
mod identify;
mod inspect;
mod learnt;
mod make;
mod overlays;
mod record;
mod render;
mod resolve;
mod stored;
#[cfg(test)]
mod tests;
mod trial;
mod upload;
mod walk;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use ipnet::IpNet;
use offhook_core::{
    Id,
    clock::{Clock, Entropy, Timestamp},
    configuration::Configuration,
    request::Request,
};
use offhook_packs::{Catalog, ServerFacts};
use offhook_store::{Change, Library, PendingLimits, Shelf, Store, What};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use answer::{Answer, DeviceFile, Explanation, File, Preview, RequestEntry, RequestFilter, Simulation};
pub use gate::own_private_networks;
pub use offhook_packs::Note;
pub use trial::{Sampled, TemplateFault, Trial, Tried};
pub use upload::{Intake, Taking};
pub use walk::Answered;

use crate::{
    config::{Config, TrustedNetworks},
    event::Metrics,
    sandbox::{Limits, Sandbox},
};
use gate::Gate;
use learnt::Learnt;
use overlays::Overlays;
use record::Recorder;
use render::Files;
use resolve::{Arrivals, Devices};
use stored::Stored;
use upload::UploadCaps;

/// The pipeline. A cheap clone.
#[derive(Clone)]
pub struct Pipeline(Arc<Inner>);

struct Inner {
    store: Store,
    packs: RwLock<Packs>,
    rules: RwLock<Arc<Rules>>,
    learnt: Learnt,
    devices: Arc<Devices>,
    files: Files,
    overlays: Overlays,
    sandbox: Sandbox,
    stored: Stored,
    recorder: Arc<Recorder>,
    metrics: Arc<Metrics>,
    changed: Arc<Changed>,
    generate_key: [u8; 32],
    http_port: Option<u16>,
    work: Semaphore,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What of the configuration may change while the server runs.
struct Rules {
    gate: Gate,
    arrivals: Arrivals,
    public_url: Option<String>,
    proxies: Arc<[IpNet]>,
    uploads: UploadCaps,
}

impl Rules {
    fn new(config: &Config) -> Self {
        let (phones, limits) = (&config.phones, &config.limits);
        Self {
            gate: Gate {
                acl: phones.acl.clone(),
                hosts: phones.hosts.clone(),
                trusted: trusted(&phones.trusted_networks),
                nat: phones.nat_networks.clone(),
            },
            arrivals: Arrivals {
                auto_create: phones.auto_create,
                limits: PendingLimits {
                    total: limits.pending as u64,
                    per_network: limits.pending_per_network as u64,
                    max_age: limits.pending_age,
                },
            },
            public_url: phones.public_url.clone(),
            proxies: phones.trusted_proxies.as_slice().into(),
            uploads: UploadCaps::new(limits),
        }
    }
}

/// When what all files rest on changed, and how often what is stored by names did: firmware, assets, phone books.
struct Changed {
    at: AtomicI64,
    stored: AtomicU64,
}

/// The packs in use, and the how-manieth they are.
#[derive(Clone)]
struct Packs {
    catalog: Arc<Catalog>,
    number: u64,
}

/// What files of several devices rest on, at the beginning of a walk: one request sees one configuration and one set of packs.
struct Moment {
    configuration: Arc<Configuration>,
    packs: Packs,
    shelf: Arc<Shelf>,
    library: Arc<Library>,
    /// Epoch of the configuration, number of the packs, and of what is stored by names.
    numbers: (u64, u64, u64),
}

/// What a pipeline is made of.
pub struct Parts<'a> {
    /// The checked configuration.
    pub config: &'a Config,
    /// Everything that is stored.
    pub store: Store,
    /// The packs.
    pub catalog: Catalog,
    /// Where HTTP really listens: rendered files point there unless `phones.public_url` says otherwise.
    pub http: &'a [SocketAddr],
    /// Where metrics go.
    pub metrics: Arc<Metrics>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// Ends the recorder.
    pub stop: CancellationToken,
}

impl Pipeline {
    /// Ready to answer. The task ends after `stop`, when everything is written.
    pub fn new(parts: Parts<'_>) -> (Self, tokio::task::JoinHandle<()>) {
        let Parts { config, store, catalog, http, metrics, clock, entropy, stop } = parts;
        let (recorder, writer) = Recorder::start(store.clone(), metrics.clone(), &*entropy, stop);
        let devices = Arc::new(Devices::new(store.clone(), config.limits.device_cache));
        let changed = Arc::new(Changed { at: AtomicI64::new(clock.now().as_millis()), stored: AtomicU64::new(0) });
        watch(&store, devices.clone(), changed.clone(), clock.clone());
        let pipeline = Self(Arc::new(Inner {
            rules: RwLock::new(Arc::new(Rules::new(config))),
            learnt: Learnt::new(config.limits.device_cache),
            files: Files::new(config.limits.rendered_cache, store.master_key_for("hash")),
            overlays: Overlays::new(),
            sandbox: Sandbox::new(Limits::default()),
            stored: Stored::new(),
            generate_key: store.master_key_for("generate"),
            http_port: http.first().map(SocketAddr::port),
            work: Semaphore::new(config.limits.requests),
            packs: RwLock::new(Packs { catalog: Arc::new(catalog), number: 0 }),
            store,
            devices,
            recorder,
            metrics,
            changed,
            clock,
            entropy,
        }));
        (pipeline, writer)
    }

    /// Other packs from now on.
    pub fn set_catalog(&self, catalog: Catalog) {
        self.0.store.set_raw_secrets(catalog.raw_secrets().clone());
        self.0.changed.at.store(self.0.clock.now().as_millis(), Ordering::SeqCst);
        let mut packs = self.0.packs.write().unwrap_or_else(PoisonError::into_inner);
        *packs = Packs { catalog: Arc::new(catalog), number: packs.number + 1 };
    }

    /// Other access rules, trusted networks and limits for phones that come by themselves, from now on.
    pub fn set_rules(&self, config: &Config) {
        *self.0.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Rules::new(config));
        self.0.changed.at.store(self.0.clock.now().as_millis(), Ordering::SeqCst);
    }

    /// The trusted networks in force.
    pub fn trusted_networks(&self) -> Vec<IpNet> {
        self.0.rules().gate.trusted.clone()
    }

    /// Proxies that may tell where a phone is, in force.
    pub fn trusted_proxies(&self) -> Arc<[IpNet]> {
        self.0.rules().proxies.clone()
    }

    /// The packs in use.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.0.catalog()
    }

    /// A TFTP datagram that got no look-up: counted; nothing of it is kept.
    pub fn tftp_dropped(&self, peer: SocketAddr, why: crate::tftp::Dropped) {
        self.0.metrics.tftp_dropped(peer, why);
    }

    /// Drops phones that came by themselves and were not seen for too long.
    pub async fn expire_pending(&self) -> offhook_core::Result<u64> {
        let age = i64::try_from(self.0.rules().arrivals.limits.max_age.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp::from_millis(self.0.clock.now().as_millis().saturating_sub(age));
        self.0.store.expire_pending(before).await
    }
}

impl Inner {
    fn rules(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn catalog(&self) -> Arc<Catalog> {
        self.packs.read().unwrap_or_else(PoisonError::into_inner).catalog.clone()
    }

    fn moment(&self) -> Moment {
        // A number is read before what it counts: a file made of something newer under an older number is never asked for again.
        let stored = self.changed.stored.load(Ordering::SeqCst);
        let (configuration, shelf, library) = (self.store.configuration(), self.store.shelf(), self.store.library());
        let packs = self.packs.read().unwrap_or_else(PoisonError::into_inner).clone();
        Moment { numbers: (configuration.epoch, packs.number, stored), configuration, packs, shelf, library }
    }

    fn new_id(&self) -> Id {
        Id::new(&*self.clock, &*self.entropy)
    }

    /// The newest change of anything that files of several devices rest on.
    fn shared_change(&self) -> Timestamp {
        Timestamp::from_millis(self.changed.at.load(Ordering::SeqCst))
    }

    /// Where phones reach this server: what `phones.public_url` says, else the HTTP listener's port on the address that was
    /// reached, the same over every transport; never a Host header.
    fn server_url(&self, reached: IpAddr) -> String {
        if let Some(url) = &self.rules().public_url {
            return url.clone();
        }
        let reached = offhook_core::access::canonical(reached);
        let (scheme, port) = self.http_port.map_or(("tftp", None), |p| ("http", Some(p)));
        match (reached, port) {
            (IpAddr::V4(ip), Some(port)) => format!("{scheme}://{ip}:{port}"),
            (IpAddr::V6(ip), Some(port)) => format!("{scheme}://[{ip}]:{port}"),
            (IpAddr::V4(ip), None) => format!("{scheme}://{ip}"),
            (IpAddr::V6(ip), None) => format!("{scheme}://[{ip}]"),
        }
    }

    fn server_for(&self, request: &Request) -> ServerFacts {
        let reached = request.local.map(|a| a.ip()).filter(|ip| !ip.is_unspecified());
        ServerFacts::new(&self.server_url(reached.unwrap_or_else(|| crate::listen::local_address_for(request.source))))
    }
}

/// Drops from memory what a write changed, before the write is acknowledged.
fn watch(store: &Store, devices: Arc<Devices>, changed: Arc<Changed>, clock: Arc<dyn Clock>) {
    store.on_change(Box::new(move |changes: &[Change]| {
        devices.forget(changes);
        for change in changes {
            match change.what {
                What::Configuration | What::AllDevices => changed.at.store(clock.now().as_millis(), Ordering::SeqCst),
                What::Firmware { .. } | What::Library { .. } | What::Everything => {
                    changed.stored.fetch_add(1, Ordering::SeqCst);
                    changed.at.store(clock.now().as_millis(), Ordering::SeqCst);
                }
                What::Device { .. } | What::Account { .. } | What::Packs { .. } | What::Token { .. } => {}
            }
        }
    }));
}

fn trusted(networks: &TrustedNetworks) -> Vec<IpNet> {
    match networks {
        TrustedNetworks::Auto => own_private_networks(),
        TrustedNetworks::List(list) => list.clone(),
    }
}
