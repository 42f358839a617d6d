//! Measurements, and the tables made of them: medians over the runs, and ratios to the server to compare with.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

/// One server in one case of one run.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Requests or transfers per second.
    pub rate: f64,
    /// Processor time of the server for each.
    pub each: Duration,
    /// Memory of the server right after it, in bytes.
    pub memory: u64,
    /// The time within which 99 of 100 ended.
    pub p99: Duration,
    /// Those that failed.
    pub failed: u64,
    /// Packets that clients had to send again.
    pub repeats: u64,
}

/// All measurements. The first server of a case is what others are compared with.
#[derive(Default)]
pub struct Table {
    cases: Named<Named<Vec<Measured>>>,
}

/// A map that keeps the order in which things came.
type Named<T> = Vec<(String, T)>;

impl Table {
    /// Adds one.
    pub fn add(&mut self, case: &str, server: &str, measured: Measured) {
        let servers = entry(&mut self.cases, case);
        entry(servers, server).push(measured);
    }

    /// Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from(
            "| case | server | per second | × | CPU µs each | × | memory MiB | p99 ms | failed | repeated | runs |\n\
             |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for (case, servers) in &self.cases {
            let Some((_, first)) = servers.first() else { continue };
            let (rate, each) = (median(first, |m| m.rate), median(first, |m| m.each.as_secs_f64()));
            for (server, runs) in servers {
                let (own_rate, own_each) = (median(runs, |m| m.rate), median(runs, |m| m.each.as_secs_f64()));
                // Writing to a String does not fail.
                let _ = writeln!(
                    out,
                    "| {case} | {server} | {own_rate:.0} | {:.2} | {:.1} | {:.2} | {:.0} | {:.2} | {} | {} | {} |",
                    own_rate / rate,
                    own_each * 1e6,
                    own_each / each,
                    median(runs, |m| m.memory as f64) / f64::from(1 << 20),
                    median(runs, |m| m.p99.as_secs_f64()) * 1e3,
                    runs.iter().map(|m| m.failed).sum::<u64>(),
                    runs.iter().map(|m| m.repeats).sum::<u64>(),
                    runs.len(),
                );
            }
        }
        out
    }

    /// Failed requests and transfers by server, over everything.
    #[must_use]
    pub fn failed(&self) -> BTreeMap<&str, u64> {
        let mut failed = BTreeMap::new();
        for (server, runs) in self.cases.iter().flat_map(|(_, servers)| servers) {
            *failed.entry(server.as_str()).or_default() += runs.iter().map(|m| m.failed).sum::<u64>();
        }
        failed
    }
}

fn entry<'a, T: Default>(list: &'a mut Named<T>, name: &str) -> &'a mut T {
    let at = list.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
        list.push((name.to_owned(), T::default()));
        list.len() - 1
    });
    &mut list[at].1
}

fn median(runs: &[Measured], of: impl Fn(&Measured) -> f64) -> f64 {
    let mut values: Vec<_> = runs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        0 if middle > 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values.get(middle).copied().unwrap_or(f64::NAN),
    }
}
