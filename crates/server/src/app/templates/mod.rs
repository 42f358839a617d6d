//! Templates: those of packs, and the overrides that people lay over them. An override is saved only when everything that it
//! touches still renders.

use std::{fmt, sync::Arc};

use offhook_core::{
    Error, Id, Mac, Result,
    clock::Timestamp,
    configuration::Configuration,
    template::{Scope, TemplateOverride},
};
use offhook_packs::{Catalog, Pack};

use super::{
    App,
    page::{self, Listed, Part},
};

mod change;
pub(in crate::app) mod check;
mod copy;
mod place;
mod text;

pub use change::{Change, Refused, Saved, apply, check, delete, put, read_changes};
pub use check::{Changed, Checked, Fault};
pub use copy::{Copied, CopyOutcome, Copying, copy};
use place::Place;
pub(in crate::app) use text::unified;

/// Orders of the list.
pub const SORTS: &[&str] = &["name", "pack", "updated_at"];

/// Where a template is: in its pack, or laid over it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The pack's own; nobody changes it.
    Pack,
    /// An override.
    Override(Scope),
}

impl Layer {
    /// From `pack`, `site` or `tenant:<name>`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "pack" { Some(Self::Pack) } else { Scope::parse(text).map(Self::Override) }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pack => f.write_str("pack"),
            Self::Override(scope) => scope.fmt(f),
        }
    }
}

/// A device that a template or a fault names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub id: Id,
    /// Its address.
    pub mac: Option<Mac>,
    /// For people.
    pub label: String,
}

/// A template as people see it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Where it is.
    pub layer: Layer,
    /// Id of the pack.
    pub pack: String,
    /// Its name.
    pub name: String,
    /// The text.
    pub source: String,
    /// What it stands in the place of.
    pub replaces: Option<&'static str>,
    /// What of it is stored; none for a pack's own.
    pub stored: Option<Arc<TemplateOverride>>,
    /// Version of the pack that is in use; none when there is no such pack.
    pub pack_version: Option<String>,
    /// The pack's own text of that name.
    pub pack_source: Option<String>,
    /// The model whose files it makes, where its name is a model's.
    pub model: Option<String>,
    /// The devices whose file it makes, where its name is a file's.
    pub devices: Vec<Named>,
}

impl Shown {
    /// Whether the pack's text is another than the one that the override was made for.
    pub fn stale(&self) -> bool {
        let base = self.stored.as_ref().map(|o| &o.base_source);
        self.pack_version.is_some() && base.is_some_and(|base| *base != self.pack_source)
    }

    /// The newest change; that of a pack's own is not known.
    pub fn updated_at(&self) -> Option<Timestamp> {
        self.stored.as_ref().map(|o| o.updated_at)
    }
}

/// An override beside the pack's text that it was made for and the one of today.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the override changes of the text that it was made for.
    pub override_diff: String,
    /// What the pack changed since.
    pub pack_diff: String,
    /// Both changes in one text; between markers where they are of the same lines.
    pub merged: String,
    /// There are no such lines.
    pub clean: bool,
    /// The override builds on the pack's text of its own name: what the pack changes is in it already.
    pub extends: bool,
}

/// The three-way report of an override; none where neither the pack it was made for nor that of today has the template.
pub fn report(shown: &Shown) -> Option<Report> {
    let stored = shown.stored.as_ref()?;
    if stored.base_source.is_none() && shown.pack_source.is_none() {
        return None;
    }
    let base = stored.base_source.as_deref().unwrap_or_default();
    let now = shown.pack_source.as_deref().unwrap_or(if shown.pack_version.is_some() { "" } else { base });
    let version = |v: Option<&String>| format!("{} {}", shown.pack, v.map_or("?", |v| v.as_str()));
    let (made_for, today) = (version(stored.base_version.as_ref()), version(shown.pack_version.as_ref()));
    let extends = text::builds_on(&stored.source, &stored.name);
    let merged = match extends {
        true => text::Merged { text: stored.source.clone(), clean: true },
        false => text::merge(base, &stored.source, now),
    };
    Some(Report {
        override_diff: text::unified(if extends { "" } else { base }, &stored.source, (&made_for, &stored.shown())),
        pack_diff: text::unified(base, now, (&made_for, &today)),
        merged: merged.text,
        clean: merged.clean,
        extends,
    })
}

/// Which templates.
#[derive(Clone, Debug, Default)]
pub struct TemplateFilter {
    /// Of this pack.
    pub pack: Option<String>,
    /// Only there.
    pub layer: Option<Layer>,
    /// Only overrides.
    pub overrides: bool,
    /// Only overrides under which the pack changed.
    pub stale: bool,
    /// Text that stands in the name, letter case ignored.
    pub q: Option<String>,
}

/// One page of the templates that fit.
pub async fn list(app: &App, filter: &TemplateFilter, part: &Part) -> Result<Listed<Shown>> {
    let (configuration, catalog) = (app.store.configuration(), app.pipeline.catalog());
    let all = shown(&configuration, &catalog);
    let fits = |s: &Shown| {
        filter.pack.as_ref().is_none_or(|p| s.pack == *p)
            && filter.layer.as_ref().is_none_or(|l| s.layer == *l)
            && !(filter.overrides && s.stored.is_none())
            && (!filter.stale || s.stale())
            && filter.q.as_deref().is_none_or(|q| page::holds(&s.name, q))
    };
    let key = |s: &Shown| {
        let place = format!("{}\0{}", s.name.to_lowercase(), s.layer);
        match part.sort {
            "pack" => format!("{}\0{place}", s.pack),
            "updated_at" => format!("{}\0{}\0{place}", s.updated_at().map(|t| t.to_string()).unwrap_or_default(), s.pack),
            _ => format!("{place}\0{}", s.pack),
        }
    };
    let mut listed = page::cut(all.into_iter().filter(fits), key, part)?;
    for shown in &mut listed.items {
        shown.devices = devices_of(app, &catalog, shown).await?;
    }
    Ok(listed)
}

/// One template, with its text.
pub async fn read(app: &App, layer: &Layer, pack: &str, name: &str) -> Result<Shown> {
    let (configuration, catalog) = (app.store.configuration(), app.pipeline.catalog());
    let found = match layer {
        Layer::Pack => own(&catalog, pack, name),
        Layer::Override(scope) => configuration.templates.find(scope, pack, name).map(|o| of_override(&configuration, &catalog, o)),
    };
    let mut shown = found.ok_or_else(|| Error::not_found("template", format!("{layer}/{pack}/{name}")))?;
    shown.devices = devices_of(app, &catalog, &shown).await?;
    Ok(shown)
}

/// An override that was saved, or would be.
async fn saved(app: &App, one: TemplateOverride) -> Result<Shown> {
    let (configuration, catalog) = (app.store.configuration(), app.pipeline.catalog());
    let mut shown = of_override(&configuration, &catalog, &Arc::new(one));
    shown.devices = devices_of(app, &catalog, &shown).await?;
    Ok(shown)
}

/// Every template of every pack, and every override.
fn shown(configuration: &Configuration, catalog: &Catalog) -> Vec<Shown> {
    let packs = catalog.packs().iter().flat_map(|pack| pack.templates().map(|name| of_pack(catalog, pack, name)));
    packs.chain(configuration.templates.iter().map(|o| of_override(configuration, catalog, o))).collect()
}

fn own(catalog: &Catalog, pack: &str, name: &str) -> Option<Shown> {
    let pack = catalog.pack(pack)?;
    let name = pack.templates().find(|n| n.eq_ignore_ascii_case(name))?;
    Some(of_pack(catalog, pack, name))
}

fn of_pack(catalog: &Catalog, pack: &Arc<Pack>, name: &str) -> Shown {
    let source = pack.template(name).unwrap_or_default().to_owned();
    Shown {
        layer: Layer::Pack,
        pack: pack.id().to_owned(),
        name: name.to_owned(),
        replaces: None,
        stored: None,
        pack_version: Some(pack.version().to_owned()),
        pack_source: Some(source.clone()),
        source,
        model: Place::of(catalog, pack, name).model().map(str::to_owned),
        devices: Vec::new(),
    }
}

fn of_override(configuration: &Configuration, catalog: &Catalog, one: &Arc<TemplateOverride>) -> Shown {
    let pack = catalog.pack(&one.pack);
    let pack_source = pack.and_then(|p| p.template(&one.name)).map(str::to_owned);
    let over_site = one.scope != Scope::Site && configuration.templates.find(&Scope::Site, &one.pack, &one.name).is_some();
    Shown {
        layer: Layer::Override(one.scope.clone()),
        pack: one.pack.clone(),
        name: one.name.clone(),
        source: one.source.clone(),
        replaces: if over_site { Some("site") } else { pack_source.as_ref().map(|_| "pack") },
        stored: Some(one.clone()),
        pack_version: pack.map(|p| p.version().to_owned()),
        pack_source,
        model: pack.and_then(|p| Place::of(catalog, p, &one.name).model().map(str::to_owned)),
        devices: Vec::new(),
    }
}

async fn devices_of(app: &App, catalog: &Catalog, shown: &Shown) -> Result<Vec<Named>> {
    let Layer::Override(scope) = &shown.layer else { return Ok(Vec::new()) };
    let Some(pack) = catalog.pack(&shown.pack) else { return Ok(Vec::new()) };
    let devices = place::devices(app, pack, &Place::of(catalog, pack, &shown.name), scope).await?;
    Ok(devices.iter().map(Named::of).collect())
}

impl Named {
    fn of(device: &offhook_core::device::Device) -> Self {
        Self { id: device.id, mac: device.mac, label: device.label.clone() }
    }
}
