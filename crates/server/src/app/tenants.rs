//! Tenants: owners of devices, accounts and profiles.

use ipnet::IpNet;
use offhook_core::{Error, Id, Result, access::parse_net, settings::Scope, tenant::Tenant};

use serde_json::{Map, Value, json};

use super::{
    App, Caller,
    fields::Fields,
    page::{self, Listed, Part},
    site::patch_settings,
};

/// What the server sets; passed over in a PUT.
const READ_ONLY: &[&str] = &["id", "revision", "created_at", "updated_at"];

/// Which tenants.
#[derive(Clone, Debug, Default)]
pub struct TenantFilter {
    /// Text that stands in the name, letter case ignored.
    pub q: Option<String>,
}

/// One page of the tenants, by name.
pub fn list(app: &App, filter: &TenantFilter, part: &Part) -> Result<Listed<Tenant>> {
    let configuration = app.store.configuration();
    let fits = |t: &&Tenant| filter.q.as_deref().is_none_or(|q| page::holds(&t.name, q));
    page::cut(configuration.tenants.values().filter(fits).cloned(), |t| t.name.clone(), part)
}

/// The tenant of that name or id.
pub fn read(app: &App, key: &str) -> Result<Tenant> {
    let configuration = app.store.configuration();
    let by_id = || Id::parse(key).and_then(|id| configuration.tenants.values().find(|t| t.id == id));
    configuration.tenants.get(key).or_else(by_id).cloned().ok_or_else(|| Error::not_found("tenant", key))
}

/// Makes a tenant.
pub async fn create(app: &App, who: &Caller, document: Value) -> Result<Tenant> {
    who.may_write()?;
    who.must_be_of_all("this makes a tenant")?;
    app.store
        .create_tenant(move |tenant, _| {
            let mut fields = Fields::of(document)?;
            fields.require("name");
            tenant.name = name(&mut fields).unwrap_or_default();
            fill(tenant, fields)
        })
        .await
}

/// Puts a whole new tenant in place of the old one; what is left out is empty. Its name stays.
pub async fn replace(app: &App, who: &Caller, key: &str, if_match: Option<u64>, document: Value) -> Result<Tenant> {
    who.may_write()?;
    let key = read(app, key)?.name;
    app.store
        .update_tenant(&key, if_match, move |tenant, _| {
            let mut fields = Fields::of(document)?;
            fields.pass_over(READ_ONLY);
            same_name(&mut fields, tenant);
            fill(tenant, fields)
        })
        .await
}

/// Changes what the patch names (RFC 7396).
pub async fn patch(app: &App, who: &Caller, key: &str, if_match: Option<u64>, patch: Value) -> Result<Tenant> {
    who.may_write()?;
    let key = read(app, key)?.name;
    app.store
        .update_tenant(&key, if_match, move |tenant, _| {
            let base = Map::from_iter([("networks".to_owned(), json!(tenant.networks))]);
            let mut fields = Fields::patched(base, patch, "settings")?;
            same_name(&mut fields, tenant);
            let networks = networks(&mut fields);
            let settings = patch_settings(&mut fields, "settings", &tenant.settings, Scope::Tenant);
            let enforced = patch_settings(&mut fields, "enforced", &tenant.enforced, Scope::Tenant);
            fields.check()?;
            (tenant.networks, tenant.settings, tenant.enforced) = (networks, settings, enforced);
            Ok(())
        })
        .await
}

/// Deletes a tenant that owns nothing.
pub async fn delete(app: &App, who: &Caller, key: &str, if_match: Option<u64>) -> Result<()> {
    who.may_write()?;
    let key = read(app, key)?.name;
    who.must_be_of_all("this deletes a tenant")?;
    app.store.delete_tenant(&key, if_match).await
}

/// As an earlier version was.
pub(super) fn restore(tenant: &mut Tenant, old: &Tenant) -> Result<()> {
    let (settings, enforced) = (old.settings.tree(), old.enforced.tree());
    fill(tenant, Fields::of(json!({ "networks": old.networks, "settings": settings, "enforced": enforced }))?)
}

fn fill(tenant: &mut Tenant, mut fields: Fields) -> Result<()> {
    let networks = networks(&mut fields);
    let settings = fields.settings("settings", Some(&tenant.settings), Scope::Tenant);
    let enforced = fields.settings("enforced", Some(&tenant.enforced), Scope::Tenant);
    fields.check()?;
    (tenant.networks, tenant.settings, tenant.enforced) = (networks, settings, enforced);
    Ok(())
}

fn networks(fields: &mut Fields) -> Vec<IpNet> {
    fields.texts("networks", |text| parse_net(text).map(|_| ())).iter().filter_map(|text| parse_net(text).ok()).collect()
}

fn name(fields: &mut Fields) -> Option<String> {
    fields.read("name", "1 to 64 of the characters a-z 0-9 - _ . and begin with a letter or digit", |v| {
        let name = v.as_str()?;
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let first = name.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        (first && name.len() <= 64 && name.chars().all(good) && Id::parse(name).is_none()).then(|| name.to_owned())
    })
}

fn same_name(fields: &mut Fields, tenant: &Tenant) {
    if name(fields).is_some_and(|n| n != tenant.name) {
        fields.fault("name", format!("a tenant's name stays: {:?}", tenant.name));
    }
}
