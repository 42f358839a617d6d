//! Which firmware is for whom: profiles that match a pack and perhaps a model and set `provisioning.firmware`. An assignment is a layer
//! like any other, so that sync, provenance and explain know it without more.

use offhook_core::{Error, Result, profile::Profile, settings::Match};
use offhook_packs::Catalog;
use serde_json::{Value, json};

use crate::app::{
    App, Caller,
    fields::{Fields, good_name},
    page::{self, Listed, Part},
    profiles,
};

/// The policies that can be assigned.
pub const POLICIES: [&str; 4] = ["never", "upgrade", "exact", "ask"];

/// One layer that names a firmware version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// `site`, `tenant` or `profile`, with `, enforced` where it is.
    pub layer: String,
    /// The profile, when it is one.
    pub profile: Option<String>,
    /// The tenant it is for; none: every one.
    pub tenant: Option<String>,
    /// The pack it matches; none: any.
    pub pack: Option<String>,
    /// The model it matches; none: any.
    pub model: Option<String>,
    /// The version.
    pub version: String,
    /// The policy, when the layer names one.
    pub policy: Option<String>,
    /// The files that phones need for it, by the packs' images.
    pub files: Vec<String>,
    /// Those of them that are not stored.
    pub missing: Vec<String>,
}

/// Which assignments.
#[derive(Clone, Debug, Default)]
pub struct AssignmentFilter {
    /// For this pack.
    pub pack: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
}

/// One page of the assignments: those of profiles, of tenants and of the site.
pub fn list(app: &App, filter: &AssignmentFilter, part: &Part) -> Result<Listed<Assignment>> {
    let fits = |a: &Assignment| {
        filter.pack.as_ref().is_none_or(|p| a.pack.as_ref() == Some(p))
            && filter.tenant.as_ref().is_none_or(|t| a.tenant.as_ref() == Some(t))
    };
    let key =
        |a: &Assignment| format!("{}\0{}\0{}", a.layer, a.tenant.as_deref().unwrap_or_default(), a.profile.as_deref().unwrap_or_default());
    page::cut(all(app).into_iter().filter(fits), key, part)
}

fn all(app: &App) -> Vec<Assignment> {
    let (configuration, catalog) = (app.store.configuration(), app.pipeline.catalog());
    let site = [("site", &configuration.site.settings), ("site, enforced", &configuration.site.enforced)];
    let mut layers: Vec<_> = site.into_iter().map(|(layer, s)| (layer, None, None, None, app.masked(s))).collect();
    for tenant in configuration.tenants.values() {
        for (layer, settings) in [("tenant", &tenant.settings), ("tenant, enforced", &tenant.enforced)] {
            layers.push((layer, None, Some(tenant.name.clone()), None, app.masked(settings)));
        }
    }
    for p in configuration.profiles() {
        layers.push(("profile", Some(p.name.clone()), p.tenant.clone(), p.matches.clone(), app.masked(&p.settings)));
    }
    let read = |(layer, profile, tenant, matches, settings): (&str, Option<String>, Option<String>, Option<Match>, Value)| {
        let of = |name: &str| settings.pointer(&format!("/provisioning/firmware/{name}")).and_then(Value::as_str).map(str::to_owned);
        let version = of("version")?;
        let (pack, model) = matches.map_or((None, None), |m| (m.pack, m.model));
        let files = files(&catalog, pack.as_deref(), model.as_deref(), &version);
        let shelf = app.store.shelf();
        let missing = files.iter().filter(|f| shelf.get(f).is_none()).cloned().collect();
        Some(Assignment { layer: layer.to_owned(), profile, tenant, pack, model, policy: of("policy"), version, files, missing })
    };
    layers.into_iter().filter_map(read).collect()
}

/// The files that a version needs, over the models that it may be for.
fn files(catalog: &Catalog, pack: Option<&str>, model: Option<&str>, version: &str) -> Vec<String> {
    let mut files = Vec::new();
    for of in catalog.packs().iter().filter(|p| pack.is_none_or(|id| id.split('@').next() == Some(p.id()))) {
        let known: Vec<String> = match model {
            Some(model) => vec![of.canonical_model(model).unwrap_or(model).to_owned()],
            None => of.models().map(|m| m.name.clone()).collect(),
        };
        files.extend(known.iter().filter_map(|m| of.firmware_files(version, Some(m))).flatten());
    }
    files.sort();
    files.dedup();
    files
}

/// The assignments that need a stored file, for people.
pub(super) fn users_of(app: &App, name: &str) -> Vec<String> {
    let needs = |a: &Assignment| a.files.iter().any(|f| f.eq_ignore_ascii_case(name));
    all(app).iter().filter(|a| needs(a)).map(words).collect()
}

fn words(a: &Assignment) -> String {
    let tenant = a.tenant.as_ref().map(|t| format!(" of tenant {t}")).unwrap_or_default();
    match &a.profile {
        Some(profile) => format!("profile {profile}{tenant}"),
        None => format!("{}{tenant}", a.layer),
    }
}

/// What is assigned to whom.
struct Order {
    version: Option<String>,
    policy: Option<String>,
    pack: Option<String>,
    models: Vec<String>,
    tenant: Option<String>,
    profile: Option<String>,
}

impl Order {
    /// From a document; with `version` when something is assigned, without when it is taken back.
    fn read(app: &App, who: &Caller, document: Value, assigns: bool) -> Result<Self> {
        let mut fields = Fields::of(document)?;
        let (mut version, mut policy) = (None, None);
        if assigns {
            fields.require("version");
            version = fields.word("version");
            let word = |v: &Value| v.as_str().filter(|p| POLICIES.contains(p)).map(str::to_owned);
            policy = fields.read("policy", "never, upgrade, exact or ask", word);
        }
        let (pack, tenant, profile) = (fields.word("pack"), who.reach().scope(fields.word("tenant")), fields.word("profile"));
        let models = fields.texts("models", |m| if m.is_empty() { Err("is empty".into()) } else { Ok(()) });
        match (&pack, &profile) {
            (None, None) => fields.fault("pack", "is needed: for the phones of which pack; or name a profile"),
            (Some(_), Some(_)) => fields.fault("profile", "a profile says itself for whom it is: leave out pack and models"),
            _ => {}
        }
        fields.check()?;
        let mut order = Self { version, policy, pack, models, tenant, profile };
        if let Some(id) = order.pack.clone() {
            app.pipeline.check_pack(&id)?;
            order.models = order.models.iter().map(|m| app.pipeline.canonical_model(Some(&id), m)).collect::<Result<_>>()?;
            order.check_version(app, &id)?;
        }
        Ok(order)
    }

    /// A version that no image of the pack is called would never be offered to anybody.
    fn check_version(&self, app: &App, pack: &str) -> Result<()> {
        let Some(version) = &self.version else { return Ok(()) };
        let catalog = app.pipeline.catalog();
        let known = |model: Option<&String>| !files(&catalog, Some(pack), model.map(String::as_str), version).is_empty();
        let bad: Vec<&str> = self.models.iter().filter(|m| !known(Some(m))).map(String::as_str).collect();
        if !bad.is_empty() {
            return Err(Error::invalid("version", format!("no firmware of {} is called {version:?}", bad.join(", "))));
        }
        if self.models.is_empty() && !known(None) {
            return Err(Error::invalid("version", format!("no firmware of the pack {pack} is called {version:?}")));
        }
        Ok(())
    }

    /// The profiles that stand for it, by name and what they match.
    fn profiles(&self) -> Vec<(String, Option<Value>)> {
        if let Some(name) = &self.profile {
            return vec![(name.clone(), None)];
        }
        let pack = self.pack.clone().unwrap_or_default();
        let models = if self.models.is_empty() { vec![None] } else { self.models.iter().map(Some).collect() };
        models.into_iter().map(|m| (name_of(&pack, m.map(String::as_str)), Some(json!({ "pack": pack, "model": m })))).collect()
    }
}

/// `firmware-acme-X1`: what may not stand in a name becomes a dash.
fn name_of(pack: &str, model: Option<&str>) -> String {
    let text = model.map_or_else(|| format!("firmware-{pack}"), |m| format!("firmware-{pack}-{m}"));
    let plain: String = text.chars().map(|c| if good_name(&format!("a{c}a")).is_ok() { c } else { '-' }).collect();
    plain.chars().take(64).collect()
}

/// Assigns `{version, policy?, pack, models?, tenant?}` or `{version, policy?, profile, tenant?}`: makes profiles that match, or patches
/// those that are there.
pub async fn assign(app: &App, who: &Caller, document: Value) -> Result<Vec<Assignment>> {
    who.may_write()?;
    let order = Order::read(app, who, document, true)?;
    let settings = json!({ "provisioning": { "firmware": { "version": order.version, "policy": order.policy } } });
    let mut done = Vec::new();
    for (name, matches) in order.profiles() {
        let there = existing(app, &name, order.tenant.as_deref());
        let profile = match (there, matches) {
            (Some(there), _) => profiles::patch(app, who, &there.id.to_string(), None, None, json!({ "settings": settings })).await?,
            (None, Some(matches)) => {
                let label = format!("Firmware of {}", name.trim_start_matches("firmware-"));
                let clean = json!({ "provisioning": { "firmware": without_nulls(&settings["provisioning"]["firmware"]) } });
                let document = json!({ "name": name, "tenant": order.tenant, "match": matches, "label": label, "settings": clean });
                profiles::create(app, who, document).await?
            }
            (None, None) => return Err(Error::not_found("profile", name)),
        };
        done.push(profile.id);
    }
    let names: Vec<_> =
        app.store.configuration().profiles().filter(|p| done.contains(&p.id)).map(|p| (p.name.clone(), p.tenant.clone())).collect();
    Ok(all(app).into_iter().filter(|a| a.profile.as_ref().is_some_and(|p| names.contains(&(p.clone(), a.tenant.clone())))).collect())
}

/// Takes an assignment back: `{pack, models?, tenant?}` or `{profile, tenant?}`. A profile that stood for nothing else goes. Gives the names of the
/// profiles.
pub async fn unassign(app: &App, who: &Caller, document: Value) -> Result<Vec<String>> {
    who.may_write()?;
    let order = Order::read(app, who, document, false)?;
    let mut done = Vec::new();
    for (name, matches) in order.profiles() {
        let there = existing(app, &name, order.tenant.as_deref()).ok_or_else(|| Error::not_found("profile", &name))?;
        let id = there.id.to_string();
        let nothing = json!({ "provisioning": { "firmware": { "version": null, "policy": null } } });
        let left = profiles::patch(app, who, &id, None, None, json!({ "settings": nothing })).await?;
        if matches.is_some() && is_empty(&app.masked(&left.settings)) {
            profiles::delete(app, who, &id, None, None).await?;
        }
        done.push(name);
    }
    Ok(done)
}

/// The profile of exactly that scope; a named one also among the global ones.
fn existing(app: &App, name: &str, tenant: Option<&str>) -> Option<Profile> {
    let configuration = app.store.configuration();
    configuration.profiles().find(|p| p.name == name && p.tenant.as_deref() == tenant).cloned()
}

fn without_nulls(value: &Value) -> Value {
    let members = value.as_object().into_iter().flatten().filter(|(_, v)| !v.is_null());
    Value::Object(members.map(|(k, v)| (k.clone(), v.clone())).collect())
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(|o| o.values().all(is_empty))
}
