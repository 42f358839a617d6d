//! What is asked of many devices: the selector and the action, read with every fault at once.

use offhook_core::{
    Error, Fault, Result,
    device::{Device, State, Sync},
};
use offhook_packs::manifest::SyncAction;
use serde_json::{Map, Value, json};

use super::super::{DeviceFilter, document::Reader, sync::action as sync_action};
use crate::app::{
    App, Caller,
    fields::{Fields, good_name},
};

/// What each device has of its own: one value for many devices would be wrong.
const EACH_ITS_OWN: &[&str] = &["mac", "serial", "uuid"];

/// What is to become of which devices.
pub(super) struct Order {
    pub(super) filter: DeviceFilter,
    pub(super) action: Action,
    pub(super) dry_run: bool,
    pub(super) force: bool,
}

/// What is to become of each of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Action {
    /// A merge patch of a device.
    patch: Option<Map<String, Value>>,
    add: Names,
    remove: Names,
    state: Option<State>,
    pub(super) change_pack: Option<String>,
    pub(super) sync: Option<SyncAction>,
    pub(super) delete: bool,
}

/// Tags and profiles that come or go.
#[derive(Clone, Debug, Default)]
struct Names {
    tags: Vec<String>,
    profiles: Vec<String>,
}

impl Names {
    fn read(fields: &mut Fields, name: &'static str) -> Result<Self> {
        let mut of = part(fields, name)?;
        let names = Self { tags: of.texts("tags", good_name), profiles: of.texts("profiles", good_name) };
        of.check().map_err(|e| below(name, e))?;
        Ok(names)
    }

    fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.profiles.is_empty()
    }
}

impl Action {
    /// Whether devices are written.
    pub(super) fn edits(&self) -> bool {
        self.patch.is_some() || !self.add.is_empty() || !self.remove.is_empty() || self.state.is_some() || self.change_pack.is_some()
    }

    /// The merge patch of one device as it stands.
    pub(super) fn patch_of(&self, device: &Device) -> Value {
        let mut patch = self.patch.clone().unwrap_or_default();
        let lists = [
            ("tags", &device.tags, &self.add.tags, &self.remove.tags),
            ("profiles", &device.profiles, &self.add.profiles, &self.remove.profiles),
        ];
        for (field, has, comes, goes) in lists {
            if comes.is_empty() && goes.is_empty() {
                continue;
            }
            let mut names: Vec<&String> = has.iter().filter(|n| !goes.contains(n)).collect();
            for name in comes {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            patch.insert(field.to_owned(), json!(names));
        }
        if let Some(state) = self.state {
            patch.insert("state".to_owned(), json!(state));
        }
        if let Some(pack) = &self.change_pack {
            patch.insert("pack".to_owned(), json!(pack));
            patch.insert("pack_pinned".to_owned(), true.into());
        }
        Value::Object(patch)
    }
}

impl Order {
    /// From the document; what can be wrong whatever device it comes to is told at once.
    pub(super) fn read(app: &App, who: &Caller, document: Value) -> Result<Self> {
        let mut fields = Fields::of(document)?;
        let mut faults = Vec::new();
        let filter = collect(&mut faults, "selector", part(&mut fields, "selector").and_then(selector));
        let action = collect(&mut faults, "action", part(&mut fields, "action").and_then(action));
        let (dry_run, force) = (fields.flag("dry_run").unwrap_or(false) || who.dry_run, fields.flag("force").unwrap_or(false));
        if let Some(action) = &action {
            collect(&mut faults, "action", try_on_any(app, who, action));
        }
        collect(&mut faults, "", fields.check());
        match (filter, action) {
            (Some(filter), Some(action)) if faults.is_empty() => Ok(Self { filter, action, dry_run, force }),
            _ => Err(Error::Invalid(faults)),
        }
    }
}

/// What went well; else its faults, told below the field.
fn collect<T>(faults: &mut Vec<Fault>, field: &str, result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            match below(field, error) {
                Error::Invalid(more) => faults.extend(more),
                other => faults.push(Fault::new(field, other.to_string())),
            }
            None
        }
    }
}

/// The faults of an error below a field.
fn below(field: &str, error: Error) -> Error {
    let place = |f: Fault| match (field, f.field.as_str()) {
        ("", _) => f,
        (_, "") => Fault::new(field, f.message),
        (_, inner) => Fault::new(format!("{field}.{inner}"), f.message),
    };
    match error {
        Error::Invalid(faults) => Error::Invalid(faults.into_iter().map(place).collect()),
        other => other,
    }
}

fn part(fields: &mut Fields, name: &'static str) -> Result<Fields> {
    Fields::of(fields.take(name).filter(|v| !v.is_null()).unwrap_or_else(|| json!({})))
}

fn selector(mut of: Fields) -> Result<DeviceFilter> {
    let filter = DeviceFilter {
        pack: of.word("pack"),
        vendor: of.word("vendor"),
        model: of.word("model"),
        tag: of.word("tag"),
        q: of.word("q"),
        profile: of.word("profile"),
        tenant: of.word("tenant"),
        state: of.read("state", "pending, ready or disabled", |v| v.as_str().and_then(State::parse)),
        sync: of.read("sync", "never, current or outdated", |v| serde_json::from_value::<Sync>(v.clone()).ok()),
        ..DeviceFilter::default()
    };
    let all = of.flag("all").unwrap_or(false);
    let faulty = of.has_fault();
    of.check()?;
    let DeviceFilter { pack, vendor, model, tag, q, profile, tenant, state, sync, .. } = &filter;
    let some = [pack, vendor, model, tag, q, profile, tenant].iter().any(|f| f.is_some()) || state.is_some() || sync.is_some();
    match (some, all) {
        (false, false) if !faulty => Err(Error::invalid(
            "",
            "is needed: vendor, model, pack, profile, tag, state, q, tenant or sync; {\"all\": true} selects every device",
        )),
        (true, true) => Err(Error::invalid("all", "selects every device: leave it out, or the other fields")),
        _ => Ok(filter),
    }
}

fn action(mut of: Fields) -> Result<Action> {
    let mut faults = Vec::new();
    let patch = of.read("patch", "an object: a merge patch of a device", |v| v.as_object().cloned());
    for name in EACH_ITS_OWN {
        if patch.as_ref().is_some_and(|p| p.contains_key(*name)) {
            of.fault(format!("patch.{name}"), "is each device's own: it cannot be the same for many");
        }
    }
    let add = collect(&mut faults, "", Names::read(&mut of, "add")).unwrap_or_default();
    let remove = collect(&mut faults, "", Names::read(&mut of, "remove")).unwrap_or_default();
    for (field, change, also) in [("tags", &add.tags, &remove.tags), ("profiles", &add.profiles, &remove.profiles)] {
        if patch.as_ref().is_some_and(|p| p.contains_key(field)) && !(change.is_empty() && also.is_empty()) {
            of.fault(format!("patch.{field}"), "replaces the list: either this, or add and remove");
        }
        for name in change.iter().filter(|n| also.contains(n)) {
            of.fault(format!("remove.{field}"), format!("{name:?} cannot be added and removed"));
        }
    }
    let (approve, disable) = (of.flag("approve").unwrap_or(false), of.flag("disable").unwrap_or(false));
    let delete = of.flag("delete").unwrap_or(false);
    let change_pack = of.word("change_pack");
    // "none" is what tools write that always name it.
    let none = of.peek("sync").is_some_and(|v| v == "none");
    let sync = if none { of.take("sync").and(None) } else { sync_action(&mut of, "sync") };
    if approve && disable {
        of.fault("disable", "either approve or disable");
    }
    if (approve || disable) && patch.as_ref().is_some_and(|p| p.contains_key("state")) {
        of.fault("patch.state", "is what approve and disable set: either one or the other");
    }
    if change_pack.is_some() && patch.as_ref().is_some_and(|p| p.contains_key("pack")) {
        of.fault("patch.pack", "is what change_pack sets: either one or the other");
    }
    let state = if approve { Some(State::Ready) } else { disable.then_some(State::Disabled) };
    let action = Action { patch, add, remove, state, change_pack, sync, delete };
    if delete && (action.edits() || sync.is_some()) {
        of.fault("delete", "goes alone: what is deleted cannot be changed or told");
    }
    let (faulty, nothing) = (of.has_fault(), !delete && !action.edits() && sync.is_none());
    collect(&mut faults, "", of.check());
    if nothing && !faulty && faults.is_empty() {
        faults.push(Fault::new("", "is needed: patch, add, remove, approve, disable, change_pack, sync or delete"));
    }
    if faults.is_empty() { Ok(action) } else { Err(Error::Invalid(faults)) }
}

/// What is wrong with a patch on every device: fields that are not there, values that cannot be, packs that nobody has.
fn try_on_any(app: &App, _who: &Caller, action: &Action) -> Result<()> {
    if let Some(pack) = &action.change_pack {
        app.pipeline.check_pack(pack).map_err(|e| Error::invalid("change_pack", e.to_string()))?;
    }
    let Some(patch) = &action.patch else { return Ok(()) };
    let mut any = Device::new(offhook_core::Id::new(&*app.clock, &*app.entropy), app.clock.now());
    any.mac = offhook_core::Mac::parse("02:00:00:00:00:00");
    any.state = State::Pending;
    let mut patch = patch.clone();
    // Whether it may be ready is each device's own matter.
    patch
        .remove("state")
        .filter(|v| v.as_str().and_then(State::parse).is_none())
        .map_or(Ok(()), |_| Err(Error::invalid("patch.state", "must be pending, ready or disabled")))?;
    Reader::of(app).patch(&mut any, Value::Object(patch)).map_err(|e| below("patch", e))
}
