//! Telling devices to read their files again: a job, which tells device by device what came of it.

use std::net::SocketAddr;

use futures_util::{StreamExt, stream};
use offhook_core::{Error, Id, Result, device::Device};
use offhook_packs::manifest::SyncAction;
use offhook_proto::sip::Notify;
use serde_json::{Value, json};

use super::{
    super::{
        App, Caller,
        fields::Fields,
        jobs::{Job, Reporter},
    },
    find,
};
use crate::sync::{Told, notify};

/// So many phones are told at once: those that restart ask again together.
const AT_ONCE: usize = 16;
/// So many answers are kept.
const ANSWERS: usize = 1000;

/// Tells one device to read its files again, or to restart.
pub async fn sync(app: &App, who: &Caller, key: &str, document: Value) -> Result<Job> {
    who.may_write()?;
    let mut fields = Fields::of(document)?;
    fields.require("action");
    let action = action(&mut fields, "action");
    fields.check()?;
    app.pipeline.settle().await;
    let device = find(app, key).await?;
    let action = action.unwrap_or(SyncAction::Reload);
    if who.dry_run {
        // A phone cannot be told and not told.
        return app.jobs.start("device-sync", name(&device), |_| async { Ok(json!({ "dry_run": true, "to_tell": 1 })) });
    }
    app.told_of(&device, "sync", if action == SyncAction::Reload { "reload" } else { "reboot" }).await?;
    let app_then = app.clone();
    app.jobs.start("device-sync", name(&device), move |report| async move {
        let answers = all(&app_then, &report, vec![device.id], action).await;
        Ok(json!({ "devices": answers }))
    })
}

/// `reload` or `reboot` in that field.
pub(super) fn action(fields: &mut Fields, name: &'static str) -> Option<SyncAction> {
    fields.read(name, "reload or reboot", |v| match v.as_str()? {
        "reload" => Some(SyncAction::Reload),
        "reboot" => Some(SyncAction::Reboot),
        _ => None,
    })
}

/// What a device is called where people read of it.
pub(super) fn name(device: &Device) -> String {
    device.mac.map_or_else(|| device.id.to_string(), |m| m.to_string())
}

/// Tells them all; who did not take it is an error of the job. The first thousand answers.
pub(super) async fn all(app: &App, report: &Reporter, devices: Vec<Id>, action: SyncAction) -> Vec<Value> {
    let total = devices.len() as u64;
    let mut done = 0;
    let mut answers = Vec::new();
    let each = |id: Id| async move {
        // One that went meanwhile has nobody to tell.
        let device = app.store.device(id).await.ok().flatten()?;
        let told = one(app, &device, action).await;
        Some((device, told))
    };
    let mut running = stream::iter(devices).map(each).buffer_unordered(AT_ONCE);
    while let Some(answer) = running.next().await {
        done += 1;
        report.progress(done, Some(total), "devices told");
        let Some((device, told)) = answer else { continue };
        let (taken, says) = match &told {
            Ok(told) => (told.is_taken(), told.to_string()),
            Err(error) => (false, error.to_string()),
        };
        report.count(if taken { "taken" } else { "not_taken" }, 1);
        if !taken {
            report.error(name(&device), &says);
        }
        if answers.len() < ANSWERS {
            let status = if let Ok(Told::Answered { status, .. }) = &told { Some(*status) } else { None };
            answers.push(json!({ "device": name(&device), "taken": taken, "status": status, "says": says }));
        }
    }
    answers
}

async fn one(app: &App, device: &Device, action: SyncAction) -> Result<Told> {
    let seen = device.last_seen.as_ref().ok_or_else(|| Error::Conflict("it was never seen: nobody knows where it is".into()))?;
    let key = app.pipeline.pack_key(device).ok_or_else(|| Error::Conflict("no pack serves it".into()))?;
    let pack = super::super::packs::find(app, &key)?;
    let settings = app.pipeline.explain(device, false).await?.values;
    let text = |path: &str| settings.iter().find(|e| e.path.to_string() == path).map(|e| e.value.clone());
    let own_event = text("provisioning.sync.event").and_then(|v| v.as_str().map(str::to_owned)).filter(|_| action == SyncAction::Reload);
    let sync = &pack.head().sync;
    // Who has no way to read again without a restart gets the restart.
    let event = own_event.or_else(|| Some(sync.get(&action).or_else(|| sync.get(&SyncAction::Reboot))?.event.clone()));
    let event = event.ok_or_else(|| {
        Error::Conflict(format!("pack {} tells no way to make its phones read their files: restart it by hand", pack.id()))
    })?;
    let lines: std::collections::BTreeSet<u32> =
        settings.iter().filter_map(|e| e.path.to_string().strip_prefix("lines.")?.split('.').next()?.parse().ok()).collect();
    let of_line = |field: &str| lines.iter().find_map(|n| text(&format!("lines.{n}.{field}")));
    let user = of_line("username").and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    let port = of_line("local_port").or_else(|| text("network.sip_port")).and_then(|v| v.as_u64()).and_then(|p| u16::try_from(p).ok());
    let to = SocketAddr::new(seen.ip.to_canonical(), port.filter(|p| *p > 0).unwrap_or(5060));
    let mut random = [0; 12];
    app.entropy.fill(&mut random);
    let token: String = random.iter().map(|b| format!("{b:02x}")).collect();
    Ok(notify(to, |from| Notify { user, to, from, token, event, body: None }).await)
}
