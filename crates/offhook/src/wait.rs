//! Waiting for the end of a job, with a bar on the terminal meanwhile.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use clap::Args;
use serde_json::{Value, json};

use crate::{
    client::Client,
    commands::job::progress,
    failure::{Failure, Outcome},
    output::{Output, member},
};

/// Between two looks at a job.
const BETWEEN: Duration = Duration::from_millis(200);
/// Columns of the bar.
const BAR: usize = 30;

/// Whether a command waits for what it started.
#[derive(Args, Debug, Clone, Copy, Default)]
pub struct Waiting {
    /// Do not wait for the end: tell the job's id and go
    #[arg(long)]
    pub no_wait: bool,
}

impl Waiting {
    /// The job at its end, or as it is when nobody is to wait. Then the job is told: where to look at it.
    pub async fn follow(self, out: &mut Output<'_>, client: &Client, job: Value) -> Outcome<Option<Value>> {
        if self.no_wait {
            if !out.as_json(&job)? {
                out.line(format!("Started. See how far it is: offhook job show {}", member(&job, "id")))?;
            }
            return Ok(None);
        }
        until_the_end(client, job).await.map(Some)
    }
}

/// Looks at a job until it ended.
pub async fn until_the_end(client: &Client, mut job: Value) -> Outcome<Value> {
    let id = member(&job, "id");
    let terminal = io::stderr().is_terminal();
    // One for the whole wait: pressed while an answer is read, it is not lost.
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    while !ended(&job) {
        if terminal {
            draw(&bar_of(&job))?;
        }
        tokio::select! {
            () = tokio::time::sleep(BETWEEN) => {}
            _ = &mut interrupted => {
                if terminal {
                    draw("")?;
                }
                return Err(Failure::Interrupted(format!(
                    "no longer waiting; the work goes on in the server\nSee how far it is, wait for it again, or stop it:\n\
                     offhook job show {id}\noffhook job show {id} --wait\noffhook job cancel {id}"
                )));
            }
        }
        job = client.get(&["jobs", &id], &[]).await?;
    }
    if terminal {
        draw("")?;
    }
    Ok(job)
}

/// A failure with what went wrong, unless the job did what it was asked.
pub fn ended_well(job: &Value) -> Outcome {
    let errors = job.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let told: Vec<String> = errors
        .iter()
        .map(|e| match member(e, "subject") {
            subject if subject.is_empty() => member(e, "message"),
            subject => format!("{subject}: {}", member(e, "message")),
        })
        .collect();
    match member(job, "state").as_str() {
        "done" => Ok(()),
        "cancelled" => Err(Failure::Failed("it was cancelled; what it did until then stays done".to_owned())),
        _ => Err(Failure::Failed(told.join("\n"))),
    }
}

fn ended(job: &Value) -> bool {
    matches!(member(job, "state").as_str(), "done" | "failed" | "cancelled")
}

pub(crate) fn draw(line: &str) -> Outcome {
    let mut terminal = io::stderr().lock();
    write!(terminal, "\r\x1b[K{line}")?;
    terminal.flush()?;
    Ok(())
}

/// `[######------------------------] 12 of 60 devices`
pub(crate) fn bar(done: u64, total: u64, unit: &str) -> String {
    bar_of(&json!({ "progress": { "done": done, "total": total, "unit": unit } }))
}

fn bar_of(job: &Value) -> String {
    let number = |name: &str| job.pointer(&format!("/progress/{name}")).and_then(Value::as_u64);
    let told = match progress(job) {
        text if text.is_empty() => member(job, "state"),
        text => text,
    };
    let Some((done, total)) = number("done").zip(number("total")).filter(|(_, total)| *total > 0) else { return told };
    let full = usize::try_from(done.saturating_mul(BAR as u64) / total).unwrap_or(BAR).min(BAR);
    format!("[{}{}] {told}", "#".repeat(full), "-".repeat(BAR - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_grows_and_never_beyond_its_end() {
        let job =
            |done: u64, total: Option<u64>| json!({"state": "running", "progress": {"done": done, "total": total, "unit": "devices"}});
        assert_eq!(bar_of(&job(15, Some(30))), format!("[{}{}] 15 of 30 devices", "#".repeat(15), "-".repeat(15)));
        assert!(bar_of(&job(90, Some(30))).starts_with(&format!("[{}]", "#".repeat(30))));
        assert_eq!(bar_of(&job(7, None)), "7 devices");
        assert_eq!(bar_of(&json!({"state": "queued", "progress": {"done": 0, "total": null, "unit": ""}})), "queued");
    }

    #[test]
    fn the_end_of_a_job_is_the_end_of_the_command() {
        assert_eq!(ended_well(&json!({"state": "done"})), Ok(()));
        let failed = json!({"state": "failed", "errors": [{"subject": "a.tpl", "message": "odd"}, {"subject": "", "message": "the end"}]});
        assert_eq!(ended_well(&failed), Err(Failure::Failed("a.tpl: odd\nthe end".to_owned())));
        assert!(ended_well(&json!({"state": "cancelled"})).is_err());
    }
}
