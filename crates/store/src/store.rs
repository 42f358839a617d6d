//! The store itself: opening, what is held in memory, health and closing.

use std::{path::PathBuf, sync::Arc};

use offhook_core::{
    Result,
    clock::{Clock, Entropy},
    configuration::Configuration,
    settings::RawSecrets,
};

use crate::{Change, Shelf};

/// Where the store lies and what it needs to know.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:FILE`, relative to `data_dir`.
    pub url: String,
    /// Where database, blobs and lock lie; made with mode 0700 when it does not exist.
    pub data_dir: PathBuf,
    /// The master key; made with mode 0600 at the first start. Relative to `data_dir`.
    pub key_file: PathBuf,
    /// Raw parameters that packs list as secret: sealed like the secrets of the model.
    pub raw_secrets: RawSecrets,
    /// How many of the newest requests the log keeps.
    pub request_log_rows: u64,
}

impl StoreOptions {
    /// The usual names in a data directory: `offhook.db`, `secret.key`; 100,000 requests.
    pub fn in_dir(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            url: "sqlite:offhook.db".into(),
            data_dir: data_dir.into(),
            key_file: "secret.key".into(),
            raw_secrets: RawSecrets::default(),
            request_log_rows: 100_000,
        }
    }
}

/// Why the store did not open, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub String);

/// The store. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Store {}

impl Store {
    /// Opens the store, or makes it when there is none, and brings its schema up to date.
    pub async fn open(options: StoreOptions, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Store, OpenError> {
        todo!()
    }

    /// Replaces the list of raw parameters that are secret (packs were loaded again). Holds for later writes.
    pub fn set_raw_secrets(&self, raw: RawSecrets) {
        todo!()
    }

    /// Site, tenants and profiles, secrets in clear. Replaced as a whole, before the write that changed it is acknowledged.
    pub fn configuration(&self) -> Arc<Configuration> {
        todo!()
    }

    /// The names of stored firmware. Replaced as a whole like the configuration.
    pub fn shelf(&self) -> Arc<Shelf> {
        todo!()
    }

    /// Calls the hook after each commit, before its writes are acknowledged, so that a cache can drop what changed.
    /// It must be quick and must not call the store.
    pub fn on_change(&self, hook: Box<dyn Fn(&[Change]) + Send + Sync>) {
        todo!()
    }

    /// A key of 256 bits derived from the master key for one purpose (`"generate"`, `"hash"` …): HMAC-SHA-256 (RFC 2104)
    /// over the purpose. The master key itself never leaves the store.
    pub fn master_key_for(&self, purpose: &str) -> [u8; 32] {
        todo!()
    }

    /// Whether reads and writes work now; the error says what does not.
    pub async fn health(&self) -> Result<()> {
        todo!()
    }

    /// Writes what waits, brings the write-ahead log home and gives the data directory free. Later writes are refused.
    pub async fn close(&self) -> Result<()> {
        todo!()
    }
}
