//! The checked configuration: what the rest of the server may rely on. How it is read from TOML and the environment,
//! and how faults are told, is in the files beside this one.

mod check;
mod fault;
mod key;
mod load;
mod page;
mod value;

#[cfg(test)]
mod tests;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use offhook_core::access::Acl;

pub use fault::{ConfigFault, ConfigFaults, Place};
pub use key::{KEYS, Key, SECTIONS};
pub use load::{Entry, Loaded, Sources};
pub use page::{default_file, effective_file, reference};
pub use value::Value;

/// Everything that can be configured, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the store, its key, packs and the admin token live.
    pub data_dir: PathBuf,
    /// Which faces this process has.
    pub roles: Roles,
    /// `[store]`
    pub store: StoreConfig,
    /// `[admin]`
    pub admin: AdminConfig,
    /// `[phones]`
    pub phones: PhonesConfig,
    /// `[packs]`
    pub packs: PacksConfig,
    /// `[limits]`
    pub limits: Limits,
    /// `[history]`
    pub history: HistoryConfig,
    /// `[audit]`
    pub audit: AuditConfig,
    /// `[log]`
    pub log: LogConfig,
}

impl Config {
    /// Reads defaults, then the file, then `OFFHOOK_…` variables, then what the command line gave. [`Sources`] does the
    /// same and can be kept for a reload.
    ///
    /// # Errors
    /// Every fault at once, for people.
    pub fn load(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
        data_dir: Option<&Path>,
        roles: &[String],
    ) -> Result<Self, ConfigFaults> {
        let sources = Sources {
            file: file.map(Path::to_path_buf),
            variables: variables.collect(),
            data_dir: data_dir.map(Path::to_path_buf),
            roles: roles.to_vec(),
        };
        sources.load().map(|loaded| loaded.config)
    }

    /// The file of the embedded store.
    #[must_use]
    pub fn database_file(&self) -> PathBuf {
        self.data_dir.join(self.store.url.strip_prefix("sqlite:").unwrap_or(&self.store.url))
    }

    /// The file of the key for secrets, relative to the data folder: the store, which makes both, joins them.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.store.key_file.clone().unwrap_or_else(|| PathBuf::from("secret.key"))
    }

    /// The folder of more packs; it need not exist.
    #[must_use]
    pub fn packs_dir(&self) -> PathBuf {
        self.data_dir.join(&self.packs.dir)
    }

    /// The file that the first admin token is written to.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.data_dir.join("admin.token")
    }

    /// The file that tells the addresses really bound.
    #[must_use]
    pub fn listeners_file(&self) -> PathBuf {
        self.data_dir.join("listeners.json")
    }

    /// Without anything, for the defaults of the keys to be put into.
    fn blank() -> Self {
        Self {
            data_dir: PathBuf::new(),
            roles: Roles { phones: false, admin: false },
            store: StoreConfig { url: String::new(), key_file: None, blob_cache: 0 },
            admin: AdminConfig { listen: Vec::new(), insecure: false },
            phones: PhonesConfig {
                public_url: None,
                trusted_networks: TrustedNetworks::Auto,
                policy: Policy::Lan,
                auto_create: AutoCreate::Off,
                acl: Acl::default(),
                hosts: Vec::new(),
                trusted_proxies: Vec::new(),
                nat_networks: Vec::new(),
                http_listen: Vec::new(),
                tftp_listen: Vec::new(),
            },
            packs: PacksConfig { dir: PathBuf::new(), index: None, index_key: None },
            limits: Limits {
                tftp_transfers: 0,
                tftp_transfers_per_source: 0,
                http_connections: 0,
                http_idle: Duration::ZERO,
                requests: 0,
                pending: 0,
                pending_per_network: 0,
                pending_age: Duration::ZERO,
                request_log: 0,
                rendered_cache: 0,
                device_cache: 0,
                firmware_size: 0,
                upload_size: 0,
                uploads: 0,
                uploads_per_device: 0,
                asset_size: 0,
                assets: 0,
                drain: Duration::ZERO,
            },
            history: HistoryConfig { versions: 0, age: Duration::ZERO },
            audit: AuditConfig { age: Duration::ZERO, rows: 0 },
            log: LogConfig { level: String::new(), json: false },
        }
    }
}

/// The faces of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// HTTP and TFTP for phones.
    pub phones: bool,
    /// REST API, health and metrics.
    pub admin: bool,
}

/// `[store]`
#[derive(Clone)]
pub struct StoreConfig {
    /// `sqlite:` and a path relative to the data folder, or `postgres://…`.
    pub url: String,
    /// The key for secrets; default `<data_dir>/secret.key`.
    pub key_file: Option<PathBuf>,
    /// Bytes of copies of what a server's database holds.
    pub blob_cache: u64,
}

impl std::fmt::Debug for StoreConfig {
    /// Without the URL of a server, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = if self.url.starts_with("sqlite:") { &self.url } else { "postgres" };
        f.debug_struct("StoreConfig").field("url", &url).field("key_file", &self.key_file).finish_non_exhaustive()
    }
}

/// `[admin]`
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// Where the API listens.
    pub listen: Vec<SocketAddr>,
    /// Plain HTTP on an address that is not loopback is wanted.
    pub insecure: bool,
}

/// `[phones]`
#[derive(Clone, Debug)]
pub struct PhonesConfig {
    /// What rendered files point to; none: the HTTP listener's port on the address that the phone reached.
    pub public_url: Option<String>,
    /// Networks whose phones may have their files on MAC alone.
    pub trusted_networks: TrustedNetworks,
    /// What a device file demands.
    pub policy: Policy,
    /// What becomes of unknown phones from trusted networks.
    pub auto_create: AutoCreate,
    /// Who may ask at all.
    pub acl: Acl,
    /// Allowed Host names, lower case, without port; empty: any.
    pub hosts: Vec<String>,
    /// Proxies whose `Forwarded` and `X-Forwarded-For` are read.
    pub trusted_proxies: Vec<IpNet>,
    /// Sources where several phones share one address.
    pub nat_networks: Vec<IpNet>,
    /// Where HTTP listens.
    pub http_listen: Vec<SocketAddr>,
    /// Where TFTP listens.
    pub tftp_listen: Vec<SocketAddr>,
}

/// `phones.trusted_networks`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedNetworks {
    /// Loopback and the private prefixes of this machine's own interfaces.
    Auto,
    /// These.
    List(Vec<IpNet>),
}

/// `phones.policy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// A device file goes to its own phone from a trusted network on MAC alone.
    Lan,
}

/// `phones.auto_create`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoCreate {
    /// Unknown phones get a stranger's answer.
    Off,
    /// Unknown phones of a known family become pending devices.
    Pending,
}

/// `[packs]`
#[derive(Clone, Debug)]
pub struct PacksConfig {
    /// More packs, relative to the data folder.
    pub dir: PathBuf,
    /// Where the signed index of packs is.
    pub index: Option<String>,
    /// The key that it is signed with: Ed25519, base64.
    pub index_key: Option<String>,
}

/// `[limits]`
#[derive(Clone, Debug)]
pub struct Limits {
    /// TFTP transfers at once in all.
    pub tftp_transfers: usize,
    /// TFTP transfers at once from one source address.
    pub tftp_transfers_per_source: usize,
    /// Open HTTP connections of phones.
    pub http_connections: usize,
    /// An HTTP connection without a request is closed after this.
    pub http_idle: Duration,
    /// Requests being answered at once; more get 503 or a TFTP "busy".
    pub requests: usize,
    /// Pending devices in all.
    pub pending: usize,
    /// Pending devices of one source network (/24 or /64).
    pub pending_per_network: usize,
    /// A pending device that asks nothing for this long is dropped.
    pub pending_age: Duration,
    /// Requests kept in the request log.
    pub request_log: usize,
    /// Memory for rendered files, in bytes.
    pub rendered_cache: u64,
    /// Devices held in memory.
    pub device_cache: usize,
    /// Greatest size of a firmware upload, in bytes.
    pub firmware_size: u64,
    /// Greatest size of a file that a phone sends, in bytes.
    pub upload_size: u64,
    /// What phones sent in all, in bytes.
    pub uploads: u64,
    /// What one device sent, in bytes.
    pub uploads_per_device: u64,
    /// Greatest size of an asset, in bytes.
    pub asset_size: u64,
    /// Assets in all.
    pub assets: usize,
    /// SIGTERM waits this long for running transfers.
    pub drain: Duration,
}

/// `[history]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryConfig {
    /// Replaced versions of one thing.
    pub versions: u64,
    /// Age of a version, from when it was replaced.
    pub age: Duration,
}

/// `[audit]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// Age of an entry.
    pub age: Duration,
    /// Entries in all.
    pub rows: u64,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug` or a filter such as `info,offhook_server=debug`.
    pub level: String,
    /// One JSON object per line.
    pub json: bool,
}
