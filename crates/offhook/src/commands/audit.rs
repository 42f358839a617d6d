//! `offhook audit`: who did what.

use std::{collections::BTreeSet, time::Duration};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{at_least_one, history, more};
use crate::{
    client::{Client, Connection},
    failure::Outcome,
    output::{Output, items, member},
};

/// While following, so often it is asked again.
const AGAIN: Duration = Duration::from_secs(2);
/// So many entries are asked for at once while following.
const AT_ONCE: usize = 200;

/// Who did what, when, from where, and what changed
#[derive(Args, Debug)]
#[command(after_help = "\
Every write is told, and who looked at secrets. Secrets themselves are not: a
changed one is a mask on both sides.

Examples:
  offhook audit list --subject 00:15:65:aa:bb:cc
  offhook audit list --action delete --since 2026-11-01
  offhook audit list --follow
  offhook audit show 0192f0c1-8a2e-7bbb-8000-2f1f0d6c9a11")]
pub struct Audit {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List what was done, the newest first
    List(List),
    /// Everything about one entry
    Show {
        /// Its id, from `offhook audit list --json`
        #[arg(value_name = "ENTRY")]
        id: String,
    },
}

#[derive(Args, Debug)]
struct List {
    /// Only about one thing: its id, MAC address or name
    #[arg(long, value_name = "THING")]
    subject: Option<String>,
    /// Only about such: device, profile, account, token …
    #[arg(long)]
    noun: Option<String>,
    /// Only this: create, update, delete, restore, reveal …
    #[arg(long)]
    action: Option<String>,
    /// Only by this token, by its id
    #[arg(long, value_name = "ID")]
    by: Option<String>,
    /// Only about what is of a tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only from this day or moment on, UTC: 2026-11-01 or 2026-11-01T08:30:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only before this day or moment
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Go on as things are done; end with Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Most entries
    #[arg(long, default_value_t = 20, value_parser = at_least_one())]
    limit: usize,
}

impl Audit {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::List(list) if list.follow => list.follow(out, &client).await,
            Verb::List(wanted) => {
                let list = client.list(&["audit"], &wanted.query(), wanted.limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                out.now = client.now();
                if items(&list).is_empty() {
                    return out.line("Nothing was done that fits.");
                }
                for (n, entry) in items(&list).iter().enumerate() {
                    if n > 0 {
                        out.line("")?;
                    }
                    show(out, entry)?;
                }
                more(out, &list)
            }
            Verb::Show { id } => {
                let entry = client.get(&["audit", &id], &[]).await?;
                if out.as_json(&entry)? {
                    return Ok(());
                }
                out.now = client.now();
                show(out, &entry)?;
                out.line("")?;
                let fields = ["id", "by.token", "subject", "tenant", "revision"].map(|name| (name, member(&entry, name)));
                out.fields(&fields)
            }
        }
    }
}

impl List {
    fn query(&self) -> [(&'static str, Option<String>); 7] {
        [
            ("subject", self.subject.clone()),
            ("noun", self.noun.clone()),
            ("action", self.action.clone()),
            ("token", self.by.clone()),
            ("tenant", self.tenant.clone()),
            ("since", self.since.as_deref().map(moment)),
            ("until", self.until.as_deref().map(moment)),
        ]
    }

    /// Asks again and again, and tells what was not told yet, the oldest first.
    async fn follow(&self, out: &mut Output<'_>, client: &Client) -> Outcome {
        let mut told: BTreeSet<String> = BTreeSet::new();
        let mut first = true;
        loop {
            let list = client.list(&["audit"], &self.query(), if first { self.limit.min(AT_ONCE) } else { AT_ONCE }).await?;
            out.now = client.now();
            let seen: BTreeSet<String> = items(&list).iter().map(|e| member(e, "id")).collect();
            // Ids grow with time: what is older than all that was told was told, or is not wanted.
            let least = told.first().cloned().unwrap_or_default();
            for entry in items(&list).iter().rev().filter(|e| member(e, "id") > least && !told.contains(&member(e, "id"))) {
                if out.json {
                    out.json_line(entry)?;
                } else {
                    show(out, entry)?;
                    out.line("")?;
                }
            }
            if !seen.is_empty() {
                told = seen;
            }
            first = false;
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// A day as the moment it begins.
fn moment(text: &str) -> String {
    if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() }
}

fn show(out: &mut Output<'_>, entry: &Value) -> Outcome {
    let what = out.strong(&format!("{} {} {}", member(entry, "action"), member(entry, "noun"), member(entry, "name")));
    out.long_line(&what)?;
    let when = out.when(&member(entry, "at"));
    out.paragraph("  ", &format!("{when}, {}", history::by(entry)))?;
    let detail = member(entry, "detail");
    if !detail.is_empty() {
        out.paragraph("  ", &detail)?;
    }
    history::changes(out, entry.get("changes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default())?;
    match entry.get("more_changes").and_then(Value::as_u64) {
        Some(n) if n > 0 => out.line(format!("  and {n} more")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_fits_the_screen() {
        let entry = json!({
            "id": "x", "at": "2026-11-21T10:00:00Z", "action": "update", "noun": "device", "name": "00:15:65:aa:bb:cc", "detail": "",
            "by": { "token": "t", "label": "Anna", "from": "10.0.0.9" }, "more_changes": 2,
            "changes": [
                { "path": "label", "before": null, "after": "Front desk" },
                { "path": "lines.1.password", "before": "********", "after": "********" },
                { "path": "lines.1.codecs", "before": ["pcma"], "after": vec!["opus", "g722", "pcma", "pcmu", "g729", "ilbc", "g726-32", "amr"] },
            ],
        });
        let mut bytes = Vec::new();
        show(&mut Output::plain(&mut bytes, "2026-11-21T10:03:00Z"), &entry).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
        assert!(text.starts_with("update device 00:15:65:aa:bb:cc\n  2026-11-21 10:00:00 UTC (3 min ago), Anna from 10.0.0.9\n"), "{text}");
        assert!(
            text.contains("  + label: \"Front desk\"\n  ~ lines.1.password: ******** (changed)\n  - lines.1.codecs: [\"pcma\"]\n"),
            "{text}"
        );
        assert!(text.ends_with("  and 2 more\n"), "{text}");
    }
}
