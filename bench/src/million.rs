//! Many devices in one server, through its REST API alone: imported, listed from end to end in every order, filtered, searched, changed
//! under one profile, and served to a phone meanwhile. What each took, as medians.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use offhook_tests::Server;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::process;

/// Each question is asked so often.
const TIMES: usize = 5;
/// The orders of the list.
const SORTS: [&str; 6] = ["created_at", "mac", "label", "model", "last_seen", "updated_at"];

/// The server under load and what was measured of it.
pub struct Run<'a> {
    server: &'a mut Server,
    client: Client,
    token: String,
    devices: u64,
    report: String,
}

impl<'a> Run<'a> {
    /// Nothing is measured yet.
    ///
    /// # Errors
    /// When there is no HTTP client.
    pub fn new(server: &'a mut Server, devices: u64) -> anyhow::Result<Self> {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(7200)).build()?;
        let token = server.token();
        Ok(Self { server, client, token, devices, report: String::new() })
    }

    /// Everything; the report in Markdown.
    ///
    /// # Errors
    /// At the first answer that is no success.
    pub async fn all(mut self) -> anyhow::Result<String> {
        self.import().await?;
        self.pages().await?;
        self.filters().await?;
        self.change().await?;
        self.again().await?;
        Ok(self.report)
    }

    fn line(&mut self, what: &str, took: &str) {
        eprintln!("{what}: {took}");
        let _ = writeln!(self.report, "| {what} | {took} |");
    }

    fn head(&mut self, what: &str, columns: &str) {
        let rule = columns.split('|').map(|_| "---").collect::<Vec<_>>().join("|");
        let _ = writeln!(self.report, "\n| {what} | {columns} |\n|---|{rule}|");
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let mut request = self.client.request(method.clone(), self.server.admin_url(&format!("/api/v1{path}"))).bearer_auth(&self.token);
        if let Some(body) = body {
            let content = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
            request = request.header("content-type", content).body(body.to_string());
        }
        json_of(path, request.send().await?).await
    }

    async fn get(&self, path: &str) -> anyhow::Result<(Value, Duration)> {
        let began = Instant::now();
        let answer = self.call(Method::GET, path, None).await?;
        Ok((answer, began.elapsed()))
    }

    async fn import(&mut self) -> anyhow::Result<()> {
        for n in 0..20 {
            self.call(Method::POST, "/tenants", Some(json!({ "name": format!("tenant{n}") }))).await?;
        }
        for name in ["all", "rare"] {
            self.call(Method::POST, "/profiles", Some(json!({ "name": name }))).await?;
        }
        let devices = self.devices;
        let text = (0..devices.div_ceil(1000)).map(move |thousand| {
            let rows = (thousand * 1000..devices.min(thousand * 1000 + 1000)).map(row);
            let head =
                if thousand == 0 { "mac,tenant,model,state,label,location,tags,profiles,lines.1.username,lines.1.password\n" } else { "" };
            Ok::<_, std::io::Error>(head.to_owned() + &rows.collect::<String>())
        });
        let began = Instant::now();
        let request = self.client.post(self.server.admin_url("/api/v1/devices:import")).bearer_auth(&self.token);
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(text));
        let job = json_of("import", request.header("content-type", "text/csv").body(body).send().await?).await?;
        let id = job["id"].as_str().context("no job")?.to_owned();
        let mut most = 0;
        let done = loop {
            let job = self.call(Method::GET, &format!("/jobs/{id}"), None).await?;
            most = most.max(process::memory(self.server.id()));
            match job["state"].as_str() {
                Some("done") => break job,
                Some("queued" | "running") => tokio::time::sleep(Duration::from_millis(500)).await,
                _ => bail!("the import ended so: {job}"),
            }
        };
        let took = began.elapsed();
        if done["counts"]["created"] != json!(devices) {
            bail!("not all were created: {}", done["counts"]);
        }
        self.head("import", "");
        self.line(
            &format!("{devices} devices as CSV"),
            &format!("{:.0} s, {:.0} a second", took.as_secs_f64(), devices as f64 / took.as_secs_f64()),
        );
        self.line("memory of the server, at most", &format!("{} MiB", most >> 20));
        Ok(())
    }

    /// The whole list by pages of a thousand, in every order.
    async fn pages(&mut self) -> anyhow::Result<()> {
        self.head("whole list, pages of 1000, ms each", "beginning | middle | end");
        for sort in SORTS {
            let (mut cursor, mut times, mut seen) = (String::new(), Vec::new(), 0);
            loop {
                let (page, took) = self.get(&format!("/devices?limit=1000&sort={sort}{cursor}")).await?;
                times.push(took);
                seen += page["items"].as_array().map_or(0, Vec::len) as u64;
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            if seen != self.devices {
                bail!("{seen} devices in the list by {sort}");
            }
            let tenth = (times.len() / 10).max(1);
            let of = |at: usize| median(times.iter().skip(at).take(tenth).copied().collect());
            let took = format!("{} | {} | {}", of(0), of(times.len() / 2), of(times.len() - tenth));
            self.line(sort, &took);
        }
        Ok(())
    }

    /// A page of 100 of every filter in every order, and the page after it.
    async fn filters(&mut self) -> anyhow::Result<()> {
        self.head("page of 100, ms, first and next", &SORTS.join(" | "));
        let last = mac(self.devices - 1);
        let filters = [
            String::new(),
            "tenant=tenant3".into(),
            "state=ready".into(),
            "state=disabled".into(),
            "model=T46S".into(),
            "model=T29G".into(),
            "profile=all".into(),
            "profile=rare".into(),
            "tag=floor1".into(),
            "tag=vip".into(),
            "sync=never".into(),
            "sync=outdated".into(),
            "sync=current".into(),
            "tenant=tenant3&model=T46S&state=ready".into(),
            "q=desk".into(),
            "q=berlin 77".into(),
            "q=00:15:65".into(),
            format!("q={last}"),
            format!("q={}", &last[3..11]),
            "q=zz".into(),
            "q=nothing has this".into(),
        ];
        for filter in filters {
            let mut cells = Vec::new();
            for sort in SORTS {
                let (mut first, mut next) = (Vec::new(), Vec::new());
                for _ in 0..TIMES {
                    let (page, took) = self.get(&format!("/devices?limit=100&sort={sort}&{filter}")).await?;
                    first.push(took);
                    if let Some(cursor) = page["next_cursor"].as_str() {
                        next.push(self.get(&format!("/devices?limit=100&sort={sort}&{filter}&cursor={cursor}")).await?.1);
                    }
                }
                cells.push(if next.is_empty() { median(first) } else { format!("{} {}", median(first), median(next)) });
            }
            let name = if filter.is_empty() { "(none)".to_owned() } else { format!("`{filter}`") };
            self.line(&name, &cells.join(" | "));
        }
        Ok(())
    }

    /// One write that concerns all, and what a phone gets meanwhile.
    async fn change(&mut self) -> anyhow::Result<()> {
        self.head("under way", "ms");
        let file = self.server.phone_url(&format!("/{}.cfg", mac(self.devices / 2).replace(':', "")));
        let fetch = async |expected: Option<&str>| -> anyhow::Result<Duration> {
            let began = Instant::now();
            let answer = self.client.get(&file).send().await?;
            let status = answer.status();
            let text = answer.text().await?;
            if !status.is_success() || expected.is_some_and(|e| !text.contains(e)) {
                bail!("{file}: {status}, {expected:?} is not in it");
            }
            Ok(began.elapsed())
        };
        fetch(None).await?;
        let (mut patches, mut after, mut meanwhile) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..TIMES {
            let server = format!("ntp{n}.example");
            let body = json!({ "settings": { "time": { "ntp": [server] } } });
            let began = Instant::now();
            let list = self.get("/devices?limit=1000&sort=label&q=desk");
            let (patch, list, phone) = tokio::join!(self.call(Method::PATCH, "/profiles/all", Some(body)), list, fetch(None));
            patch?;
            list?;
            meanwhile.push(phone?);
            patches.push(began.elapsed());
            after.push(fetch(Some(&server)).await?);
        }
        self.line("PATCH of the profile of all, a list and a fetch at once", &median(patches));
        self.line("that fetch of a phone", &median(meanwhile));
        self.line("first fetch after it, with what is new", &median(after));
        let mut outdated = Vec::new();
        for _ in 0..TIMES {
            outdated.push(self.get("/devices?limit=100&sync=outdated&sort=label").await?.1);
        }
        self.line("first page of those that are outdated", &median(outdated));
        let mut metrics = Vec::new();
        for _ in 0..TIMES {
            let began = Instant::now();
            self.client.get(self.server.admin_url("/metrics")).bearer_auth(&self.token).send().await?.error_for_status()?.text().await?;
            metrics.push(began.elapsed());
        }
        self.line("/metrics", &median(metrics));
        let mut packs = Vec::new();
        for _ in 0..TIMES {
            packs.push(self.get("/packs").await?.1);
        }
        self.line("list of packs, with how many devices each serves", &median(packs));
        let memory = process::memory(self.server.id()) >> 20;
        self.line("memory of the server, MiB", &memory.to_string());
        Ok(())
    }

    /// Stopped and started with all that is in it.
    async fn again(&mut self) -> anyhow::Result<()> {
        self.server.stop();
        let began = Instant::now();
        self.server.start_again();
        let ready = loop {
            match self.client.get(self.server.admin_url("/readyz")).send().await {
                Ok(answer) if answer.status().is_success() => break began.elapsed(),
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        self.line("started again, until it is ready", &format!("{:.0}", ready.as_secs_f64() * 1000.0));
        let size: u64 = std::fs::read_dir(self.server.data())?.flatten().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum();
        self.line("data folder, MiB", &(size >> 20).to_string());
        Ok(())
    }
}

async fn json_of(what: &str, answer: Response) -> anyhow::Result<Value> {
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("{what}: {status} {text}");
    }
    Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
}

fn median(mut times: Vec<Duration>) -> String {
    times.sort();
    times.get(times.len() / 2).map_or_else(String::new, |t| format!("{:.1}", t.as_secs_f64() * 1000.0))
}

/// Number `n`'s address: all of one maker's block, scattered over it.
fn mac(n: u64) -> String {
    let b = (n * 7_919_777 % 16_777_213).to_be_bytes();
    format!("00:15:65:{:02x}:{:02x}:{:02x}", b[5], b[6], b[7])
}

/// A line of the table: common values and rare ones, in blocks as well as scattered.
fn row(n: u64) -> String {
    let mix = n.wrapping_mul(6_364_136_223_846_793_005) >> 33;
    let tenant = if n.is_multiple_of(2) { "default".to_owned() } else { format!("tenant{}", n / 2 * 20 / 500_000 % 20) };
    let model = if n % 5000 == 7 { "T29G" } else { ["T46S", "T42S", "T48S", "T41S", "T27G"][(mix % 5) as usize] };
    let state = if mix % 2000 == 3 { "disabled" } else { "ready" };
    let place = ["Berlin", "Paris", "Rome", "Oslo", "Zürich"][(mix / 7 % 5) as usize];
    let tags = if n % 10_000 == 5 { "floor1;vip" } else { ["floor1", "floor2", "floor3", ""][(mix / 3 % 4) as usize] };
    let profiles = if n % 20_000 == 11 { "all;rare" } else { "all" };
    format!("{},{tenant},{model},{state},Desk {} {place},{place} {},{tags},{profiles},u{n},pass-{mix}\n", mac(n), mix % 100_000, mix % 97)
}
