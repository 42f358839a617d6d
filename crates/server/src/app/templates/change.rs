//! Saving and deleting overrides: one or several at once, all or none, after a check of everything that they touch.

use std::{collections::BTreeSet, sync::Arc};

use offhook_core::{
    Error, Fault, Id, Result,
    device::Device,
    template::{Scope, TemplateOverride, TemplateSet},
};
use offhook_packs::{Catalog, Pack};
use offhook_store::NewTemplate;
use serde_json::Value;

use super::{
    Checked, Layer, Shown,
    check::{self, Candidate},
    place::{self, Place},
    text,
};
use crate::app::{App, Caller, fields::Fields};

/// So many changes at once.
const MOST: usize = 1000;

/// One override as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// For whom.
    pub scope: Scope,
    /// Id of the pack.
    pub pack: String,
    /// Name of the template.
    pub name: String,
    /// The text; none deletes the override.
    pub source: Option<String>,
    /// The revision that was read; 0 where there must be none; none where it does not matter.
    pub revision: Option<u64>,
    /// Version of the pack that the text is made for: that of today, or the one that is stored. Left out, the stored one stays, and a new
    /// override is made for today's.
    pub base_version: Option<String>,
    /// What it is made for, where it is copied with that.
    pub base: Option<(Option<String>, Option<String>)>,
}

impl Change {
    /// `site/acme/base.tpl`
    pub(super) fn shown(&self) -> String {
        format!("{}/{}/{}", self.scope, self.pack, self.name)
    }
}

/// What was saved and deleted, and what the check saw.
#[derive(Debug)]
pub struct Saved {
    /// In the order of the changes: what is stored now; nothing for what is deleted.
    pub items: Vec<(Change, Option<Shown>)>,
    /// What it does to phones.
    pub check: Checked,
}

/// Why nothing was saved.
#[derive(Debug)]
pub enum Refused {
    /// Something would not render.
    Check(Box<Checked>),
    /// Anything else.
    Error(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Reads `{changes: [{scope, pack, name, source, revision, base_version}], reveal}`.
pub fn read_changes(document: Value) -> Result<(Vec<Change>, bool)> {
    let mut fields = Fields::of(document)?;
    let reveal = fields.flag("reveal").unwrap_or(false);
    fields.require("changes");
    let items =
        fields.read("changes", "a list of 1 to 1000 changes", |v| v.as_array().filter(|items| (1..=MOST).contains(&items.len())).cloned());
    let mut changes = Vec::new();
    let mut seen = BTreeSet::new();
    for (n, item) in items.unwrap_or_default().into_iter().enumerate() {
        match read_change(item) {
            Ok(change) => {
                if !seen.insert((change.scope.clone(), change.pack.clone(), change.name.to_lowercase())) {
                    fields.fault(format!("changes[{n}].name"), format!("{} stands in the list twice", change.shown()));
                }
                changes.push(change);
            }
            Err(Error::Invalid(faults)) => {
                let place = |f: &str| if f.is_empty() { format!("changes[{n}]") } else { format!("changes[{n}].{f}") };
                faults.into_iter().for_each(|f| fields.fault(place(&f.field), f.message));
            }
            Err(other) => return Err(other),
        }
    }
    fields.check()?;
    Ok((changes, reveal))
}

fn read_change(item: Value) -> Result<Change> {
    let mut fields = Fields::of(item)?;
    ["scope", "pack", "name"].into_iter().for_each(|name| fields.require(name));
    let scope = fields.read("scope", "site or tenant:NAME", |v| v.as_str().and_then(Scope::parse));
    let (pack, name) = (fields.word("pack"), fields.word("name"));
    if fields.peek("source").is_none() {
        fields.fault("source", "is needed: the text, or null to delete the override");
    }
    let source = source(&mut fields);
    let revision = fields.read("revision", "a revision, or 0", |v| v.as_u64().filter(|n| i64::try_from(*n).is_ok()));
    let base_version = fields.word("base_version");
    fields.check()?;
    let (pack, name) = (pack.unwrap_or_default(), name.unwrap_or_default());
    Ok(Change { scope: scope.unwrap_or(Scope::Site), pack, name, source, revision, base_version, base: None })
}

fn source(fields: &mut Fields) -> Option<String> {
    fields.read("source", "text", |v| v.as_str().map(str::to_owned))
}

/// Saves an override from `{source, base_version}`.
pub async fn put(
    app: &App,
    who: &Caller,
    layer: &Layer,
    pack: &str,
    name: &str,
    revision: Option<u64>,
    document: Value,
) -> Result<Saved, Refused> {
    who.may_write()?;
    let scope = writable(layer)?;
    let mut fields = Fields::of(document)?;
    fields.require("source");
    let source = source(&mut fields);
    let base_version = fields.word("base_version");
    fields.check()?;
    let change = Change { scope, pack: pack.to_owned(), name: name.to_owned(), source, revision, base_version, base: None };
    apply(app, who, vec![change]).await
}

/// Deletes an override. It must be there.
pub async fn delete(app: &App, who: &Caller, layer: &Layer, pack: &str, name: &str, revision: Option<u64>) -> Result<Saved, Refused> {
    who.may_write()?;
    let scope = writable(layer)?;
    let change = Change { scope, pack: pack.to_owned(), name: name.to_owned(), source: None, revision, base_version: None, base: None };
    apply(app, who, vec![change]).await
}

fn writable(layer: &Layer) -> Result<Scope> {
    match layer {
        Layer::Override(scope) => Ok(scope.clone()),
        Layer::Pack => {
            Err(Error::invalid("scope", "a pack's own template is never changed: write an override, with the scope site or tenant:NAME"))
        }
    }
}

/// What the changes would do to phones; nothing is saved.
pub async fn check(app: &App, who: &Caller, changes: Vec<Change>, reveal: bool) -> Result<Checked> {
    who.may_reveal(reveal)?;
    app.revealing(reveal, None, "what templates would change").await?;
    let prepared = prepare(app, &changes).await?;
    check::run(app, &prepared.candidates, prepared.set, reveal).await
}

/// Saves and deletes, all or none, when everything that is touched still renders.
pub async fn apply(app: &App, who: &Caller, changes: Vec<Change>) -> Result<Saved, Refused> {
    who.may_write()?;
    // Two checks at once would each see the other's templates as they were.
    let _alone = app.templates.lock().await;
    let prepared = prepare(app, &changes).await?;
    let checked = check::run(app, &prepared.candidates, prepared.set.clone(), false).await?;
    if !checked.ok() {
        return Err(Refused::Check(Box::new(checked)));
    }
    let (mut puts, mut deletes) = (Vec::new(), Vec::new());
    for (change, candidate) in changes.iter().zip(&prepared.candidates) {
        let devices: Vec<Id> = candidate.devices.iter().map(|d| d.id).collect();
        match (&candidate.after, &candidate.before) {
            (Some(after), _) => puts.push((new_template(after, devices, &who.label), change.revision)),
            (None, Some(before)) => deletes.push((before.id, change.revision, devices)),
            (None, None) => {}
        }
    }
    let mut saved = app.store.change_templates(puts, deletes).await?.into_iter();
    let mut items = Vec::new();
    for change in changes {
        let shown = match change.source.as_ref().and_then(|_| saved.next()) {
            Some(one) => Some(super::saved(app, one).await?),
            None => None,
        };
        items.push((change, shown));
    }
    Ok(Saved { items, check: checked })
}

fn new_template(one: &TemplateOverride, devices: Vec<Id>, author: &str) -> NewTemplate {
    let one = one.clone();
    NewTemplate {
        scope: one.scope,
        pack: one.pack,
        name: one.name,
        source: one.source,
        device_file: one.device_file,
        devices,
        base_version: one.base_version,
        base_source: one.base_source,
        author: author.to_owned(),
    }
}

/// The overrides as they would be.
struct Prepared {
    candidates: Vec<Candidate>,
    set: TemplateSet,
}

async fn prepare(app: &App, changes: &[Change]) -> Result<Prepared> {
    let (configuration, catalog) = (app.store.configuration(), app.pipeline.catalog());
    let mut set = TemplateSet::clone(&configuration.templates);
    let mut candidates = Vec::new();
    let mut faults = Vec::new();
    for (n, change) in changes.iter().enumerate() {
        if change.scope == Scope::Site {
            app.store.reach().may_write_in(None)?;
        }
        let old = configuration.templates.find(&change.scope, &change.pack, &change.name).cloned();
        let at = |field: &str| if changes.len() == 1 { field.to_owned() } else { format!("changes[{n}].{field}") };
        if let Some(revision) = change.revision {
            let now = old.as_ref().map_or(0, |o| o.revision);
            if revision != now {
                return Err(stale(change, now));
            }
        }
        if let Some(tenant) = change.scope.tenant().filter(|t| !configuration.tenants.contains_key(*t)) {
            faults.push(Fault::new(at("scope"), format!("there is no tenant {tenant:?}")));
            continue;
        }
        let pack = catalog.pack(&change.pack).filter(|_| !change.pack.contains('@'));
        match candidate(app, &catalog, pack, change, old).await {
            Ok(candidate) => {
                set = match (&candidate.before, &candidate.after) {
                    (_, Some(after)) => set.with(after.clone()),
                    (Some(before), None) => set.without(before.id),
                    (None, None) => set,
                };
                candidates.push(candidate);
            }
            Err(Error::Invalid(list)) => faults.extend(list.into_iter().map(|f| Fault::new(at(&f.field), f.message))),
            Err(other) => return Err(other),
        }
    }
    if faults.is_empty() { Ok(Prepared { candidates, set }) } else { Err(Error::Invalid(faults)) }
}

fn stale(change: &Change, now: u64) -> Error {
    match (change.revision, now) {
        (Some(0), _) => Error::Conflict(format!("there is an override {} already (revision {now}): read it first", change.shown())),
        _ => Error::Stale { revision: now },
    }
}

async fn candidate(
    app: &App,
    catalog: &Catalog,
    pack: Option<&Arc<Pack>>,
    change: &Change,
    before: Option<Arc<TemplateOverride>>,
) -> Result<Candidate> {
    let place = pack.map(|p| Place::of(catalog, p, &change.name));
    let devices: Vec<Device> = match (pack, &place) {
        (Some(pack), Some(place)) => place::devices(app, pack, place, &change.scope).await?,
        _ => Vec::new(),
    };
    let Some(source) = &change.source else {
        if before.is_none() {
            return Err(Error::not_found("template override", change.shown()));
        }
        return Ok(Candidate { pack: pack.cloned(), place, before, after: None, devices });
    };
    let (Some(found), Some(target)) = (pack, &place) else { return Err(no_pack(app, catalog, change)) };
    if let Some((line, marker)) = text::undecided(source) {
        return Err(Error::invalid("source", format!("line {line}: {marker:?} is left of a merge: decide which lines stay")));
    }
    let (base_version, base_source) = base(found, change, before.as_deref())?;
    let now = app.clock.now();
    let after = TemplateOverride {
        id: before.as_ref().map_or_else(|| Id::new(&*app.clock, &*app.entropy), |o| o.id),
        scope: change.scope.clone(),
        pack: found.id().to_owned(),
        name: change.name.clone(),
        source: source.clone(),
        device_file: target.is_device(),
        base_version,
        base_source,
        author: String::new(),
        revision: before.as_ref().map_or(1, |o| o.revision + 1),
        created_at: before.as_ref().map_or(now, |o| o.created_at),
        updated_at: now,
    };
    Ok(Candidate { pack: pack.cloned(), place, before, after: Some(after), devices })
}

fn no_pack(app: &App, catalog: &Catalog, change: &Change) -> Error {
    if change.pack.contains('@') {
        return Error::invalid("pack", "is the id of a pack without a version: an override holds for all its versions");
    }
    if app.store.configuration().templates.find(&change.scope, &change.pack, &change.name).is_some() {
        return Error::Conflict(format!("the pack {:?} is not installed, so that nothing can be checked: install it first", change.pack));
    }
    let packs: Vec<&str> = catalog.packs().iter().map(|p| p.id()).collect();
    Error::invalid("pack", format!("there is no pack {:?}; there are {}", change.pack, packs.join(", ")))
}

/// Version and text of the pack that the override is made for.
fn base(pack: &Pack, change: &Change, old: Option<&TemplateOverride>) -> Result<(Option<String>, Option<String>)> {
    let today = || (Some(pack.version().to_owned()), pack.template(&change.name).map(str::to_owned));
    let stored = |old: &TemplateOverride| (old.base_version.clone(), old.base_source.clone());
    match (&change.base, &change.base_version, old) {
        (Some(copied), _, _) => Ok(copied.clone()),
        (None, Some(version), _) if version == pack.version() => Ok(today()),
        (None, Some(version), Some(old)) if old.base_version.as_ref() == Some(version) => Ok(stored(old)),
        (None, Some(version), _) => {
            let message = format!("the pack's version is {} now, and this text is not made for {version}", pack.version());
            Err(Error::invalid("base_version", message))
        }
        (None, None, Some(old)) => Ok(stored(old)),
        (None, None, None) => Ok(today()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_read_with_all_faults_at_once() {
        let good = json!({ "scope": "tenant:north", "pack": "acme", "name": "base.tpl", "source": null, "revision": 3 });
        let (changes, reveal) = read_changes(json!({ "changes": [good], "reveal": true })).unwrap();
        assert!(reveal && changes[0].source.is_none() && changes[0].revision == Some(3));
        let bad = json!({ "changes": [
            { "scope": "pack", "pack": "acme", "name": "a", "source": "x" }, { "scope": "site", "pack": "acme", "name": "b" },
            { "scope": "site", "pack": "acme", "name": "c", "source": "x" }, { "scope": "site", "pack": "acme", "name": "C", "source": "y" }, 7
        ] });
        let Err(Error::Invalid(faults)) = read_changes(bad) else { panic!("no fault") };
        let fields: Vec<&str> = faults.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(fields, ["changes[0].scope", "changes[1].source", "changes[3].name", "changes[4]"]);
        assert!(read_changes(json!({ "changes": [] })).is_err() && read_changes(json!({})).is_err());
    }
}
