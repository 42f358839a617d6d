//! The use cases behind the API: one file per noun, functions are verbs. They check who may, validate, call the store and
//! the pipeline, and know nothing of HTTP.

use std::sync::Arc;

use offhook_core::clock::{Clock, Entropy};

use crate::{config::Config, pipeline::Pipeline};

/// What every use case works with. A cheap clone.
#[derive(Clone)]
pub struct App {
    /// The checked configuration.
    pub config: Arc<Config>,
    /// What phones get.
    pub pipeline: Pipeline,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes.
    pub entropy: Arc<dyn Entropy>,
}
