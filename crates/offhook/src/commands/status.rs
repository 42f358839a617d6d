//! `offhook status`: the server on one page.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    client::{Client, Connection},
    explain,
    failure::Outcome,
    output::{Output, items, member},
};

/// So many devices are counted one by one.
const COUNTED: usize = 500;
/// So many refused requests are shown.
const REFUSED: usize = 5;

/// Show the server on one page: devices, packs, work, who was refused
#[derive(Args, Debug)]
pub struct Status {
    #[command(flatten)]
    connection: Connection,
}

impl Status {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        let mut counts = json!({});
        for (name, filter) in [
            ("pending", ("state", "pending")),
            ("ready", ("state", "ready")),
            ("disabled", ("state", "disabled")),
            ("outdated", ("sync", "outdated")),
        ] {
            counts[name] = count(&client, filter).await?;
        }
        let packs = client.list(&["packs"], &[], COUNTED).await?;
        let jobs = client.list(&["jobs"], &[("state", Some("running".to_owned()))], COUNTED).await?;
        let refused = client.list(&["requests"], &[("decision", Some("refused".to_owned()))], REFUSED).await?;
        let seen = json!({ "server": client.address(), "ready": client.is_ready().await?, "devices": counts, "packs": items(&packs),
                           "jobs": items(&jobs), "refused": items(&refused) });
        if out.as_json(&seen)? {
            return Ok(());
        }
        out.now = client.now();
        show(out, &seen)
    }
}

/// How many devices fit; `more` when they were not counted to the end.
async fn count(client: &Client, (field, value): (&str, &str)) -> Outcome<Value> {
    let list = client.list(&["devices"], &[(field, Some(value.to_owned()))], COUNTED).await?;
    let more = list.get("next_cursor").is_some_and(|c| !c.is_null());
    Ok(json!({ "count": items(&list).len(), "more": more }))
}

fn show(out: &mut Output<'_>, seen: &Value) -> Outcome {
    let number = |name: &str| {
        let more = if member(seen, &format!("devices.{name}.more")) == "true" { " and more" } else { "" };
        format!("{}{more}", member(seen, &format!("devices.{name}.count")))
    };
    let list = |name: &str| seen.get(name).map(items).unwrap_or_default();
    let ready = match member(seen, "ready").as_str() {
        "true" => out.good("it can serve"),
        _ => out.bad("it cannot serve: its /readyz says why (offhook health)"),
    };
    let packs: Vec<String> = list("packs").iter().map(|p| format!("{} {}", member(p, "id"), member(p, "version"))).collect();
    let jobs: Vec<String> = list("jobs").iter().map(|j| format!("{} {}", member(j, "kind"), crate::commands::job::progress(j))).collect();
    let outdated = match number("outdated").as_str() {
        "0" => "none: every phone that fetched its file has today's".to_owned(),
        n => format!("{n}: they fetch at their next boot or check"),
    };
    out.fields(&[
        ("Server", member(seen, "server")),
        ("State", ready),
        ("Devices", format!("{} ready, {} pending, {} disabled", number("ready"), number("pending"), number("disabled"))),
        ("Outdated", outdated),
        ("Packs", packs.join(", ")),
        ("Running jobs", jobs.join(", ")),
    ])?;
    if !list("refused").is_empty() {
        out.heading("Refused last")?;
        let row = |r: &Value| {
            vec![out.ago(&member(r, "at")), member(r, "path"), member(r, "ip"), explain::reason(r.get("reason").unwrap_or(&Value::Null))]
        };
        let rows = list("refused").iter().map(row).collect();
        out.table(&["when", "file", "from", "why"], rows, "")?;
    }
    let mut next = Vec::new();
    if number("pending") != "0" {
        next.push("Look at the phones that wait to be approved:\noffhook device list --state pending");
    }
    if number("outdated") != "0" {
        next.push("Have those that are behind fetch now:\noffhook device sync --where sync=outdated");
    }
    if !list("refused").is_empty() {
        next.push("See what each step decided, and the remedy:\noffhook requests --decision refused --trace");
    }
    if next.is_empty() {
        return Ok(());
    }
    out.heading("What to do next")?;
    next.iter().try_for_each(|step| out.paragraph("  ", step))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_page_of_80_columns_says_what_waits() {
        let seen = json!({"server": "http://127.0.0.1:8666", "ready": true, "packs": [{"id": "acme", "version": "1.0.0"}], "jobs": [],
            "devices": {"ready": {"count": 500, "more": true}, "pending": {"count": 2}, "disabled": {"count": 0}, "outdated": {"count": 0}},
            "refused": [{"at": "2026-11-21T03:57:00.000Z", "path": "/001122334455.cfg", "ip": "203.0.113.9", "reason": "stranger"}]});
        let mut bytes = Vec::new();
        show(&mut Output::plain(&mut bytes, "2026-11-21T04:00:00Z"), &seen).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        for expected in ["500 and more ready, 2 pending, 0 disabled", "acme 1.0.0", "203.0.113.9", "offhook device list --state pending"] {
            assert!(text.contains(expected), "{expected} not in {text}");
        }
        assert!(!text.contains("sync=outdated"), "{text}");
    }
}
