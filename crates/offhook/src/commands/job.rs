//! `offhook job`: long work that somebody started.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{at_least_one, more, none};
use crate::{
    client::{Client, Connection},
    failure::Outcome,
    output::{Output, items, member, size},
    wait,
};

/// Long work: how far it is, and stopping it
#[derive(Args, Debug)]
#[command(after_help = "\
Commands that take long start a job and wait for it; with --no-wait they tell its
id and leave it alone.

Examples:
  offhook job list
  offhook job show 0192f0c1-8a2e-7bbb-8000-2f1f0d6c9a11
  offhook job cancel 0192f0c1-8a2e-7bbb-8000-2f1f0d6c9a11")]
pub struct Job {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List jobs, the newest first
    List {
        /// Only this state: queued, running, done, failed, cancelled
        #[arg(long)]
        state: Option<String>,
        /// Most lines
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
    /// Everything about one job
    Show {
        /// Its id
        #[arg(value_name = "JOB")]
        job: String,
        /// Wait for its end
        #[arg(long)]
        wait: bool,
    },
    /// Stop jobs; what they did stays done. Those that ended are forgotten
    Cancel {
        /// Their ids
        #[arg(required = true, value_name = "JOB")]
        jobs: Vec<String>,
    },
}

impl Job {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::List { state, limit } => {
                let query = [("state", state)];
                let list = client.list(&["jobs"], &query, limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                out.now = client.now();
                let row = |job: &Value| {
                    let at = out.ago(&member(job, "created_at"));
                    vec![member(job, "id"), member(job, "kind"), member(job, "state"), at, member(job, "subject")]
                };
                let rows = items(&list).iter().map(row).collect();
                out.table(&["job", "kind", "state", "started", "about"], rows, none(&query, "There are no jobs."))?;
                more(out, &list)
            }
            Verb::Show { job, wait } => {
                let mut shown = client.get(&["jobs", &job], &[]).await?;
                if wait {
                    shown = wait::until_the_end(&client, shown).await?;
                }
                if !out.as_json(&shown)? {
                    out.now = client.now();
                    show(out, &shown)?;
                }
                if wait { wait::ended_well(&shown) } else { Ok(()) }
            }
            Verb::Cancel { jobs } => {
                for job in &jobs {
                    client.delete(&["jobs", job], &[]).await?;
                    if !out.json {
                        out.line(format!("{job} is cancelled."))?;
                    }
                }
                out.as_json(&json!({ "cancelled": jobs })).map(|_| ())
            }
        }
    }
}

fn show(out: &mut Output<'_>, job: &Value) -> Outcome {
    let when = |name: &str| Some(member(job, name)).filter(|t| !t.is_empty()).map(|t| out.when(&t)).unwrap_or_default();
    let counts = job.get("counts").and_then(Value::as_object);
    let counts: Vec<String> = counts.into_iter().flatten().map(|(name, n)| format!("{n} {}", name.replace('_', " "))).collect();
    let fields = [
        ("job", member(job, "id")),
        ("kind", member(job, "kind")),
        ("about", member(job, "subject")),
        ("state", member(job, "state")),
        ("progress", progress(job)),
        ("counts", counts.join(", ")),
        ("asked for", when("created_at")),
        ("began", when("started_at")),
        ("ended", when("ended_at")),
    ];
    out.fields(&fields)?;
    errors(out, job)
}

/// What went wrong in a job, one line each.
pub fn errors(out: &mut Output<'_>, job: &Value) -> Outcome {
    let errors = job.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for error in errors {
        let line = match member(error, "subject") {
            subject if subject.is_empty() => member(error, "message"),
            subject => format!("{subject}: {}", member(error, "message")),
        };
        let line = out.bad(&line);
        out.paragraph("", &line)?;
    }
    match job.get("more_errors").and_then(Value::as_u64) {
        Some(n) if n > 0 => out.line(format!("and {n} more")),
        _ => Ok(()),
    }
}

/// `12 of 400 devices`
pub fn progress(job: &Value) -> String {
    let unit = member(job, "progress.unit");
    let number = |name: &str| job.pointer(&format!("/progress/{name}")).and_then(Value::as_u64);
    let (Some(done), total) = (number("done"), number("total")) else { return String::new() };
    match (unit.as_str(), total) {
        ("", _) => String::new(),
        ("bytes", None) => size(done),
        ("bytes", Some(total)) => format!("{} of {}", size(done), size(total)),
        (unit, None) => format!("{done} {unit}"),
        (unit, Some(total)) => format!("{done} of {total} {unit}"),
    }
}
