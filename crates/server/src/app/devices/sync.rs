//! Telling devices to read their files again, and changing many devices at once. Each is a job; what it did is told device by device.

use std::{net::SocketAddr, sync::Arc};

use futures_util::{StreamExt, stream};
use offhook_core::{
    Error, Result,
    device::{Device, State},
};
use offhook_packs::manifest::SyncAction;
use offhook_proto::sip::Notify;
use serde_json::{Value, json};

use super::{
    super::{
        App, Caller,
        fields::Fields,
        jobs::{Job, Reporter},
        packs::{told, told_faults, try_devices},
    },
    DeviceFilter, DeviceSort, by_pages, find,
};
use crate::sync::{Told, notify};

/// So many phones are told at once: those that restart ask again together.
const AT_ONCE: usize = 16;

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
    let app_then = app.clone();
    app.jobs.start("device-sync", name(&device), move |report| async move {
        let answers = all(&app_then, &report, vec![device], action).await;
        Ok(json!({ "devices": answers }))
    })
}

fn action(fields: &mut Fields, name: &'static str) -> Option<SyncAction> {
    fields.read(name, "reload or reboot", |v| match v.as_str()? {
        "reload" => Some(SyncAction::Reload),
        "reboot" => Some(SyncAction::Reboot),
        _ => None,
    })
}

fn name(device: &Device) -> String {
    device.mac.map_or_else(|| device.id.to_string(), |m| m.to_string())
}

/// Tells them all; who did not take it is an error of the job.
async fn all(app: &App, report: &Reporter, devices: Vec<Device>, action: SyncAction) -> Vec<Value> {
    let total = devices.len() as u64;
    let mut done = 0;
    let mut answers = Vec::new();
    let each = |device: Device| async move {
        let told = one(app, &device, action).await;
        (device, told)
    };
    let mut running = stream::iter(devices).map(each).buffer_unordered(AT_ONCE);
    while let Some((device, told)) = running.next().await {
        done += 1;
        report.progress(done, Some(total), "devices told");
        let (taken, says) = match &told {
            Ok(told) => (told.is_taken(), told.to_string()),
            Err(error) => (false, error.to_string()),
        };
        report.count(if taken { "taken" } else { "not_taken" }, 1);
        if !taken {
            report.error(name(&device), &says);
        }
        if answers.len() < 1000 {
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

/// What is to become of many devices.
struct Bulk {
    filter: DeviceFilter,
    change_pack: Option<String>,
    sync: Option<SyncAction>,
    dry_run: bool,
    force: bool,
}

/// Changes the pack of all devices that fit, and tells them; or only tells them. Everything is looked at before anything is changed.
pub async fn bulk(app: &App, who: &Caller, document: Value) -> Result<Job> {
    who.may_write()?;
    let bulk = read(document)?;
    if let Some(pack) = &bulk.change_pack {
        app.pipeline.check_pack(pack).map_err(|e| Error::invalid("action.change_pack", e.to_string()))?;
    }
    let subject = bulk.change_pack.clone().unwrap_or_else(|| "sync".to_owned());
    let app_then = app.clone();
    app.jobs.start("device-bulk", subject, move |report| async move { run(&app_then, &report, bulk).await })
}

fn read(document: Value) -> Result<Bulk> {
    let mut fields = Fields::of(document)?;
    let object = |fields: &mut Fields, name| fields.read(name, "an object", |v| v.as_object().cloned()).unwrap_or_default();
    let selector = object(&mut fields, "selector");
    let action_given = object(&mut fields, "action");
    let (dry_run, force) = (fields.flag("dry_run").unwrap_or(false), fields.flag("force").unwrap_or(false));
    fields.check()?;
    let mut of = Fields::of(Value::Object(selector))?;
    let filter = DeviceFilter {
        any_version_of: None,
        pack: of.word("pack"),
        vendor: of.word("vendor"),
        model: of.word("model"),
        tag: of.word("tag"),
        q: of.word("q"),
        profile: of.word("profile"),
        tenant: of.word("tenant"),
        state: of.read("state", "pending, ready or disabled", |v| v.as_str().and_then(State::parse)),
        sync: None,
    };
    of.check()?;
    let DeviceFilter { pack, vendor, model, tag, q, profile, tenant, state, .. } = &filter;
    if [pack, vendor, model, tag, q, profile, tenant].iter().all(|f| f.is_none()) && state.is_none() {
        return Err(Error::invalid("selector", "is needed: pack, vendor, model, tag, state, q, profile or tenant"));
    }
    let mut of = Fields::of(Value::Object(action_given))?;
    let (change_pack, sync) = (
        of.word("change_pack"),
        of.peek("sync").is_some_and(|v| v == "none").then(|| of.take("sync")).map_or_else(|| action(&mut of, "sync"), |_| None),
    );
    of.check()?;
    if change_pack.is_none() && sync.is_none() {
        return Err(Error::invalid("action", "is needed: change_pack, sync, or both"));
    }
    Ok(Bulk { filter, change_pack, sync, dry_run, force })
}

async fn run(app: &App, report: &Reporter, bulk: Bulk) -> Result<Value> {
    app.pipeline.settle().await;
    let devices = by_pages(app, &bulk.filter, DeviceSort::Created).await?;
    let mut result = json!({ "devices": devices.len() });
    if let Some(pack) = &bulk.change_pack {
        let missing = without_counterpart(app, &devices, pack);
        for (from, names) in &missing {
            report.error(
                names.join(", "),
                format!("overrides of {from} that {pack} has not: copy them with offhook template copy {from} {pack}, then look at them"),
            );
        }
        let catalog = Arc::clone(&app.pipeline.catalog());
        let (checked, lost) = try_devices(app, report, catalog, devices.clone(), Some(pack)).await?;
        let failed = told_faults(report, &checked, &lost) || !missing.is_empty();
        result["check"] = told(&checked);
        if failed && !bulk.force && !bulk.dry_run {
            return Err(Error::Conflict("nothing is changed: mend what is told above, or force it".into()));
        }
        result["ok"] = (!failed).into();
    }
    if bulk.dry_run {
        return Ok(result);
    }
    let mut changed = devices;
    if let Some(pack) = bulk.change_pack {
        changed = change(app, report, changed, &pack).await;
    }
    if let Some(action) = bulk.sync {
        let reachable = changed.into_iter().filter(|d| d.state == State::Ready).collect();
        result["synced"] = all(app, report, reachable, action).await.into();
    }
    Ok(result)
}

async fn change(app: &App, report: &Reporter, devices: Vec<Device>, pack: &str) -> Vec<Device> {
    let total = devices.len() as u64;
    let mut changed = Vec::new();
    for (done, device) in devices.into_iter().enumerate() {
        let to = pack.to_owned();
        let edit = move |device: &mut Device, _: &offhook_core::configuration::Configuration| {
            (device.pack, device.pack_pinned) = (Some(to), true);
            Ok(())
        };
        match app.store.update_device(device.id, None, edit).await {
            Ok(device) => {
                report.count("changed", 1);
                changed.push(device);
            }
            Err(error) => {
                report.count("not_changed", 1);
                report.error(name(&device), error.to_string());
            }
        }
        report.progress(done as u64 + 1, Some(total), "devices changed");
    }
    changed
}

/// Overrides that these devices have now and would not have with another pack, by the pack they are of.
fn without_counterpart(app: &App, devices: &[Device], to: &str) -> Vec<(String, Vec<String>)> {
    let id = |key: &str| key.split('@').next().unwrap_or(key).to_owned();
    let to = id(to);
    let templates = app.store.configuration().templates.clone();
    let packs: std::collections::BTreeSet<String> = devices.iter().filter_map(|d| d.pack.as_deref().map(id)).filter(|p| *p != to).collect();
    let tenants: std::collections::BTreeSet<&str> = devices.iter().map(|d| d.tenant.as_str()).collect();
    let holds = |scope: &offhook_core::template::Scope| scope.tenant().is_none_or(|t| tenants.contains(t));
    let missing = |from: String| {
        let names: Vec<String> = templates
            .iter()
            .filter(|t| t.pack == from && holds(&t.scope) && templates.find(&t.scope, &to, &t.name).is_none())
            .map(|t| t.shown())
            .collect();
        (from, names)
    };
    packs.into_iter().map(missing).filter(|(_, names)| !names.is_empty()).collect()
}
