//! The use cases behind the API: one file per noun, functions are verbs. They check who may, validate, call the store and
//! the pipeline, and know nothing of HTTP.

use std::sync::Arc;

use offhook_core::clock::{Clock, Entropy};
use offhook_store::Store;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, pipeline::Pipeline};

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
    /// Cancelled when the server begins to stop: readiness goes, live streams end.
    pub closing: CancellationToken,
}
