//! `offhook health`: whether a server lives and can serve, for containers and monitors. It shows no token.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::{
    client::Connection,
    failure::{Failure, Outcome},
    output::Output,
};

/// A server that takes longer does not live.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ask whether the server lives, and whether it can serve
#[derive(Args, Debug)]
#[command(after_help = "\
Needs no token. The exit code is 0 when all is well, 1 when the server says
what is not, 4 when it does not answer within 5 s.

Examples:
  offhook health
  offhook health --live           only whether the process lives
  offhook health --url http://127.0.0.1:8666")]
pub struct Health {
    #[command(flatten)]
    connection: Connection,
    /// Only whether the process lives, not whether it can serve
    #[arg(long)]
    live: bool,
}

impl Health {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let mut url = self.connection.server()?;
        url.set_path(if self.live { "/healthz" } else { "/readyz" });
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let client = client.map_err(|e| Failure::Failed(format!("no HTTP client: {e}")))?;
        let answer = client.get(url.clone()).send().await.map_err(|_| {
            Failure::Unreachable(format!("{} does not answer within 5 s: is the server running there?", url.origin().ascii_serialization()))
        })?;
        let status = answer.status();
        if !status.is_success() {
            let problem = answer.json::<Value>().await.unwrap_or_default();
            return Err(Failure::of_problem(status.as_u16(), problem, url.path()));
        }
        if out.as_json(&json!({ "healthy": true }))? {
            return Ok(());
        }
        out.line(if self.live { "The server lives." } else { "The server can serve." })
    }
}
