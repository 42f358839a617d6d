//! The use cases behind the API: one file per noun, functions are verbs. They check who may, validate, call the store and
//! the pipeline, and know nothing of HTTP.

use std::sync::Arc;

use offhook_core::{
    clock::{Clock, Entropy},
    settings::{Document, Model},
};
use offhook_store::{Author, Store};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, pipeline::Pipeline};

pub mod access;
pub mod accounts;
pub mod address_maps;
pub mod assets;
pub mod audit;
pub mod backup;
pub mod devices;
pub mod fields;
pub mod firmware;
pub mod history;
pub mod idempotency;
pub mod jobs;
pub mod packs;
pub mod page;
pub mod phonebooks;
pub mod profiles;
pub mod readiness;
pub mod requests;
pub mod simulate;
pub mod site;
pub mod templates;
pub mod tenants;
pub mod tokens;

pub use access::Caller;

/// What every use case works with. A cheap clone.
#[derive(Clone)]
pub struct App {
    /// The checked configuration.
    pub config: Arc<Config>,
    /// What phones get.
    pub pipeline: Pipeline,
    /// What is kept.
    pub store: Store,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// The metrics of the whole process, as text (Prometheus exposition format).
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Long work that somebody started.
    pub jobs: jobs::Jobs,
    /// Loads packs.
    pub packs: packs::PackLoader,
    /// Held while overrides of templates are checked and saved.
    pub templates: Arc<tokio::sync::Mutex<()>>,
    /// One backup at a time: each keeps a connection of the store to itself.
    pub backups: Arc<tokio::sync::Semaphore>,
    /// Cancelled when the server begins to stop: readiness goes, live streams end.
    pub closing: CancellationToken,
}

impl App {
    /// The same, acting for this caller: the store shows and changes only what is the caller's, and writes are made in that name, or only tried.
    #[must_use]
    pub fn by(&self, who: &Caller) -> Self {
        let store =
            self.store.by(Author { token: who.token, label: who.label.to_string(), from: who.from, restores: None }).within(who.reach());
        Self { store: if who.dry_run { store.dry() } else { store }, jobs: self.jobs.by(who.token, who.reach()), ..self.clone() }
    }

    /// A document as people may see it: masks stand for its secrets, those of the packs' raw parameters too.
    pub fn masked<M: Model>(&self, document: &Document<M>) -> Value {
        document.masked(self.pipeline.catalog().raw_secrets())
    }
}
