//! Changing many devices at once: a job that goes through them in small writes, so that phones and other people go on meanwhile, and that
//! tells device by device what came of it.

use std::{collections::BTreeSet, sync::Arc};

use offhook_core::{Error, Id, Result, device::Device, device::State};
use offhook_store::{DeviceEdit, DeviceKey, Store, WrittenDevice};
use serde_json::{Value, json};

use self::order::{Action, Order};
use super::{
    DeviceFilter, DeviceSort, Walk,
    difference::difference,
    document::Reader,
    sync::{all as tell_all, name},
};
use crate::app::{
    App, Caller,
    jobs::{Job, Reporter},
    packs::{told, told_faults, try_devices},
    page::Page,
};

mod order;

/// So many devices are one write: other writes wait that long.
const CHUNK: u32 = 64;
/// So many devices are told with what changed, and so many faults.
const TOLD: usize = 100;

/// Does one thing with every device that fits a selector.
pub async fn bulk(app: &App, who: &Caller, document: Value) -> Result<Job> {
    who.may_write()?;
    let order = Order::read(app, who, document)?;
    let subject = subject(&order);
    if !order.dry_run {
        app.told_job(who, "start", "device-bulk", &subject, String::new()).await?;
    }
    let app_then = app.clone();
    app.jobs.start("device-bulk", subject, move |report| Run::new(app_then, report).all(order))
}

/// What the job does, in a word for people.
fn subject(order: &Order) -> String {
    let what = match &order.action {
        Action { delete: true, .. } => "delete".to_owned(),
        Action { change_pack: Some(pack), .. } => pack.clone(),
        action if action.edits() => "change".to_owned(),
        _ => "sync".to_owned(),
    };
    if order.dry_run { format!("{what} (dry run)") } else { what }
}

/// One job at work.
struct Run {
    app: App,
    report: Reporter,
    changes: Vec<Value>,
    faults: Vec<Value>,
    more_changes: u64,
    failed: u64,
}

impl Run {
    fn new(app: App, report: Reporter) -> Self {
        Self { app, report, changes: Vec::new(), faults: Vec::new(), more_changes: 0, failed: 0 }
    }

    async fn all(mut self, order: Order) -> Result<Value> {
        self.app.pipeline.settle().await;
        let mut result = json!({ "dry_run": order.dry_run });
        let mut ok = true;
        if let Some(pack) = &order.action.change_pack {
            ok = self.look_first(&order, pack, &mut result).await?;
        }
        let store = if order.dry_run { self.app.store.dry() } else { self.app.store.clone() };
        let (devices, to_tell) = self.each(&store, &order).await?;
        result["devices"] = devices.into();
        result["changes"] = std::mem::take(&mut self.changes).into();
        result["more_changes"] = self.more_changes.into();
        result["faults"] = std::mem::take(&mut self.faults).into();
        result["ok"] = (ok && self.failed == 0).into();
        if let Some(action) = order.action.sync {
            result["to_tell"] = to_tell.len().into();
            if !order.dry_run {
                result["synced"] = tell_all(&self.app, &self.report, to_tell, action).await.into();
            }
        }
        Ok(result)
    }

    /// Whether every device would be served as well by another pack; told in the result.
    async fn look_first(&self, order: &Order, pack: &str, result: &mut Value) -> Result<bool> {
        let missing = without_counterpart(&self.app, &order.filter, pack).await?;
        for (from, names) in &missing {
            self.report.error(
                names.join(", "),
                format!("overrides of {from} that {pack} has not: copy them with offhook template copy {from} {pack}, then look at them"),
            );
        }
        let catalog = Arc::clone(&self.app.pipeline.catalog());
        let (checked, lost) = try_devices(&self.app, &self.report, catalog, &order.filter, Some(pack)).await?;
        let failed = told_faults(&self.report, &checked, &lost) || !missing.is_empty();
        result["check"] = told(&checked);
        if failed && !order.force && !order.dry_run {
            return Err(Error::Conflict("nothing is changed: mend what is told above, or force it".into()));
        }
        Ok(!failed)
    }

    /// Goes through the devices; how many there were, and those that are to be told.
    async fn each(&mut self, store: &Store, order: &Order) -> Result<(u64, Vec<Id>)> {
        let total = self.app.store.count_devices_that_fit(&order.filter).await?;
        let (mut done, mut to_tell) = (0, Vec::new());
        // By id: what a write takes out of the selection was passed already, and nothing is met twice.
        let mut page = Page { sort: DeviceSort::Created, limit: CHUNK, ..Page::default() };
        loop {
            let listed = self.app.store.devices(&order.filter, &page).await?;
            let devices = listed.items;
            done += devices.len() as u64;
            let written = if order.action.delete {
                self.delete(store, devices).await?
            } else if order.action.edits() {
                self.edit(store, devices, &order.action).await?
            } else {
                devices
            };
            to_tell.extend(written.iter().filter(|d| d.state == State::Ready).map(|d| d.id));
            self.report.progress(done, Some(total.max(done)), "devices");
            page.cursor = listed.next_cursor;
            if page.cursor.is_none() {
                return Ok((done, to_tell));
            }
        }
    }

    /// Edits some devices in one write; those that went well, as they are now.
    async fn edit(&mut self, store: &Store, devices: Vec<Device>, action: &Action) -> Result<Vec<Device>> {
        let reader = Arc::new(Reader::of(&self.app));
        let wanted = devices.iter().map(|device| {
            let (action, reader) = (action.clone(), reader.clone());
            let edit: DeviceEdit = Box::new(move |device, _, _| {
                let patch = action.patch_of(device);
                reader.patch(device, patch)
            });
            (DeviceKey::Id(device.id), edit)
        });
        let outcomes = store.write_devices(wanted.collect()).await?;
        let mut well = Vec::new();
        for (device, outcome) in devices.iter().zip(outcomes) {
            match outcome {
                Ok(WrittenDevice::Changed { before, after }) => {
                    self.report.count("changed", 1);
                    if self.changes.len() < TOLD {
                        let changes = difference(&self.app, &before, &after);
                        self.changes.push(json!({ "device": name(&after), "id": after.id, "label": after.label, "changes": changes }));
                    } else {
                        self.more_changes += 1;
                    }
                    well.push(*after);
                }
                Ok(WrittenDevice::Unchanged(device) | WrittenDevice::Created(device)) => {
                    self.report.count("unchanged", 1);
                    well.push(*device);
                }
                Err(error) => self.fault("not_changed", device, error)?,
            }
        }
        Ok(well)
    }

    /// Deletes some devices in one write; none of them is left.
    async fn delete(&mut self, store: &Store, devices: Vec<Device>) -> Result<Vec<Device>> {
        let outcomes = store.delete_devices(devices.iter().map(|d| d.id).collect(), |_| Ok(())).await?;
        for (device, outcome) in devices.iter().zip(outcomes) {
            match outcome {
                Ok(_) => {
                    self.report.count("deleted", 1);
                    if self.changes.len() < TOLD {
                        self.changes.push(json!({ "device": name(device), "id": device.id, "label": device.label, "changes": [] }));
                    } else {
                        self.more_changes += 1;
                    }
                }
                // Somebody else was faster.
                Err(Error::NotFound { .. }) => {}
                Err(error) => self.fault("not_deleted", device, error)?,
            }
        }
        Ok(Vec::new())
    }

    /// Tells why a device stays as it was. What is no matter of one device ends the job.
    fn fault(&mut self, count: &'static str, device: &Device, error: Error) -> Result<()> {
        if matches!(error, Error::Unavailable(_) | Error::Internal(_)) {
            return Err(error);
        }
        self.report.count(count, 1);
        self.report.error(name(device), error.to_string());
        self.failed += 1;
        let faults: Vec<Value> = match error {
            Error::Invalid(faults) => faults.into_iter().map(|f| json!({ "field": f.field, "message": f.message })).collect(),
            other => vec![json!({ "field": "", "message": other.to_string() })],
        };
        if self.faults.len() < TOLD {
            self.faults.push(json!({ "device": name(device), "id": device.id, "faults": faults }));
        }
        Ok(())
    }
}

/// Overrides that these devices have now and would not have with another pack, by the pack they are of.
async fn without_counterpart(app: &App, which: &DeviceFilter, to: &str) -> Result<Vec<(String, Vec<String>)>> {
    let id = |key: &str| key.split('@').next().unwrap_or(key).to_owned();
    let to = id(to);
    let templates = app.store.configuration().templates.clone();
    let (mut packs, mut tenants, mut devices) = (BTreeSet::new(), BTreeSet::new(), Walk::of(which.clone()));
    loop {
        let some = devices.next(app).await?;
        if some.is_empty() {
            break;
        }
        packs.extend(some.iter().filter_map(|d| d.pack.as_deref().map(id)).filter(|p| *p != to));
        tenants.extend(some.into_iter().map(|d| d.tenant));
    }
    let holds = |scope: &offhook_core::template::Scope| scope.tenant().is_none_or(|t| tenants.contains(t));
    let missing = |from: String| {
        let names: Vec<String> = templates
            .iter()
            .filter(|t| t.pack == from && holds(&t.scope) && templates.find(&t.scope, &to, &t.name).is_none())
            .map(|t| t.shown())
            .collect();
        (from, names)
    };
    Ok(packs.into_iter().map(missing).filter(|(_, names)| !names.is_empty()).collect())
}
