//! The TFTP load client by itself: `tftpload --server 127.0.0.1:6969 --file SIPDefault.cnf --content FILE`.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use offhook_bench::tftp::{Load, Until};

/// Fetches one file over TFTP, many times at once, and compares every byte. Ends with 1 when a transfer failed.
#[derive(Parser)]
struct Arguments {
    /// Where the requests go
    #[arg(long, default_value = "127.0.0.1:6969")]
    server: SocketAddr,
    /// The file's name
    #[arg(long)]
    file: String,
    /// A local copy of what must arrive
    #[arg(long)]
    content: PathBuf,
    /// Transfers at the same time
    #[arg(short = 'c', long, default_value_t = 1)]
    at_once: usize,
    /// Transfers in all; else as many as fit into --seconds
    #[arg(short = 'n', long)]
    transfers: Option<u64>,
    /// How long transfers begin
    #[arg(short = 'd', long, default_value_t = 5.0)]
    seconds: f64,
    /// Bytes per block; the option is not sent without
    #[arg(long)]
    blksize: Option<u16>,
    /// Blocks per acknowledgement; the option is not sent without
    #[arg(long)]
    windowsize: Option<u16>,
    /// Until the client repeats itself for the first time
    #[arg(long, default_value_t = 1000)]
    timeout_ms: u64,
    /// The part of the received packets to throw away, 0 to 1
    #[arg(long, default_value_t = 0.0)]
    loss: f64,
    /// Phones with addresses of their own in 127.0.0.0/8
    #[arg(long, default_value_t = 0)]
    sources: u32,
}

#[allow(clippy::print_stdout, reason = "its output")]
fn main() -> anyhow::Result<ExitCode> {
    let asked = Arguments::parse();
    let load = Load {
        server: asked.server,
        file: asked.file,
        content: std::fs::read(asked.content)?,
        at_once: asked.at_once,
        until: asked.transfers.map_or(Until::Elapsed(Duration::from_secs_f64(asked.seconds)), Until::Transfers),
        blksize: asked.blksize,
        windowsize: asked.windowsize,
        timeout: Duration::from_millis(asked.timeout_ms),
        loss: asked.loss,
        sources: asked.sources,
    };
    let outcome = load.run()?;
    let rate = outcome.done as f64 / outcome.took.as_secs_f64();
    println!("{} transfers in {:.3?}: {rate:.0}/s, {:.1} MB/s", outcome.done, outcome.took, rate * load.content.len() as f64 / 1e6);
    println!("p50 {:.3?}, p99 {:.3?}, longest {:.3?}", outcome.within(0.5), outcome.within(0.99), outcome.within(1.0));
    println!("{} repeated packets, {} with lowered options, failed: {:?}", outcome.repeats, outcome.lowered, outcome.errors);
    Ok(if outcome.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
