//! Profiles: named partial settings that devices share.

use offhook_core::{
    Error, Id, Result,
    profile::Profile,
    settings::{Match, Scope, apply_merge_patch},
    token::Reach,
};

use serde_json::{Map, Value, json};

use super::{
    App, Caller,
    fields::{Fields, good_name},
    page::{self, Listed, Part},
    site::patch_settings,
};

/// What the server sets; passed over in a PUT.
const READ_ONLY: &[&str] = &["id", "revision", "created_at", "updated_at"];

/// Orders of the list.
pub const SORTS: &[&str] = &["name", "created_at", "updated_at"];

/// Which profiles.
#[derive(Clone, Debug, Default)]
pub struct ProfileFilter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Only those of no tenant.
    pub global: bool,
    /// Text that stands in name or label, letter case ignored.
    pub q: Option<String>,
}

/// One page of the profiles.
pub fn list(app: &App, filter: &ProfileFilter, part: &Part) -> Result<Listed<Profile>> {
    let configuration = app.store.configuration();
    let fits = |p: &&Profile| {
        filter.tenant.as_ref().is_none_or(|t| p.tenant.as_ref() == Some(t))
            && !(filter.global && p.tenant.is_some())
            && filter.q.as_deref().is_none_or(|q| page::holds(&p.name, q) || page::holds(&p.label, q))
    };
    let key = |p: &Profile| match part.sort {
        "created_at" => format!("{} {}", p.created_at, p.id),
        "updated_at" => format!("{} {}", p.updated_at, p.id),
        _ => format!("{}\0{}", p.name, p.id),
    };
    page::cut(configuration.profiles().filter(fits).cloned(), key, part)
}

/// The profile of that id, or of that name: of the tenant when one is said, else the global one, else the only one.
pub fn read(app: &App, key: &str, tenant: Option<&str>) -> Result<Profile> {
    let configuration = app.store.configuration();
    let fits = |p: &&Profile| match Id::parse(key) {
        Some(id) => p.id == id,
        None => p.name == key && (tenant.is_none() || p.tenant.as_deref() == tenant),
    };
    let found: Vec<&Profile> = configuration.profiles().filter(fits).collect();
    match found.as_slice() {
        [] => Err(Error::not_found("profile", key)),
        [one] => Ok((*one).clone()),
        several => match several.iter().find(|p| p.tenant.is_none()) {
            Some(global) => Ok((*global).clone()),
            None => Err(Error::Conflict(format!("several tenants have a profile {key:?}: say which one with tenant=NAME, or use its id"))),
        },
    }
}

/// Makes a profile.
pub async fn create(app: &App, who: &Caller, document: Value) -> Result<Profile> {
    who.may_write()?;
    let reach = who.reach();
    app.store.create_profile(move |profile, _| fill(profile, Fields::of(document)?, &reach)).await
}

/// Puts a whole new profile in place of the old one; what is left out is empty.
pub async fn replace(app: &App, who: &Caller, key: &str, tenant: Option<&str>, if_match: Option<u64>, document: Value) -> Result<Profile> {
    who.may_write()?;
    let (id, reach) = (read(app, key, tenant)?.id, who.reach());
    app.store
        .update_profile(id, if_match, move |profile, _| {
            let mut fields = Fields::of(document)?;
            fields.pass_over(READ_ONLY);
            fill(profile, fields, &reach)
        })
        .await
}

/// Changes what the patch names (RFC 7396).
pub async fn patch(app: &App, who: &Caller, key: &str, tenant: Option<&str>, if_match: Option<u64>, patch: Value) -> Result<Profile> {
    who.may_write()?;
    let (id, reach) = (read(app, key, tenant)?.id, who.reach());
    app.store
        .update_profile(id, if_match, move |profile, _| {
            let mut fields = Fields::patched(writable(profile), patch, "settings")?;
            profile.settings = patch_settings(&mut fields, "settings", &profile.settings, Scope::Profile);
            fill_all_but_settings(profile, fields, &reach)
        })
        .await
}

/// Deletes a profile that nothing uses.
pub async fn delete(app: &App, who: &Caller, key: &str, tenant: Option<&str>, if_match: Option<u64>) -> Result<()> {
    who.may_write()?;
    let id = read(app, key, tenant)?.id;
    app.store.delete_profile(id, if_match).await
}

/// Everything but the settings, as a document that a patch applies to.
fn writable(profile: &Profile) -> Map<String, Value> {
    let document = json!({
        "name": profile.name, "tenant": profile.tenant, "parents": profile.parents, "match": profile.matches,
        "unset": profile.unset, "label": profile.label,
    });
    match document {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// As an earlier version was.
pub(super) fn restore(profile: &mut Profile, old: &Profile) -> Result<()> {
    let mut document = writable(old);
    document.insert("settings".to_owned(), Value::Object(old.settings.tree().clone()));
    fill(profile, Fields::of(Value::Object(document))?, &Reach::ALL)
}

fn fill(profile: &mut Profile, mut fields: Fields, reach: &Reach) -> Result<()> {
    profile.settings = fields.settings("settings", Some(&profile.settings), Scope::Profile);
    fill_all_but_settings(profile, fields, reach)
}

fn fill_all_but_settings(profile: &mut Profile, mut fields: Fields, reach: &Reach) -> Result<()> {
    fields.require("name");
    profile.name = fields.name("name").unwrap_or_default();
    profile.tenant = reach.scope(fields.word("tenant"));
    profile.parents = fields.texts("parents", good_name);
    profile.matches = matches(&mut fields);
    profile.unset = fields.unset();
    profile.label = fields.text("label").unwrap_or_default();
    fields.check()
}

/// What the profile applies to by itself. `null`s in it are fields that are not given.
fn matches(fields: &mut Fields) -> Option<Match> {
    let mut given = fields.take("match").filter(|v| !v.is_null())?;
    let nothing = json!({});
    let patch = std::mem::replace(&mut given, nothing);
    apply_merge_patch(&mut given, &patch);
    match Match::validate(&given) {
        Ok(matches) => Some(matches),
        Err(faults) => {
            fields.merge(Error::under("match", faults));
            None
        }
    }
}
