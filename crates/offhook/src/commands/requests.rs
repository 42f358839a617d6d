//! `offhook requests`: what phones asked, and what they ask now.

use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use offhook_core::{Mac, trace::Reason};
use serde_json::Value;

use super::{at_least_one, more, none};
use crate::{
    client::{Client, Connection},
    explain,
    failure::{Failure, Outcome},
    output::{Output, items, member, moment, size},
};

/// Show what phones asked for, what they got, and why not
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  offhook requests --follow
  offhook requests --device 00:15:65:aa:bb:cc --trace
  offhook requests --decision refused --limit 20
  offhook requests 01a1fde3-cfae-7588-b2bf-72f9b2c1cf3f")]
pub struct Requests {
    /// One request with what each step saw, by the id that the log and --json tell
    #[arg(conflicts_with_all = ["follow", "device", "ip", "decision", "tenant", "limit"])]
    id: Option<String>,
    /// Go on as requests come; end with Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Only those of this phone: MAC or id
    #[arg(long, value_name = "MAC")]
    device: Option<String>,
    /// Only those from this address
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<String>,
    /// Only those with this decision: allowed, challenged, refused
    #[arg(long)]
    decision: Option<String>,
    /// Only those of a tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Show what each step saw and decided
    #[arg(long)]
    trace: bool,
    /// Most requests
    #[arg(long, default_value_t = 20, value_parser = at_least_one())]
    limit: usize,
    #[command(flatten)]
    connection: Connection,
}

/// What is said when nobody asked.
const NONE: &str = "No phone has asked for anything yet. See what would happen: offhook simulate --help";
/// After a stream that told nothing, so long until it is asked again.
const AGAIN: Duration = Duration::from_secs(1);

impl Requests {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        if let Some(id) = &self.id {
            let request = client.get(&["requests", id], &[]).await?;
            return if out.as_json(&request)? { Ok(()) } else { line(out, &request, true, &[]) };
        }
        let query = [
            ("device", self.device.clone()),
            ("ip", self.ip.clone()),
            ("decision", self.decision.clone()),
            ("tenant", self.tenant.clone()),
        ];
        if self.follow {
            return self.follow(out, &client, &query).await;
        }
        let list = client.list(&["requests"], &query, self.limit).await?;
        if out.as_json(&list)? {
            return Ok(());
        }
        if items(&list).is_empty() {
            return out.paragraph("", none(&query, NONE));
        }
        show(out, &list, self.trace, &[])?;
        more(out, &list)
    }

    /// Streams; a stream that ends is taken up where it ended.
    async fn follow(&self, out: &mut Output<'_>, client: &Client, query: &[(&str, Option<String>)]) -> Outcome {
        let mut last: Option<String> = None;
        let mut told = Events::default();
        loop {
            let answer = client.stream(&["requests", "stream"], query, last.as_deref()).await?;
            if last.is_none() && !out.json {
                eprintln!("Waiting for requests of phones; end with Ctrl-C.");
            }
            let mut bytes = answer.bytes_stream();
            let before = last.clone();
            while let Some(Ok(chunk)) = bytes.next().await {
                for data in told.feed(&chunk) {
                    let request: Value =
                        serde_json::from_str(&data).map_err(|e| Failure::Failed(format!("an event cannot be read: {e}")))?;
                    last = Some(member(&request, "id"));
                    if out.json { out.json_line(&request)? } else { line(out, &request, self.trace, &[])? }
                }
            }
            told = Events::default();
            if last == before {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// A list, the oldest first, as a log reads. What to do about these reasons is said elsewhere.
pub(super) fn show(out: &mut Output<'_>, list: &Value, trace: bool, elsewhere: &[Reason]) -> Outcome {
    if items(list).is_empty() {
        return out.paragraph("", NONE);
    }
    items(list).iter().rev().try_for_each(|request| line(out, request, trace, elsewhere))
}

/// One request; what went wrong and what to do below it.
fn line(out: &mut Output<'_>, request: &Value, trace: bool, elsewhere: &[Reason]) -> Outcome {
    let bytes = request.get("bytes").and_then(Value::as_u64).unwrap_or(0);
    let decision = member(request, "decision");
    let reason = request.get("reason").unwrap_or(&Value::Null);
    let given = if decision == "allowed" { format!("{}, {}", status(request), size(bytes)) } else { status(request) };
    let word = explain::decision(out, &decision);
    out.long_line(&format!(
        "{}  {}  {} {} {}",
        moment(&member(request, "at")),
        member(request, "ip"),
        member(request, "transport"),
        member(request, "method"),
        member(request, "path"),
    ))?;
    out.paragraph("    ", &format!("{word} ({given}): {}", explain::reason(reason)))?;
    let user_agent = member(request, "user_agent");
    if !user_agent.is_empty() {
        out.paragraph("    ", &format!("User-Agent {user_agent}"))?;
    }
    if trace {
        explain::steps(out, request.get("trace").unwrap_or(&Value::Null))?;
    }
    if explain::known(reason).is_some_and(|r| elsewhere.contains(&r)) {
        return Ok(());
    }
    match explain::advice(reason, &phone(request), &member(request, "ip")) {
        Some(next) => out.paragraph("    ", &format!("→ {next}")),
        None => Ok(()),
    }
}

/// What the phone can be named by: the MAC that it told, else the device's id.
fn phone(request: &Value) -> String {
    let steps = request.get("trace").and_then(Value::as_array).into_iter().flatten();
    let words = steps.flat_map(|step| member(step, "says").split([' ', ';']).map(str::to_owned).collect::<Vec<_>>());
    let mac = words.filter(|w| w.contains(':')).find_map(|w| w.parse::<Mac>().ok());
    mac.map_or_else(|| member(request, "device"), |mac| mac.to_string())
}

/// HTTP's number, or what TFTP says.
pub(super) fn status(request: &Value) -> String {
    match request.get("status").and_then(Value::as_u64).unwrap_or(0) {
        code if code >= 1000 => format!("TFTP error {}", code - 1000),
        // TFTP has no word for it: the file was sent.
        200 if member(request, "transport") == "tftp" => "sent".to_owned(),
        code => code.to_string(),
    }
}

/// Server-sent events (HTML Living Standard, section 9.2), as far as their data goes.
#[derive(Default)]
struct Events {
    line: Vec<u8>,
    data: Option<String>,
}

impl Events {
    /// The data of every event that these bytes complete.
    fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut whole = Vec::new();
        for &byte in bytes {
            if byte != b'\n' {
                self.line.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                whole.extend(self.data.take());
            } else if let Some(text) = line.strip_prefix("data:") {
                let text = text.strip_prefix(' ').unwrap_or(text);
                match &mut self.data {
                    Some(data) => *data = format!("{data}\n{text}"),
                    None => self.data = Some(text.to_owned()),
                }
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn events_come_in_any_pieces() {
        let text = "event: request\nid: 1\ndata: {\"a\":1}\n\n: still here\n\ndata:x\r\ndata: y\r\n\r\ndata: cut";
        for size in [1, 7, text.len()] {
            let mut events = Events::default();
            let found: Vec<String> = text.as_bytes().chunks(size).flat_map(|c| events.feed(c)).collect();
            assert_eq!(found, ["{\"a\":1}", "x\ny"]);
        }
    }

    #[test]
    fn a_refused_request_says_why_and_what_to_do() {
        let list = json!({"items": [
            {"id": "2", "at": "2026-11-21T04:00:02.000Z", "ip": "10.0.0.9", "transport": "tftp", "method": "RRQ", "path": "X\u{1b}.cnf",
             "user_agent": null, "status": 1001, "bytes": 0, "device": "d1", "decision": "refused",
             "reason": "the device is disabled: it gets a stranger's answer", "trace": [{"step": "gate", "says": "mac 00:11:22:33:44:55; trusted"}]},
            {"id": "1", "at": "2026-11-21T04:00:01.000Z", "ip": "10.0.0.8", "transport": "http", "method": "GET", "path": "/a.cfg",
             "user_agent": "Phone", "status": 200, "bytes": 2048, "device": null, "decision": "allowed",
             "reason": "the file holds no credentials and the source is in a trusted network", "trace": []}]});
        let mut bytes = Vec::new();
        show(&mut Output::plain(&mut bytes, "2026-11-21T04:00:09Z"), &list, true, &[]).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "2026-11-21 04:00:01  10.0.0.8  http GET /a.cfg
    allowed (200, 2.0 KiB): the file holds no credentials and the source is in a
    trusted network
    User-Agent Phone
2026-11-21 04:00:02  10.0.0.9  tftp RRQ X\\u{1b}.cnf
    refused (TFTP error 1): the device is disabled: it gets a stranger's answer
  1 gate: May this source ask?
      mac 00:11:22:33:44:55; trusted
    → To serve it again:
      offhook device approve 00:11:22:33:44:55
"
        );
    }
}
