//! `offhook device check`: whether every file of a device can be made, of one or of all that fit.

use std::io::{self, IsTerminal};

use clap::Args;
use serde_json::{Value, json};

use super::{fit, many::Selector, page};
use crate::{
    client::{Client, Query},
    commands::document,
    failure::{Failure, Outcome},
    output::{Output, items, member},
    wait,
};

/// Which devices to look at.
#[derive(Args, Debug)]
pub struct Check {
    /// MAC addresses, in any spelling, or ids
    #[arg(value_name = "MAC")]
    devices: Vec<String>,
    #[command(flatten)]
    selector: Selector,
    /// All devices that fit, such as state=ready; all given must hold
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    fits: Vec<String>,
}

impl Check {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>, client: &Client) -> Outcome {
        let mut selector = self.selector.document();
        for (field, value) in fit::selector(&self.fits)?.as_object().into_iter().flatten() {
            selector[field] = value.clone();
        }
        if (selector == document()) == self.devices.is_empty() {
            let ways = "which devices? Give MAC addresses, or --pack PACK, or --where FIELD=VALUE; `--where all` means every device";
            return Err(Failure::Usage(ways.to_owned()));
        }
        match &self.devices[..] {
            [] => {
                let fields = selector.as_object().into_iter().flatten();
                let query: Vec<_> = fields.filter_map(|(field, v)| Some((field.as_str(), Some(v.as_str()?.to_owned())))).collect();
                self.all(out, client, &named(client, &query).await?).await
            }
            [one] => {
                let answer = client.post(&["devices", one, "check"], &[], &document()).await?;
                if !out.as_json(&answer)? {
                    page::check(out, &answer)?;
                }
                match answer.get("ok").and_then(Value::as_bool) {
                    Some(false) => Err(Failure::Failed("not everything is right with this device; see above".to_owned())),
                    _ => Ok(()),
                }
            }
            several => self.all(out, client, several).await,
        }
    }

    /// Only what is wrong is told, and how many are good.
    async fn all(&self, out: &mut Output<'_>, client: &Client, devices: &[String]) -> Outcome {
        let terminal = io::stderr().is_terminal();
        let (mut answers, mut bad) = (Vec::new(), Vec::new());
        for (done, device) in devices.iter().enumerate() {
            if terminal {
                wait::draw(&wait::bar(done as u64, devices.len() as u64, "devices"))?;
            }
            let answer = match client.post(&["devices", device, "check"], &[], &document()).await {
                Ok(answer) => answer,
                // One that cannot be looked at does not hide what is wrong with the others.
                Err(Failure::Answered(no)) if !matches!(no.status, 401 | 403) => {
                    let told = Failure::Answered(no).to_string();
                    json!({ "ok": false, "policy": null, "files": [], "notes": [], "error": told.lines().next() })
                }
                Err(failure) => return Err(failure),
            };
            let ok = answer.get("ok").and_then(Value::as_bool) == Some(true);
            if !ok {
                bad.push(device.clone());
            }
            if terminal {
                wait::draw("")?;
            }
            if out.json {
                answers.push(json!({ "device": device, "check": answer }));
            } else if !ok {
                wrong(out, device, &answer)?;
            }
        }
        let all = devices.len();
        let good = all.saturating_sub(bad.len());
        if !out.as_json(&json!({ "ok": bad.is_empty(), "items": answers }))? {
            out.line(format!("{all} {}, {good} good.", if all == 1 { "device" } else { "devices" }))?;
        }
        match bad.first() {
            None => Ok(()),
            Some(first) => {
                Err(Failure::Failed(format!("{} of {all} devices fail\nLook at the first: offhook device check {first}", bad.len())))
            }
        }
    }
}

/// What the devices that fit are known by.
async fn named(client: &Client, query: Query<'_>) -> Outcome<Vec<String>> {
    let list = client.list(&["devices"], query, usize::MAX).await?;
    Ok(items(&list)
        .iter()
        .map(|device| Some(member(device, "mac")).filter(|mac| !mac.is_empty()).unwrap_or_else(|| member(device, "id")))
        .collect())
}

/// What is wrong with one of many.
fn wrong(out: &mut Output<'_>, device: &str, answer: &Value) -> Outcome {
    let name = out.strong(device);
    out.line(name)?;
    let files = items(answer.get("files").unwrap_or(&Value::Null)).iter().filter(|f| !member(f, "error").is_empty());
    let failed = files.map(|f| format!("{}: {}", member(f, "path"), member(f, "error")));
    let told: Vec<String> = [member(answer, "error"), member(answer, "policy")].into_iter().chain(failed).collect();
    told.iter().filter(|t| !t.is_empty()).try_for_each(|text| out.paragraph("  ", text))
}
