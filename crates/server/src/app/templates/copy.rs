//! Copying overrides: from one pack to another, as when a family gets a new pack, and from one scope to another. A pack's own
//! templates can be copied too: the copy is an override that changes nothing yet.

use std::collections::BTreeSet;

use offhook_core::{Error, Result, template::Scope};
use offhook_packs::Catalog;
use serde_json::Value;

use super::{
    Change, Checked, Layer, Refused, Shown,
    change::{apply, check},
    shown,
};
use crate::app::{
    App, Caller,
    fields::{Fields, good_name},
};

/// What is copied where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copying {
    /// The pack that has them.
    pub from: String,
    /// Only from there; none: all overrides of the pack.
    pub from_layer: Option<Layer>,
    /// The pack that gets them.
    pub to: String,
    /// For whom; none: for whom each is now.
    pub to_scope: Option<Scope>,
    /// Only these; empty: all.
    pub names: Vec<String>,
    /// In the place of those that are there.
    pub overwrite: bool,
    /// Nothing is saved.
    pub dry_run: bool,
}

/// What becomes of one template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyOutcome {
    /// It is copied.
    Copied,
    /// The same text is there already.
    Same,
    /// Another text is there.
    Conflict,
}

impl CopyOutcome {
    /// `copied`, `same`, `conflict`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copied => "copied",
            Self::Same => "same",
            Self::Conflict => "conflict",
        }
    }
}

/// One template of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where it comes from.
    pub from: Layer,
    /// For whom it is.
    pub to: Scope,
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub outcome: CopyOutcome,
}

impl Copying {
    /// From `{from: {pack, scope}, to: {pack, scope}, names, overwrite, dry_run}`.
    pub fn read(document: Value) -> Result<Self> {
        let mut fields = Fields::of(document)?;
        let mut end = |name: &'static str| {
            fields.require(name);
            fields.take(name).filter(|v| !v.is_null()).and_then(|v| read_end(name, v).map_err(|e| fields.merge(e)).ok())
        };
        let (from, to) = (end("from"), end("to"));
        let names = fields.texts("names", |n| if n.contains('/') { Ok(()) } else { good_name(n) });
        let (overwrite, dry_run) = (fields.flag("overwrite"), fields.flag("dry_run"));
        let to_scope = match to.as_ref().and_then(|(_, layer)| layer.clone()) {
            Some(Layer::Pack) => {
                fields.fault("to.scope", "must be site or tenant:NAME: a pack's own template is never changed");
                None
            }
            Some(Layer::Override(scope)) => Some(scope),
            None => None,
        };
        if from.as_ref().is_some_and(|(_, l)| *l == Some(Layer::Pack)) && to_scope.is_none() && !fields.has_fault() {
            fields.fault("to.scope", "is needed when a pack's own templates are copied: site or tenant:NAME");
        }
        fields.check()?;
        let ((from, from_layer), (to, _)) = (from.unwrap_or_default(), to.unwrap_or_default());
        Ok(Self { from, from_layer, to, to_scope, names, overwrite: overwrite.unwrap_or(false), dry_run: dry_run.unwrap_or(false) })
    }
}

/// `{pack, scope}`
fn read_end(name: &str, value: Value) -> Result<(String, Option<Layer>)> {
    let under = |error| match error {
        Error::Invalid(faults) => Error::Invalid(
            faults
                .into_iter()
                .map(|mut f: offhook_core::Fault| {
                    f.field = if f.field.is_empty() { name.to_owned() } else { format!("{name}.{}", f.field) };
                    f
                })
                .collect(),
        ),
        other => other,
    };
    let mut fields = Fields::of(value).map_err(under)?;
    fields.require("pack");
    let pack = fields.word("pack");
    let layer = fields.read("scope", "pack, site or tenant:NAME", |v| v.as_str().and_then(Layer::parse));
    fields.check().map_err(under)?;
    Ok((pack.unwrap_or_default(), layer))
}

/// Copies, and tells what became of each. What is there and differs is a conflict unless it may be overwritten.
pub async fn copy(app: &App, who: &Caller, copying: Copying) -> Result<(Vec<Copied>, Option<Checked>), Refused> {
    if !copying.dry_run {
        who.may_write()?;
    }
    let catalog = app.pipeline.catalog();
    let found = sources(app, &catalog, &copying)?;
    let mut items = Vec::new();
    let mut changes = Vec::new();
    for source in found {
        let (copied, change) = one(app, &catalog, &copying, &source)?;
        changes.extend(change);
        items.push(copied);
    }
    let conflicts: Vec<String> =
        items.iter().filter(|i| i.outcome == CopyOutcome::Conflict).map(|i| format!("{}/{}/{}", i.to, copying.to, i.name)).collect();
    if !conflicts.is_empty() && !copying.dry_run {
        let list = conflicts.join(", ");
        return Err(Error::Conflict(format!("these are there and differ: {list}. Leave them out, or copy with overwrite")).into());
    }
    let checked = match (changes.is_empty(), copying.dry_run) {
        (true, _) => None,
        (false, true) => Some(check(app, who, changes, false).await?),
        (false, false) => Some(apply(app, who, changes).await?.check),
    };
    Ok((items, checked))
}

/// What is to be copied.
fn sources(app: &App, catalog: &Catalog, copying: &Copying) -> Result<Vec<Shown>> {
    let named = |s: &Shown| copying.names.is_empty() || copying.names.iter().any(|n| n.eq_ignore_ascii_case(&s.name));
    let there = |s: &Shown| match &copying.from_layer {
        None => s.stored.is_some(),
        Some(layer) => s.layer == *layer,
    };
    let all = shown(&app.store.configuration(), catalog);
    let found: Vec<Shown> = all.into_iter().filter(|s| s.pack == copying.from && there(s) && named(s)).collect();
    let has = |name: &String| found.iter().any(|s| s.name.eq_ignore_ascii_case(name));
    match copying.names.iter().find(|n| !has(n)) {
        Some(missing) => Err(Error::invalid("names", format!("{} has no {missing:?} there", copying.from))),
        None => {
            let targets: BTreeSet<(Option<&Scope>, String)> = found.iter().map(|s| (target(copying, s), s.name.to_lowercase())).collect();
            if targets.len() < found.len() {
                return Err(Error::invalid("from.scope", "several scopes have a template of one name: say which is copied"));
            }
            Ok(found)
        }
    }
}

fn target<'a>(copying: &'a Copying, source: &'a Shown) -> Option<&'a Scope> {
    copying.to_scope.as_ref().or(match &source.layer {
        Layer::Override(scope) => Some(scope),
        Layer::Pack => None,
    })
}

fn one(app: &App, catalog: &Catalog, copying: &Copying, source: &Shown) -> Result<(Copied, Option<Change>)> {
    let scope = target(copying, source).cloned().unwrap_or(Scope::Site);
    let configuration = app.store.configuration();
    let there = configuration.templates.find(&scope, &copying.to, &source.name);
    let outcome = match there {
        Some(there) if there.source == source.source => CopyOutcome::Same,
        Some(_) if !copying.overwrite => CopyOutcome::Conflict,
        _ => CopyOutcome::Copied,
    };
    let pack = catalog.pack(&copying.to).map(|p| (Some(p.version().to_owned()), p.template(&source.name).map(str::to_owned)));
    // What it was made for comes along, so that the report of the copy tells how the new pack differs. Where the new pack has the same
    // text, it is made for that.
    let base = source.stored.as_ref().map(|o| (o.base_version.clone(), o.base_source.clone()));
    let base = match (base, pack) {
        (Some((_, text)), Some((version, now))) if text == now => Some((version, now)),
        (Some(base), _) => Some(base),
        (None, _) => Some((source.pack_version.clone(), Some(source.source.clone()))),
    };
    let change = Change {
        scope: scope.clone(),
        pack: copying.to.clone(),
        name: source.name.clone(),
        source: Some(source.source.clone()),
        revision: Some(there.map_or(0, |t| t.revision)),
        base_version: None,
        base,
    };
    let copied = Copied { from: source.layer.clone(), to: scope, name: source.name.clone(), outcome };
    Ok((copied, (outcome == CopyOutcome::Copied).then_some(change)))
}
