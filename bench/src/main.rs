//! `make bench`: Offhook beside nginx (HTTP) and dnsmasq (TFTP), interleaved in one run so that a busy moment of the machine
//! hits all alike. RUNS (default 3) and SECONDS (default 2, per measurement) come from the environment.

use std::{path::PathBuf, thread::sleep, time::Duration};

use anyhow::Context as _;
use offhook_bench::{
    http, process,
    servers::{LARGE, SMALL, Server, Site},
    table::{Measured, Table},
    tftp::{Load, Until},
};

/// A kind of load.
struct Case {
    name: &'static str,
    /// How it is made; TFTP needs the file's contents.
    kind: Kind,
}

enum Kind {
    Http { close: bool },
    Tftp { file: &'static str, at_once: usize, transfers: Option<u64>, blksize: Option<u16>, windowsize: Option<u16> },
}

const CASES: [Case; 7] = [
    Case { name: "HTTP 4 KB, keep-alive, 32 connections", kind: Kind::Http { close: false } },
    Case { name: "HTTP 4 KB, a connection each, 32 at once", kind: Kind::Http { close: true } },
    Case { name: "TFTP 4 KB, 64 at once, no options", kind: tftp(SMALL, 64, None, None, None) },
    Case { name: "TFTP 4 KB, 64 at once, blksize 1428", kind: tftp(SMALL, 64, None, Some(1428), None) },
    Case { name: "TFTP 4 KB, storm: 1000 phones in one moment", kind: tftp(SMALL, 1000, Some(1000), None, None) },
    Case { name: "TFTP 4 MB, 8 at once, blksize 1428", kind: tftp(LARGE, 8, None, Some(1428), None) },
    Case { name: "TFTP 4 MB, 8 at once, blksize 1428, windowsize 16", kind: tftp(LARGE, 8, None, Some(1428), Some(16)) },
];

const fn tftp(file: &'static str, at_once: usize, transfers: Option<u64>, blksize: Option<u16>, windowsize: Option<u16>) -> Kind {
    Kind::Tftp { file, at_once, transfers, blksize, windowsize }
}

#[allow(clippy::print_stdout, reason = "its output")]
fn main() -> anyhow::Result<()> {
    let program = PathBuf::from(std::env::args_os().nth(1).context("usage: offhook-bench <path of offhook>")?);
    let (runs, seconds) = (number("RUNS", 3)?, Duration::from_secs(number("SECONDS", 2)?));
    let site = Site::new()?;
    let mut servers = vec![site.nginx()?];
    // Its port needs privileges that the rest does not.
    match site.dnsmasq() {
        Ok(dnsmasq) => servers.push(dnsmasq),
        Err(error) => eprintln!("dnsmasq is left out; it needs port 69, so root. {error:#}"),
    }
    servers.push(site.offhook(&program)?);
    let idle: Vec<_> = servers.iter().map(|s| format!("{} {} MiB", s.name, process::memory(s.id()) >> 20)).collect();

    let mut table = Table::default();
    for run in 1..=runs {
        for case in &CASES {
            eprintln!("run {run} of {runs}: {}", case.name);
            for server in &servers {
                if let Some(measured) = measure(case, server, &site, seconds)? {
                    table.add(case.name, server.name, measured);
                }
            }
        }
    }
    println!("× compares with the first server of a case. CPU is the server's own, its children's too. Memory is what was resident");
    println!("right after; before any request: {}. Loopback; load and servers share {} cores.\n", idle.join(", "), cores());
    println!("{}", table.markdown());
    for (server, failed) in table.failed() {
        println!("{server}: {failed} failed");
    }
    Ok(())
}

/// Nothing when the server does not speak the protocol.
fn measure(case: &Case, server: &Server, site: &Site, seconds: Duration) -> anyhow::Result<Option<Measured>> {
    let before = process::processor_time(server.id())?;
    let (done, took, p99, failed, repeats) = match (&case.kind, &server.http, server.tftp) {
        (Kind::Http { close }, Some(url), _) => {
            let outcome = http::load(&format!("{url}/{SMALL}"), 32, seconds, *close)?;
            (outcome.done, outcome.took, outcome.p99, outcome.failed, 0)
        }
        (Kind::Tftp { file, at_once, transfers, blksize, windowsize }, _, Some(address)) => {
            let load = Load {
                server: address,
                file: (*file).to_owned(),
                content: site.content(file)?,
                at_once: *at_once,
                until: transfers.map_or(Until::Elapsed(seconds), Until::Transfers),
                blksize: *blksize,
                windowsize: *windowsize,
                timeout: Duration::from_secs(1),
                loss: 0.0,
                sources: u32::try_from(*at_once)?,
            };
            let outcome = load.run()?;
            for (error, count) in &outcome.errors {
                eprintln!("  {}: {count} times {error}", server.name);
            }
            (outcome.done, outcome.took, outcome.within(0.99), outcome.failed(), outcome.repeats)
        }
        _ => return Ok(None),
    };
    // What the last answers cost is counted too.
    sleep(Duration::from_millis(100));
    let used = process::processor_time(server.id())? - before;
    Ok(Some(Measured {
        rate: done as f64 / took.as_secs_f64(),
        each: used.div_f64(done.max(1) as f64),
        memory: process::memory(server.id()),
        p99,
        failed,
        repeats,
    }))
}

fn number(name: &str, usual: u64) -> anyhow::Result<u64> {
    std::env::var(name).map_or(Ok(usual), |text| text.parse().with_context(|| format!("{name}={text} is no whole number")))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, usize::from)
}
