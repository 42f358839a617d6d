//! What changed overrides would do: every device that they touch is rendered before and after, of many alike a sample, and every
//! model with sample settings, so that a fault is found that no device has yet.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use offhook_core::{
    Id, Result,
    clock::Timestamp,
    configuration::LayerSelector,
    device::{Device, State},
    template::{Scope, TemplateOverride, TemplateSet},
};
use offhook_packs::Pack;
use offhook_store::{DeviceFilter, selector_of};

use super::{Named, place::Place, text};
use crate::{
    app::{App, devices::Walk},
    pipeline::{Sampled, TemplateFault, Trial, Tried},
};

/// So many devices of one pack and model are rendered; of more, those and at least one of every kind.
const OF_ONE_MODEL: usize = 2000;
/// After so many milliseconds no further device is rendered; as long again for models with sample settings.
const PATIENCE: i64 = 20_000;
/// So many devices of a fault or change are named.
const NAMED: usize = 10;
/// So many distinct changes are shown.
const SHOWN: usize = 20;

/// An override as it is and as it would be.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The pack, where it is installed.
    pub pack: Option<Arc<Pack>>,
    /// What the name means to the pack.
    pub place: Option<Place>,
    /// What is stored.
    pub before: Option<Arc<TemplateOverride>>,
    /// What would be; none: it is deleted.
    pub after: Option<TemplateOverride>,
    /// The devices whose file it is, where it is one's.
    pub devices: Vec<Device>,
}

impl Candidate {
    fn scope(&self) -> Scope {
        self.after.as_ref().or(self.before.as_deref()).map_or(Scope::Site, |o| o.scope.clone())
    }

    fn name(&self) -> &str {
        self.after.as_ref().or(self.before.as_deref()).map(|o| o.name.as_str()).unwrap_or_default()
    }

    /// As faults name it, in lower case.
    fn shown(&self) -> String {
        self.after.as_ref().or(self.before.as_deref()).map(|o| o.shown().to_lowercase()).unwrap_or_default()
    }

    /// Whether it can only change the files of the devices that it names.
    fn is_devices_own(&self, set: &TemplateSet) -> bool {
        let named = |o: &Arc<TemplateOverride>| o.source.to_lowercase().contains(&self.name().to_lowercase());
        self.place.as_ref().is_some_and(Place::is_device) && !set.iter().any(named)
    }
}

/// A template that fails, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Id of the pack.
    pub pack: String,
    /// Where, and what stands there.
    pub fault: TemplateFault,
    /// The first devices whose file it is.
    pub devices: Vec<Named>,
    /// How many there are.
    pub count: usize,
    /// The models whose sample settings it fails with.
    pub models: Vec<String>,
}

impl Fault {
    fn new(pack: &str, fault: TemplateFault) -> Self {
        Self { pack: pack.to_owned(), fault, devices: Vec::new(), count: 0, models: Vec::new() }
    }
}

/// One change, as several devices get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Id of the pack.
    pub pack: String,
    /// The file, by its name in the pack.
    pub file: String,
    /// Unified, of the first device, secrets masked.
    pub diff: String,
    /// The first devices that get it.
    pub devices: Vec<Named>,
    /// How many there are.
    pub count: usize,
}

/// What a check saw.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// What would fail by it.
    pub faults: Vec<Fault>,
    /// What fails already, and not by it.
    pub standing: Vec<Fault>,
    /// What phones would get, by distinct change.
    pub changes: Vec<Changed>,
    /// Distinct changes that are not shown.
    pub more_changes: usize,
    /// Devices whose files may be made of it.
    pub touched: usize,
    /// Those that were rendered.
    pub rendered: usize,
    /// Those that would get something else.
    pub changed: usize,
    /// Models that were rendered with sample settings.
    pub models: usize,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Checked {
    /// Whether it may be saved.
    pub fn ok(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Renders with the overrides as they are and as they would be.
pub async fn run(app: &App, candidates: &[Candidate], set: TemplateSet, reveal: bool) -> Result<Checked> {
    let began = app.clock.now();
    let until = |times: i64| Timestamp::from_millis(began.as_millis().saturating_add(PATIENCE * times));
    let mut seen = Seen { names: candidates.iter().map(Candidate::shown).collect(), ..Seen::default() };
    for (candidate, after) in candidates.iter().filter_map(|c| Some((c, c.after.as_ref()?))) {
        if let (Some(pack), Some(fault)) = (&candidate.pack, TemplateFault::of_syntax(after)) {
            seen.faults.push(Fault::new(pack.id(), fault));
        }
    }
    let (touched, tried) = touched(app, candidates, &set).await?;
    seen.checked.touched = touched;
    let mut trial = app.pipeline.trial(set.clone());
    for device in tried {
        if app.clock.now() > until(1) {
            seen.checked.notes.push(format!("no more devices were rendered after {} s", PATIENCE / 1000));
            break;
        }
        let files = trial.device(&device, reveal).await?;
        seen.device(&device, &files);
        tokio::task::yield_now().await;
    }
    let last = until(2);
    let time = || app.clock.now() <= last;
    for candidate in candidates {
        samples(&mut trial, &mut seen, candidate, &set, &time).await;
        seen.checked.notes.extend(unused(candidate, &set));
    }
    Ok(seen.into_checked())
}

/// Devices whose files may be made of any of these: how many, and those that are tried.
async fn touched(app: &App, candidates: &[Candidate], set: &TemplateSet) -> Result<(usize, Vec<Device>)> {
    let mut sample = Sample::default();
    // None: the devices of all tenants.
    let mut wide: BTreeMap<Option<String>, BTreeSet<&str>> = BTreeMap::new();
    for candidate in candidates {
        let Some(pack) = &candidate.pack else { continue };
        if candidate.is_devices_own(set) {
            candidate.devices.iter().for_each(|d| sample.add(d.clone()));
        } else {
            wide.entry(candidate.scope().tenant().map(str::to_owned)).or_default().insert(pack.id());
        }
    }
    for (tenant, packs) in wide {
        let mut devices = Walk::of(DeviceFilter { tenant: tenant.clone(), ..DeviceFilter::default() });
        loop {
            let some = devices.next(app).await?;
            if some.is_empty() {
                break;
            }
            some.into_iter().filter(|d| app.pipeline.pack_id(d).is_some_and(|p| packs.contains(p.as_str()))).for_each(|d| sample.add(d));
        }
    }
    Ok((sample.ids.len(), sample.into_devices()))
}

/// One of every kind first, then more of each model up to a limit. Of all others nothing is kept but the id.
#[derive(Default)]
struct Sample {
    ids: HashSet<Id>,
    kinds: HashSet<(LayerSelector, State)>,
    first: Vec<Device>,
    rest: Vec<Device>,
    /// How many of the rest are of a pack and model.
    kept: HashMap<(Option<String>, Option<String>), usize>,
}

impl Sample {
    fn add(&mut self, device: Device) {
        if !self.ids.insert(device.id) {
            return;
        }
        if self.kinds.insert((selector_of(&device), device.state)) {
            self.first.push(device);
            return;
        }
        let kept = self.kept.entry((device.pack.clone(), device.model.clone())).or_default();
        if *kept < OF_ONE_MODEL {
            *kept += 1;
            self.rest.push(device);
        }
    }

    fn into_devices(self) -> Vec<Device> {
        let of = |d: &Device| (d.pack.clone(), d.model.clone());
        let (mut devices, mut of_model) = (self.first, HashMap::<_, usize>::new());
        for device in &devices {
            *of_model.entry(of(device)).or_default() += 1;
        }
        devices.extend(self.rest.into_iter().filter(|d| {
            let count = of_model.entry(of(d)).or_default();
            *count += 1;
            *count <= OF_ONE_MODEL
        }));
        devices
    }
}

/// Every model with sample settings, as phones of the scope would be served that have no device yet.
async fn samples(trial: &mut Trial, seen: &mut Seen, candidate: &Candidate, set: &TemplateSet, time: &(dyn Fn() -> bool + Sync)) {
    let (Some(pack), Some(place)) = (&candidate.pack, &candidate.place) else { return };
    let scope = candidate.scope();
    let mut tenants: BTreeSet<String> =
        set.iter().filter(|o| o.pack == pack.id()).filter_map(|o| o.scope.tenant().map(str::to_owned)).collect();
    tenants.retain(|t| scope.tenant().is_none_or(|s| s == t));
    tenants.insert(scope.tenant().unwrap_or_default().to_owned());
    for tenant in tenants {
        match place {
            Place::Device(route) if candidate.is_devices_own(set) => {
                if candidate.devices.is_empty() && candidate.after.is_some() {
                    seen.nobodys(pack, &trial.sample_file(route, &tenant).await);
                }
            }
            _ => {
                let only = place.model();
                let (tried, left) = trial.samples(pack, &tenant, only, time).await;
                tried.iter().for_each(|sampled| seen.sample(pack, sampled));
                if left > 0 {
                    let whose = if tenant.is_empty() { String::new() } else { format!(" for the tenant {tenant}") };
                    let note = format!("{left} models of {} were not tried with sample settings{whose}: there was no time left", pack.id());
                    seen.checked.notes.push(note);
                }
            }
        }
    }
}

/// What is said of a name that nothing asks for.
fn unused(candidate: &Candidate, set: &TemplateSet) -> Option<String> {
    let (pack, after) = (candidate.pack.as_ref()?, candidate.after.as_ref()?);
    let name = after.name.to_lowercase();
    let mentioned = |o: &Arc<TemplateOverride>| o.id != after.id && o.source.to_lowercase().contains(&name);
    match candidate.place {
        Some(Place::Part) if !set.iter().any(mentioned) => Some(format!(
            "{} is no template, model or file of {}, and no override mentions it: nothing is made of it",
            after.name,
            pack.id()
        )),
        Some(Place::Device(_)) if candidate.devices.is_empty() => Some(format!("{} is the file of no device yet", after.name)),
        _ => None,
    }
}

/// What was seen so far.
#[derive(Default)]
pub(in crate::app) struct Seen {
    checked: Checked,
    /// Templates that are being changed, as faults name them, in lower case.
    names: HashSet<String>,
    faults: Vec<Fault>,
    standing: Vec<Fault>,
    changes: Vec<Changed>,
    by_essence: HashMap<(String, String, String), Option<usize>>,
    models: BTreeSet<(String, String)>,
}

impl Seen {
    pub(in crate::app) fn device(&mut self, device: &Device, files: &[Arc<Tried>]) {
        self.checked.rendered += 1;
        let mut changed = false;
        let mut told = HashSet::new();
        for file in files {
            match &file.after {
                Err(fault) => {
                    // A device counts once for each fault, in however many files it is.
                    if told.insert(fault.clone()) {
                        let standing = file.before.as_ref().is_err_and(|before| before == fault);
                        let fault = self.fault(&file.pack, fault, standing);
                        fault.count += 1;
                        if fault.devices.len() < NAMED {
                            fault.devices.push(Named::of(device));
                        }
                    }
                }
                Ok(_) if file.is_changed() => {
                    changed = true;
                    self.change(device, file);
                }
                Ok(_) => {}
            }
        }
        self.checked.changed += usize::from(changed);
    }

    fn sample(&mut self, pack: &Arc<Pack>, Sampled { model, faults }: &Sampled) {
        self.models.insert((pack.id().to_owned(), model.clone()));
        for (fault, standing) in faults {
            let fault = self.fault(pack.id(), fault, *standing);
            let model = if model.is_empty() { "the generic model" } else { model };
            // A model has several files, and is tried for each template that is changed.
            if !fault.models.iter().any(|m| m == model) {
                fault.models.push(model.to_owned());
            }
        }
    }

    /// The file of a device that is not known yet: a fault when no model can have it.
    fn nobodys(&mut self, pack: &Arc<Pack>, tried: &[Sampled]) {
        if tried.iter().all(|sampled| !sampled.faults.is_empty()) {
            tried.iter().take(1).for_each(|sampled| self.sample(pack, sampled));
        }
        self.models.extend(tried.iter().map(|sampled| (pack.id().to_owned(), sampled.model.clone())));
    }

    /// The same fault is told once. One that was there before, in a template that is not being changed, is no reason to refuse.
    fn fault(&mut self, pack: &str, fault: &TemplateFault, standing: bool) -> &mut Fault {
        let own = self.names.contains(&fault.template.to_lowercase());
        let list = if standing && !own { &mut self.standing } else { &mut self.faults };
        let at = list.iter().position(|f| f.pack == pack && f.fault == *fault).unwrap_or_else(|| {
            list.push(Fault::new(pack, fault.clone()));
            list.len() - 1
        });
        &mut list[at]
    }

    fn change(&mut self, device: &Device, file: &Tried) {
        let (before, after) = (file.shown_before(), file.shown_after());
        let essence = anonymous(text::essence(&before, &after), device);
        let key = (file.pack.clone(), file.file.clone(), essence);
        if !self.by_essence.contains_key(&key) {
            let place = (self.changes.len() < SHOWN).then_some(self.changes.len());
            if place.is_some() {
                let diff = match text::unified(&before, &after, (&format!("now/{}", file.path), &format!("then/{}", file.path))) {
                    diff if diff.is_empty() => format!("{}: only secrets differ, which are not shown\n", file.path),
                    diff => diff,
                };
                self.changes.push(Changed { pack: key.0.clone(), file: key.1.clone(), diff, devices: Vec::new(), count: 0 });
            } else {
                self.checked.more_changes += 1;
            }
            self.by_essence.insert(key.clone(), place);
        }
        if let Some(change) = self.by_essence.get(&key).copied().flatten().and_then(|place| self.changes.get_mut(place)) {
            change.count += 1;
            if change.devices.len() < NAMED {
                change.devices.push(Named::of(device));
            }
        }
    }

    pub(in crate::app) fn into_checked(self) -> Checked {
        let mut checked = self.checked;
        let most = |f: &Fault| std::cmp::Reverse(f.count);
        (checked.faults, checked.standing, checked.changes) = (self.faults, self.standing, self.changes);
        checked.faults.sort_by_key(most);
        checked.changes.sort_by_key(|c| std::cmp::Reverse(c.count));
        checked.models = self.models.len();
        checked
    }
}

/// A change without the device's own address, so that the same change of many phones is one.
fn anonymous(mut text: String, device: &Device) -> String {
    let Some(mac) = device.mac else { return text };
    let colons = mac.to_string();
    let bare = colons.replace(':', "");
    for form in [colons.clone(), colons.replace(':', "-"), bare] {
        for form in [form.to_uppercase(), form] {
            text = text.replace(&form, "{mac}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offhook_core::{Mac, settings::Settings};

    use super::*;

    fn device(n: u32, model: &str, profile: &str) -> Device {
        let at = Timestamp::from_millis(0);
        let [_, b, c, d] = n.to_be_bytes();
        Device {
            id: Id::from_parts(at, [0, 0, 0, 0, 0, 0, 0, b, c, d]),
            tenant: "default".into(),
            mac: Mac::new([2, 0, 0, b, c, d]),
            serial: None,
            uuid: None,
            vendor: None,
            model: Some(model.into()),
            model_pinned: false,
            reported_model: None,
            firmware: None,
            pack: Some("acme".into()),
            pack_pinned: false,
            state: State::Ready,
            profiles: vec![profile.into()],
            settings: Settings::default(),
            unset: Vec::new(),
            label: String::new(),
            location: String::new(),
            tags: Vec::new(),
            last_seen: None,
            last_fetch: None,
            revision: 1,
            generation: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn of_many_alike_a_sample_and_one_of_every_kind() {
        let many = (0..5000).map(|n| device(n, "T1", if n == 4321 { "rare" } else { "usual" }));
        let mut sample = Sample::default();
        // Twice: what is met again counts once.
        for device in many.clone().chain((5000..5010).map(|n| device(n, "T2", "usual"))).chain(many) {
            sample.add(device);
        }
        assert_eq!((sample.ids.len(), sample.first.len(), sample.rest.len()), (5010, 3, OF_ONE_MODEL + 9));
        let sampled = sample.into_devices();
        assert_eq!(sampled.len(), OF_ONE_MODEL + 10);
        let kinds: Vec<&str> = sampled[..3].iter().map(|d| d.profiles[0].as_str()).collect();
        assert_eq!(kinds, ["usual", "rare", "usual"], "one of each comes first");
    }

    #[test]
    fn the_same_change_of_many_phones_is_one() {
        let (one, two) = (device(1, "T1", ""), device(0x0abcde, "T1", ""));
        for form in [|m: Mac| m.to_string(), |m: Mac| m.to_string().replace(':', "").to_uppercase()] {
            let text = |d: &Device| anonymous(format!("+x = {}\n", form(d.mac.unwrap())), d);
            assert_eq!(text(&one), text(&two));
        }
    }
}
