//! Load over HTTP: wrk, which nobody will call slow, and what it says.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, ensure};

/// What wrk counted.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Requests that were answered.
    pub done: u64,
    /// Failed connections, reads, writes, time-outs, and answers that are not 2xx or 3xx.
    pub failed: u64,
    /// How long it went.
    pub took: Duration,
    /// The time within which 99 of 100 requests were answered (without the connecting).
    pub p99: Duration,
}

/// Asks for a URL over so many connections for so long.
///
/// # Errors
/// When wrk does not run, or says what is not understood.
pub fn load(url: &str, connections: u32, time: Duration, close: bool) -> anyhow::Result<Outcome> {
    let mut wrk = Command::new("wrk");
    wrk.args(["--latency", "-t1", &format!("-c{connections}"), &format!("-d{}s", time.as_secs().max(1))]);
    if close {
        wrk.args(["-H", "Connection: close"]);
    }
    let output = wrk.arg(url).output().context("wrk does not run (Debian package wrk)")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "wrk: {said}{}", String::from_utf8_lossy(&output.stderr));
    read(&said).with_context(|| format!("wrk says what is not understood:\n{said}"))
}

fn read(said: &str) -> Option<Outcome> {
    let mut outcome = Outcome::default();
    for line in said.lines().map(str::trim) {
        if let Some((done, rest)) = line.split_once(" requests in ") {
            outcome.done = done.parse().ok()?;
            outcome.took = duration(rest.split(',').next()?)?;
        } else if let Some(p99) = line.strip_prefix("99%") {
            outcome.p99 = duration(p99.trim())?;
        } else if let Some(errors) = line.strip_prefix("Socket errors: ") {
            outcome.failed += errors.split(", ").filter_map(|e| e.split(' ').nth(1)?.parse::<u64>().ok()).sum::<u64>();
        } else if let Some(others) = line.strip_prefix("Non-2xx or 3xx responses: ") {
            outcome.failed += others.parse::<u64>().ok()?;
        }
    }
    (!outcome.took.is_zero()).then_some(outcome)
}

/// `81.00us`, `1.20ms`, `2.01s`, `1.50m`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let seconds = match &text[unit..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(Duration::from_secs_f64(text[..unit].parse::<f64>().ok()? * seconds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_wrk_says_is_read() {
        let said = "Running 2s test @ http://127.0.0.1:8667/cfg4k.cfg\n  1 threads and 32 connections\n  Thread Stats   Avg      Stdev     Max   +/- Stdev\n    \
                    Latency   220.00us  100.00us   3.63ms   90.00%\n  Latency Distribution\n     50%  200.00us\n     99%    1.50ms\n  174614 requests in 2.10s, 712.71MB read\n  \
                    Socket errors: connect 0, read 3, write 0, timeout 1\n  Non-2xx or 3xx responses: 5\nRequests/sec:  83149.05\n";
        let outcome = read(said).unwrap();
        assert_eq!((outcome.done, outcome.failed), (174_614, 9));
        assert_eq!((outcome.took, outcome.p99), (Duration::from_millis(2100), Duration::from_micros(1500)));
        assert!(read("unable to connect").is_none());
    }
}
