//! Wiring: opens the store, loads the packs, binds the listeners, reloads, and drains everything at the end.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use offhook_core::{
    clock::{Clock, Entropy, Timestamp},
    settings::RawSecrets,
};
use offhook_store::{HistoryLimits, Store, StoreOptions};
use serde::Serialize;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    activation::{Inherited, Manager},
    api,
    app::{
        App,
        jobs::Jobs,
        packs::{PackLoader, tell},
    },
    config::{Config, ConfigFaults, Sources},
    event::Metrics,
    http::{HttpOptions, HttpServer},
    listen,
    pipeline::{Parts, Pipeline},
    tftp::{PhoneFiles, TftpLimits, TftpServer},
};

/// The addresses really bound; written to `listeners.json` in the data folder for the command line to read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Listeners {
    /// REST API, health, metrics.
    pub admin: Vec<SocketAddr>,
    /// HTTP for phones.
    pub http: Vec<SocketAddr>,
    /// TFTP for phones.
    pub tftp: Vec<SocketAddr>,
}

/// What a start-up message can tell.
#[derive(Clone, Debug)]
pub struct Started {
    /// The addresses really bound.
    pub listeners: Listeners,
    /// Networks whose phones are served on MAC alone.
    pub trusted_networks: Vec<String>,
    /// An admin token was made and written to the token file by this start.
    pub new_token: bool,
    /// The packs in use, `id version`.
    pub packs: Vec<String>,
}

/// Why the server did not start, or not stop well. For people.
#[derive(Debug)]
pub enum ServeError {
    /// The configuration has faults.
    Config(ConfigFaults),
    /// Anything else, in one sentence that says what to do.
    Start(String),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(faults) => faults.fmt(f),
            Self::Start(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ServeError {}

impl From<ConfigFaults> for ServeError {
    fn from(faults: ConfigFaults) -> Self {
        Self::Config(faults)
    }
}

fn start(error: impl fmt::Display) -> ServeError {
    ServeError::Start(error.to_string())
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
    }
}

/// The machine's randomness.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        rand::fill(buffer);
    }
}

/// Runs until SIGTERM or SIGINT. `ready` is called once, when everything listens.
///
/// # Errors
/// Everything that keeps the server from starting.
pub async fn run(sources: Sources, ready: impl FnOnce(&Started)) -> Result<(), ServeError> {
    let config = Arc::new(sources.load()?.config);
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let manager = Manager::of_this_process();
    // Ports first: a second server must fail here and not at the store's lock.
    let bound = Bound::bind(&config, Inherited::take().map_err(ServeError::Start)?)?;
    let store = open_store(&config, clock.clone(), entropy.clone()).await?;
    let loader = PackLoader::new(store.clone(), config.packs_dir());
    let (catalog, faults) = loader.load(None).await.map_err(start)?;
    tell(&faults);
    store.use_packs(catalog.raw_secrets().clone(), catalog.digests()).await.map_err(start)?;
    let new_token = store.ensure_admin_token(&config.token_file()).await.map_err(start)?;
    let listeners = bound.addresses();
    let (closing, stop_recording) = (CancellationToken::new(), CancellationToken::new());
    let metrics = Arc::new(Metrics::default());
    let packs = catalog.packs().iter().map(|p| format!("{} {}", p.id(), p.version())).collect();
    let (pipeline, recording) = Pipeline::new(Parts {
        config: &config,
        store: store.clone(),
        catalog,
        http: &listeners.http,
        metrics: metrics.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        stop: stop_recording.clone(),
    });
    let app = App {
        config: config.clone(),
        pipeline: pipeline.clone(),
        store: store.clone(),
        packs: loader.clone(),
        jobs: Jobs::new(clock.clone(), entropy.clone(), closing.clone()),
        clock,
        entropy,
        metrics: {
            let metrics = metrics.clone();
            Arc::new(move || metrics.text())
        },
        templates: Arc::default(),
        backups: Arc::new(tokio::sync::Semaphore::new(1)),
        closing: closing.clone(),
    };
    let faces = bound.serve(&config, app, closing.clone());
    tokio::spawn(follow_packs(pipeline.clone(), store.clone(), loader.clone(), closing.clone()));
    let chores = tokio::spawn(chores(pipeline.clone(), store.clone(), metrics, closing.clone()));
    let signals = Signals::listen()?;
    write_listeners(&config, &listeners)?;
    let trusted_networks = pipeline.trusted_networks().iter().map(ToString::to_string).collect();
    ready(&Started { listeners, trusted_networks, new_token, packs });
    manager.ready("serving");
    tokio::select! {
        () = wait_for_the_end(signals, &sources, &config, &pipeline, &loader, &manager) => {}
        () = manager.keep_alive() => {}
    }
    manager.stopping();
    closing.cancel();
    drain(&config, faces, chores, (stop_recording, recording), &store).await;
    let _ = std::fs::remove_file(config.listeners_file());
    Ok(())
}

/// Packs that another node installed or removed are used here too.
async fn follow_packs(pipeline: Pipeline, store: Store, loader: PackLoader, stop: CancellationToken) {
    loop {
        let _loaded_when_dropped = tokio::select! {
            changed = store.packs_changed() => changed,
            () = stop.cancelled() => return,
        };
        let _turn = loader.turn().await;
        while let Err(error) = loader.reload(&pipeline).await {
            tracing::error!(%error, "packs that another node changed could not be loaded");
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = stop.cancelled() => return,
            }
        }
        tracing::info!("packs were loaded again: another node changed them");
    }
}

/// The listeners before anything can answer.
struct Bound {
    admin: Vec<tokio::net::TcpListener>,
    http: HttpServer,
    tftp: TftpServer,
}

impl Bound {
    /// A face that was handed sockets has these and no others.
    fn bind(config: &Config, inherited: Inherited) -> Result<Self, ServeError> {
        allowed(config, &inherited)?;
        let of = |wanted: bool, addresses: &[SocketAddr]| if wanted { addresses.to_vec() } else { Vec::new() };
        let (admin, http) = (of(config.roles.admin, &config.admin.listen), of(config.roles.phones, &config.phones.http_listen));
        let tftp = of(config.roles.phones, &config.phones.tftp_listen);
        let limits = TftpLimits {
            total: config.limits.tftp_transfers,
            per_source: config.limits.tftp_transfers_per_source,
            drain: config.limits.drain,
            ..TftpLimits::default()
        };
        Ok(Self {
            admin: match inherited.admin {
                none if none.is_empty() => admin.into_iter().map(listen::tcp).collect::<Result<_, _>>().map_err(start)?,
                given => listeners(given)?,
            },
            http: match inherited.http {
                none if none.is_empty() => HttpServer::bind(&http).map_err(start)?,
                given => HttpServer::on(listeners(given)?),
            },
            tftp: match inherited.tftp {
                none if none.is_empty() => TftpServer::bind(&tftp, limits).map_err(start)?,
                given => TftpServer::on(given, limits).map_err(start)?,
            },
        })
    }

    fn addresses(&self) -> Listeners {
        Listeners {
            admin: self.admin.iter().filter_map(|l| l.local_addr().ok()).collect(),
            http: self.http.addresses().to_vec(),
            tftp: self.tftp.local_addrs().to_vec(),
        }
    }

    fn serve(self, config: &Config, app: App, stop: CancellationToken) -> TaskTracker {
        let faces = TaskTracker::new();
        let options = HttpOptions { connections: config.limits.http_connections, idle: config.limits.http_idle };
        faces.spawn(self.http.serve(app.pipeline.clone(), options, stop.clone()));
        let files = Arc::new(PhoneFiles { pipeline: app.pipeline.clone() });
        let tftp = self.tftp.serve(files, stop.clone());
        faces.spawn(async move {
            if let Err(error) = tftp.await {
                tracing::error!(%error, "TFTP ended");
            }
        });
        faces.spawn(api::serve(self.admin, app, stop));
        faces.close();
        faces
    }
}

/// What holds for configured addresses holds for sockets that a service manager hands over.
fn allowed(config: &Config, inherited: &Inherited) -> Result<(), ServeError> {
    let unwanted = |name: &str, role: &str| {
        ServeError::Start(format!(
            "the service manager hands over a socket named {name:?}, and this process has no role {role:?}: give it the role, or disable the socket unit"
        ))
    };
    if !config.roles.admin && !inherited.admin.is_empty() {
        return Err(unwanted("admin", "admin"));
    }
    let for_phones = !inherited.http.is_empty() || !inherited.tftp.is_empty();
    if for_phones && !config.roles.phones {
        return Err(unwanted(if inherited.http.is_empty() { "tftp" } else { "http" }, "phones"));
    }
    match inherited.admin_addresses().find(|a| !a.ip().is_loopback()) {
        Some(address) if !config.admin.insecure => Err(ServeError::Start(format!(
            "the service manager's socket \"admin\" is on {address}, not a loopback address, and the API speaks plain HTTP: tokens would cross the network readable. \
             Put it on 127.0.0.1 and reach it through ssh or a proxy with TLS, or set admin.insecure = true"
        ))),
        _ => Ok(()),
    }
}

fn listeners(given: Vec<std::net::TcpListener>) -> Result<Vec<tokio::net::TcpListener>, ServeError> {
    given.into_iter().map(tokio::net::TcpListener::from_std).collect::<Result<_, _>>().map_err(start)
}

async fn open_store(config: &Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Store, ServeError> {
    Store::open(store_options(config), clock, entropy).await.map_err(start)
}

/// Where the configuration has the store.
pub(crate) fn store_options(config: &Config) -> StoreOptions {
    StoreOptions {
        url: config.store.url.clone(),
        data_dir: config.data_dir.clone(),
        key_file: config.key_file(),
        raw_secrets: RawSecrets::default(),
        request_log_rows: config.limits.request_log as u64,
        blob_cache: config.store.blob_cache,
        history: HistoryLimits {
            versions: config.history.versions,
            age: config.history.age,
            audit_age: config.audit.age,
            audit_rows: config.audit.rows,
        },
    }
}

fn write_listeners(config: &Config, listeners: &Listeners) -> Result<(), ServeError> {
    let file = config.listeners_file();
    let text = serde_json::to_string_pretty(listeners).map_err(start)?;
    std::fs::write(&file, text).map_err(|e| start(format!("cannot write {}: {e}", file.display())))
}

/// What is due now and then.
async fn chores(pipeline: Pipeline, store: Store, metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut every = tokio::time::interval(Duration::from_secs(15));
    let mut seldom = tokio::time::interval(Duration::from_secs(600));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = seldom.tick() => {
                if let Err(error) = store.trim_history().await {
                    tracing::warn!(%error, "old entries of history and audit log could not be deleted");
                }
                continue;
            }
            _ = every.tick() => {}
        }
        match store.count_devices().await {
            Ok(counts) => metrics.set_devices(&counts),
            Err(error) => tracing::warn!(%error, "devices could not be counted"),
        }
        if let Err(error) = pipeline.expire_pending().await {
            tracing::warn!(%error, "pending phones could not be expired");
        }
    }
}

/// What people and service managers tell a running server. Listened to before anybody is told that it is ready.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, ServeError> {
        let on = |kind: SignalKind| signal(kind).map_err(|e: io::Error| start(e));
        Ok(Self { terminate: on(SignalKind::terminate())?, interrupt: on(SignalKind::interrupt())?, hangup: on(SignalKind::hangup())? })
    }
}

/// Until SIGTERM or SIGINT; SIGHUP reloads what can be reloaded.
async fn wait_for_the_end(
    mut signals: Signals,
    sources: &Sources,
    config: &Config,
    pipeline: &Pipeline,
    packs: &PackLoader,
    manager: &Manager,
) {
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return,
            _ = signals.interrupt.recv() => return,
            _ = signals.hangup.recv() => {
                manager.reloading();
                reload(sources, config, pipeline, packs).await;
                manager.ready("serving");
            }
        }
    }
}

async fn reload(sources: &Sources, running: &Config, pipeline: &Pipeline, packs: &PackLoader) {
    match sources.load() {
        Err(faults) => tracing::error!("the configuration was not reloaded, the old one stays: {faults}"),
        Ok(loaded) => {
            pipeline.set_rules(&loaded.config);
            packs.set_folder(loaded.config.packs_dir());
            if let Err(error) = packs.reload(pipeline).await {
                tracing::error!(%error, "the packs were not reloaded");
            }
            let (old, new) = (fixed(running), fixed(&loaded.config));
            if old != new {
                tracing::warn!(
                    "what changed of listeners, roles, store, and limits other than those of pending devices takes effect at the next start"
                );
            }
            tracing::info!("configuration and packs reloaded");
        }
    }
}

/// What a reload cannot change, as text to compare.
fn fixed(config: &Config) -> String {
    let (phones, limits) = (&config.phones, &config.limits);
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        config.roles,
        config.store,
        config.admin,
        (&phones.http_listen, &phones.tftp_listen),
        (limits.tftp_transfers, limits.tftp_transfers_per_source, limits.http_connections, limits.http_idle, limits.requests),
        (limits.rendered_cache, limits.device_cache, limits.request_log, limits.firmware_size, limits.drain),
        (limits.asset_size, limits.assets),
        (config.history, config.audit),
    )
}

/// Running transfers and requests end, what they left is written, the store is closed; not longer than `limits.drain` plus a second.
async fn drain(
    config: &Config,
    faces: TaskTracker,
    chores: JoinHandle<()>,
    (stop, recording): (CancellationToken, JoinHandle<()>),
    store: &Store,
) {
    if tokio::time::timeout(config.limits.drain, faces.wait()).await.is_err() {
        tracing::warn!("some transfers did not end in time and are cut off");
    }
    chores.abort();
    stop.cancel();
    let closing = async {
        let _ = recording.await;
        store.close().await
    };
    match tokio::time::timeout(Duration::from_secs(1), closing).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the store was not closed well; it opens again all the same"),
        Err(_) => tracing::error!("the store did not close in time; it opens again all the same"),
    }
}
