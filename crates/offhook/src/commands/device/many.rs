//! `offhook device set --to-pack` and `offhook device sync`: what concerns many devices, and telling phones to read their files again.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::fit::Fitting;
use crate::{
    client::Client,
    commands::{document, put, shelf},
    failure::{Failure, Outcome},
    output::{Output, member},
    wait::{self, Waiting},
};

/// How phones are told.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum How {
    /// Read the files again
    Reload,
    /// Start anew
    Reboot,
}

impl How {
    fn name(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Reboot => "reboot",
        }
    }
}

/// Which phones to tell, and how.
#[derive(Args, Debug)]
pub struct Sync {
    /// MAC addresses, in any spelling, or ids
    #[arg(value_name = "MAC")]
    devices: Vec<String>,
    /// The same as a MAC address alone
    #[arg(long = "mac", value_name = "MAC")]
    macs: Vec<String>,
    #[command(flatten)]
    selector: Selector,
    #[command(flatten)]
    fitting: Fitting,
    /// Restart them
    #[arg(long)]
    reboot: bool,
}

/// Many devices at once.
#[derive(Args, Debug, Default)]
pub struct Selector {
    /// Those of a pack, as `offhook device list` shows it
    #[arg(long, value_name = "PACK")]
    pack: Option<String>,
    /// Those of a family
    #[arg(long)]
    vendor: Option<String>,
    /// Those of a model
    #[arg(long)]
    model: Option<String>,
    /// Those with a profile
    #[arg(long)]
    profile: Option<String>,
    /// Those with a tag
    #[arg(long)]
    tag: Option<String>,
    /// Those of a tenant
    #[arg(long)]
    tenant: Option<String>,
}

impl Selector {
    /// As the API takes it.
    pub fn document(&self) -> Value {
        let mut selector = document();
        let Self { pack, vendor, model, profile, tag, tenant } = self;
        for (name, value) in [("pack", pack), ("vendor", vendor), ("model", model), ("profile", profile), ("tag", tag), ("tenant", tenant)]
        {
            put(&mut selector, name, value.clone());
        }
        selector
    }
}

impl Sync {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>, client: &Client) -> Outcome {
        let action = if self.reboot { How::Reboot } else { How::Reload };
        let mut selector = self.selector.document();
        for (field, value) in self.fitting.selector()?.as_object().into_iter().flatten() {
            selector[field] = value.clone();
        }
        let one_by_one: Vec<&String> = self.devices.iter().chain(&self.macs).collect();
        if (selector == document()) == one_by_one.is_empty() {
            return Err(Failure::Usage("which phones? Give MAC addresses, or --where FIELD=VALUE, such as --where model=T46S".to_owned()));
        }
        if one_by_one.is_empty() {
            if self.fitting.is_given() {
                self.fitting.agreed(client, &json!({ "sync": action.name() }), "told").await?;
            }
            let body = json!({ "selector": selector, "action": { "sync": action.name() } });
            let job = client.post(&["devices:bulk"], &[], &body).await?;
            return self.ended(out, client, job, "synced").await;
        }
        // All are told before the first is waited for: one that is off costs the others no time.
        let (mut jobs, mut refused) = (Vec::new(), Vec::new());
        for device in &one_by_one {
            match client.post(&["devices", device, "sync"], &[], &json!({ "action": action.name() })).await {
                Ok(job) => jobs.push(job),
                Err(failure) if one_by_one.len() == 1 => return Err(failure),
                Err(failure) => refused.push(format!("{device}: {failure}")),
            }
        }
        let mut failed = refused.len();
        if let (true, false) = (out.json, one_by_one.len() == 1) {
            let mut ended = Vec::new();
            for job in jobs {
                let job = if self.fitting.waiting.no_wait { job } else { wait::until_the_end(client, job).await? };
                failed += usize::from(!taken(&job));
                ended.push(job);
            }
            out.as_json(&json!({ "items": ended }))?;
        } else {
            for job in jobs {
                match self.ended(out, client, job, "devices").await {
                    Ok(()) => {}
                    Err(Failure::Failed(_)) => failed += 1,
                    // Who no longer waits, or cannot ask, learns nothing of the others either.
                    Err(failure) => return Err(failure),
                }
            }
        }
        refused.insert(0, format!("{failed} of {} did not take it", one_by_one.len()));
        if failed == 0 { Ok(()) } else { Err(Failure::Failed(refused.join("\n"))) }
    }

    async fn ended(&self, out: &mut Output<'_>, client: &Client, job: Value, list: &str) -> Outcome {
        let Some(job) = self.fitting.waiting.follow(out, client, job).await? else { return Ok(()) };
        if !out.as_json(&job)? {
            answers(out, &job, list)?;
        }
        wait::ended_well(&job)?;
        match job.pointer("/counts/not_taken").and_then(Value::as_u64) {
            None | Some(0) => Ok(()),
            Some(n) => Err(Failure::Failed(format!("{n} did not take it"))),
        }
    }
}

/// Whether every phone of a job took it, as far as it is known.
fn taken(job: &Value) -> bool {
    member(job, "state") != "failed" && matches!(job.pointer("/counts/not_taken").and_then(Value::as_u64), None | Some(0))
}

/// What each phone answered.
pub fn answers(out: &mut Output<'_>, job: &Value, list: &str) -> Outcome {
    for answer in job.pointer(&format!("/result/{list}")).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default() {
        let text = format!("{}: {}", member(answer, "device"), member(answer, "says"));
        let text = if member(answer, "taken") == "true" { text } else { out.bad(&text) };
        out.paragraph("", &text)?;
    }
    Ok(())
}

/// All devices of a pack become those of another.
#[derive(Args, Debug, Default)]
pub struct Mass {
    /// All devices of --pack get this pack; looks at every one first
    #[arg(long, value_name = "NEW", conflicts_with = "device", requires = "pack")]
    pub to_pack: Option<String>,
    /// With --to-pack: tell the phones afterwards [default: reboot]
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_missing_value = "reboot", requires = "to_pack")]
    sync: Option<How>,
    /// With --to-pack: also when devices would fail by it
    #[arg(long, requires = "to_pack")]
    force: bool,
}

impl Mass {
    /// Does it.
    pub async fn run(
        &self,
        out: &mut Output<'_>,
        client: &Client,
        (old, new): (Option<&str>, &str),
        waiting: Waiting,
        dry_run: bool,
    ) -> Outcome {
        let sync = self.sync.map_or("none", How::name);
        let body = json!({ "selector": { "pack": old }, "action": { "change_pack": new, "sync": sync },
                           "dry_run": dry_run, "force": self.force });
        let job = client.post(&["devices:bulk"], &[], &body).await?;
        let Some(job) = waiting.follow(out, client, job).await? else { return Ok(()) };
        if out.as_json(&job)? {
            return wait::ended_well(&job);
        }
        let result = job.get("result").cloned().unwrap_or_default();
        shelf::told(out, &result, false)?;
        wait::ended_well(&job)?;
        let count = |name: &str| job.pointer(&format!("/counts/{name}")).and_then(Value::as_u64).unwrap_or(0);
        if dry_run {
            crate::commands::job::errors(out, &job)?;
            out.dry = true;
            return out.line(format!("{} devices would get {new}.", member(&result, "devices")));
        }
        out.line(format!("{} devices have {new} now.", count("changed")))?;
        if self.sync.is_some() {
            answers(out, &job, "synced")?;
            out.line(format!("{} phones took it, {} did not.", count("taken"), count("not_taken")))?;
        }
        Ok(())
    }
}
