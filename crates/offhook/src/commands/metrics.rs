//! `offhook metrics`: what the server counts, in the text format of Prometheus.

use clap::Args;

use crate::{
    client::{Client, Connection},
    failure::Outcome,
    output::Output,
};

/// Print what the server counts, as Prometheus reads it
#[derive(Args, Debug)]
pub struct Metrics {
    #[command(flatten)]
    connection: Connection,
}

impl Metrics {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        let text = Client::new(&self.connection)?.metrics().await?;
        out.bytes(&text)
    }
}
