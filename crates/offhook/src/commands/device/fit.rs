//! `--where FIELD=VALUE`: all devices that fit, for the verbs that change. Many are changed by a job of the server; a person is asked first.

use std::io::{self, BufRead, IsTerminal};

use clap::Args;
use serde_json::{Value, json};

use super::many;
use crate::{
    client::Client,
    commands::{document, job, put, shelf},
    failure::{Failure, Outcome},
    output::{Output, member},
    wait::{self, Waiting},
};

/// What may be said of devices.
const FIELDS: [&str; 9] = ["vendor", "model", "pack", "profile", "tag", "tenant", "state", "sync", "q"];

/// Which devices, and whether a person is asked.
#[derive(Args, Debug, Default)]
pub struct Fitting {
    /// All devices that fit, such as model=T46S, state=pending; all given must hold
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    fits: Vec<String>,
    /// With --where: do not ask before many devices are changed
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    pub waiting: Waiting,
}

/// What comes to the lists of many devices, or goes from them.
#[derive(Args, Debug, Default)]
pub struct Lists {
    /// With --where: a tag that comes to those they have
    #[arg(long, value_name = "TAG", requires = "fits")]
    add_tag: Vec<String>,
    /// With --where: a tag that goes
    #[arg(long, value_name = "TAG", requires = "fits")]
    remove_tag: Vec<String>,
    /// With --where: a profile that comes after those they have
    #[arg(long, value_name = "NAME", requires = "fits")]
    add_profile: Vec<String>,
    /// With --where: a profile that goes
    #[arg(long, value_name = "NAME", requires = "fits")]
    remove_profile: Vec<String>,
}

impl Lists {
    /// As the API takes it.
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

impl Fitting {
    /// Whether devices are named so.
    pub fn is_given(&self) -> bool {
        !self.fits.is_empty()
    }

    /// As the API takes it.
    pub fn selector(&self) -> Outcome<Value> {
        selector(&self.fits)
    }

    /// Asks a person before it is done with all that fit, unless that was said with them.
    pub async fn agreed(&self, client: &Client, action: &Value, what: &str) -> Outcome {
        if self.yes { Ok(()) } else { self.confirm(client, &self.selector()?, action, (what, "See them: offhook device list")).await }
    }

    /// Does it with all that fit. `what` is said of them when it is done: "deleted".
    pub async fn perform(&self, out: &mut Output<'_>, client: &Client, action: &Value, what: &str, dry_run: bool) -> Outcome {
        let selector = self.selector()?;
        if !dry_run && !self.yes {
            self.confirm(client, &selector, action, (what, "See them: --dry-run")).await?;
        }
        out.dry = dry_run;
        let body = json!({ "selector": selector, "action": action, "dry_run": dry_run });
        let job = client.post(&["devices:bulk"], &[], &body).await?;
        let Some(job) = self.waiting.follow(out, client, job).await? else { return Ok(()) };
        let ok = job.pointer("/result/ok") != Some(&Value::Bool(false));
        if !out.as_json(&job)? {
            told(out, &job, what)?;
        }
        wait::ended_well(&job)?;
        if ok { Ok(()) } else { Err(Failure::Failed("not all of them took it; see above".to_owned())) }
    }

    /// Asks a person, who is told how many there are; whoever is no person has to say --yes.
    async fn confirm(&self, client: &Client, selector: &Value, action: &Value, (what, look): (&str, &str)) -> Outcome {
        let body = json!({ "selector": selector, "action": action, "dry_run": true });
        let job = client.post(&["devices:bulk"], &[], &body).await?;
        let tried = wait::until_the_end(client, job).await?;
        let count = member(&tried, "result.devices");
        if count == "0" {
            return Ok(());
        }
        let devices = if count == "1" { "1 device".to_owned() } else { format!("{count} devices") };
        let way = format!("{look}. Do it without being asked: --yes");
        if !io::stdin().is_terminal() {
            return Err(Failure::Usage(format!("{devices} would be {what}: nobody is there to be asked\n{way}")));
        }
        eprint!("{devices} would be {what}. Go on? [y/N] ");
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
        if yes { Ok(()) } else { Err(Failure::Failed(format!("nothing is changed\n{way}"))) }
    }
}

/// What is said of devices, as the API takes it.
pub fn selector(fits: &[String]) -> Outcome<Value> {
    let mut selector = document();
    for text in fits {
        if text == "all" {
            selector["all"] = json!(true);
            continue;
        }
        let (field, value) = text.split_once('=').unwrap_or((text, ""));
        if !FIELDS.contains(&field) || value.is_empty() {
            return Err(Failure::Usage(format!(
                "--where {text}: is written FIELD=VALUE; the fields are {}; `--where all` means every device",
                FIELDS.join(", ")
            )));
        }
        selector[field] = json!(value);
    }
    Ok(selector)
}

/// What came of it: numbers, the first devices with what changed, what went wrong.
fn told(out: &mut Output<'_>, job: &Value, what: &str) -> Outcome {
    let result = job.get("result").cloned().unwrap_or_default();
    shelf::told(out, &result, false)?;
    let count = |name: &str| job.pointer(&format!("/counts/{name}")).and_then(Value::as_u64).unwrap_or(0);
    let list = |name: &str| result.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    if out.dry {
        for device in list("changes") {
            let name = [member(&device, "device"), member(&device, "label")].join("  ");
            out.long_line(name.trim_end())?;
            for change in device.get("changes").and_then(Value::as_array).into_iter().flatten() {
                let value = |name: &str| Some(member(change, name)).filter(|v| !v.is_empty()).unwrap_or_else(|| "(nothing)".to_owned());
                out.paragraph("    ", &format!("{}: {} → {}", member(change, "path"), value("before"), value("after")))?;
            }
        }
        match result.get("more_changes").and_then(Value::as_u64) {
            Some(n) if n > 0 => out.line(format!("and {n} more"))?,
            _ => {}
        }
    }
    job::errors(out, job)?;
    let done = count("changed") + count("deleted");
    let (unchanged, failed) = (count("unchanged"), count("not_changed") + count("not_deleted"));
    let devices = |n: u64| if n == 1 { "1 device".to_owned() } else { format!("{n} devices") };
    let mut text = match (done, out.dry) {
        (0, _) if unchanged + failed == 0 => "No device fits".to_owned(),
        (n, true) => format!("{} would be {what}", devices(n)),
        (1, false) => format!("1 device is {what}"),
        (n, false) => format!("{n} devices are {what}"),
    };
    for (n, words) in [(unchanged, "as wanted already"), (failed, "not, see above")] {
        if n > 0 {
            text.push_str(&format!(", {n} {words}"));
        }
    }
    out.line(format!("{text}."))?;
    many::answers(out, job, "synced")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn devices_are_told_by_what_they_are() {
        let of = |fits: &[&str]| Fitting { fits: fits.iter().map(|f| (*f).to_owned()).collect(), ..Fitting::default() }.selector();
        assert_eq!(of(&["model=T46S", "q=a=b"]).unwrap(), json!({"model": "T46S", "q": "a=b"}));
        assert_eq!(of(&["all"]).unwrap(), json!({"all": true}));
        for wrong in ["modell=x", "model=", "model"] {
            let failure = of(&[wrong]).unwrap_err();
            assert_eq!(failure.code(), 2);
            assert!(failure.to_string().contains("vendor, model, pack"), "{failure}");
        }
    }

    #[test]
    fn a_dry_run_tells_what_would_change() {
        let job = json!({"counts": {"changed": 2, "unchanged": 1}, "result": {"dry_run": true, "devices": 3, "ok": true, "more_changes": 1,
            "changes": [{"device": "00:11:22:33:44:55", "label": "Desk", "changes": [{"path": "state", "before": "pending", "after": "ready"},
                {"path": "tags", "before": null, "after": ["a"]}]}], "faults": []}, "errors": []});
        let mut bytes = Vec::new();
        let mut out = Output::plain(&mut bytes, "");
        out.dry = true;
        told(&mut out, &job, "changed").unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "00:11:22:33:44:55  Desk\n    state: pending → ready\n    tags: (nothing) → a\nand 1 more\n\
             2 devices would be changed, 1 as wanted already.\n"
        );
    }
}
