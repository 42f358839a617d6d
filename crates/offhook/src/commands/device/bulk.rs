//! One change for many devices: settings, labels, tags, profiles, states, deletion.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    client::Client,
    commands::{document, job::errors, put},
    failure::{Failure, Outcome},
    output::{Output, member},
    wait::{self, Waiting},
};

/// Devices that are many, and what comes to their lists or goes from them.
#[derive(Args, Debug, Default)]
pub struct Many {
    /// Every device; without a MAC address --pack, --model, --vendor, --profile, --tag, --tenant and --state say which
    #[arg(long, conflicts_with = "device")]
    pub all: bool,
    /// Without a MAC address: those whose MAC, label, location or model holds this
    #[arg(long, value_name = "TEXT", conflicts_with = "device")]
    pub q: Option<String>,
    /// A tag that comes to those they have; for many devices
    #[arg(long, value_name = "TAG", conflicts_with = "device")]
    add_tag: Vec<String>,
    /// A tag that goes; for many devices
    #[arg(long, value_name = "TAG", conflicts_with = "device")]
    remove_tag: Vec<String>,
    /// A profile that comes after those they have; for many devices
    #[arg(long, value_name = "NAME", conflicts_with = "device")]
    add_profile: Vec<String>,
    /// A profile that goes; for many devices
    #[arg(long, value_name = "NAME", conflicts_with = "device")]
    remove_profile: Vec<String>,
}

impl Many {
    /// What the lists become, as the server takes it.
    pub fn action(&self) -> Value {
        let mut action = document();
        for (name, tags, profiles) in [("add", &self.add_tag, &self.add_profile), ("remove", &self.remove_tag, &self.remove_profile)] {
            let mut names = document();
            put(&mut names, "tags", (!tags.is_empty()).then(|| tags.clone()));
            put(&mut names, "profiles", (!profiles.is_empty()).then(|| profiles.clone()));
            put(&mut action, name, (names != document()).then_some(names));
        }
        action
    }
}

/// Does one thing with all devices of a selector, and tells what became of them.
pub async fn run(out: &mut Output<'_>, client: &Client, selector: Value, action: Value, waiting: Waiting) -> Outcome {
    let dry = out.dry;
    let job = client.post(&["devices:bulk"], &[], &json!({ "selector": selector, "action": action })).await?;
    let Some(job) = waiting.follow(out, client, job).await? else { return Ok(()) };
    if !out.as_json(&job)? {
        tell(out, &job, dry)?;
    }
    wait::ended_well(&job)?;
    let count = |name: &str| job.pointer(&format!("/counts/{name}")).and_then(Value::as_u64).unwrap_or(0);
    match count("not_changed") + count("not_deleted") {
        0 => Ok(()),
        n => Err(Failure::Failed(format!("{n} devices stay as they are; see above why"))),
    }
}

fn tell(out: &mut Output<'_>, job: &Value, dry: bool) -> Outcome {
    let result = job.get("result").cloned().unwrap_or_default();
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    for device in list(&result, "changes").iter().filter(|_| dry) {
        let label = member(device, "label");
        let named = if label.is_empty() { member(device, "device") } else { format!("{}  {label}", member(device, "device")) };
        out.line(named)?;
        for change in list(device, "changes") {
            let shown = |name: &str| change.get(name).map(ToString::to_string).unwrap_or_default();
            out.paragraph("  ", &format!("{}: {} becomes {}", member(&change, "path"), shown("before"), shown("after")))?;
        }
    }
    if let Some(more) = result.get("more_changes").and_then(Value::as_u64).filter(|n| dry && *n > 0) {
        out.line(format!("and {more} devices more"))?;
    }
    errors(out, job)?;
    let count = |name: &str| job.pointer(&format!("/counts/{name}")).and_then(Value::as_u64).unwrap_or(0);
    let devices = member(&result, "devices");
    match (count("deleted"), dry) {
        (0, true) => out.line(format!("{} of {devices} devices would be changed; nothing is.", count("changed"))),
        (0, false) => out.line(format!("{} of {devices} devices are changed.", count("changed"))),
        (n, true) => out.line(format!("{n} of {devices} devices would be deleted; nothing is.")),
        (n, false) => out.line(format!("{n} of {devices} devices are deleted.")),
    }
}
