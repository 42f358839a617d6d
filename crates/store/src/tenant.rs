//! Tenants. Reading them is reading [`crate::Store::configuration`].

use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Result,
    configuration::Configuration,
    settings::Settings,
    tenant::{DEFAULT, Tenant},
};
use sqlx::AnyConnection;

use crate::{
    Noun, Store, Thing,
    database::{conflict, failed},
    history,
    key::Sealer,
    layers, naming,
    page::pattern,
    references::{Holder, forget, refer},
    row,
    text::{Faults, check_revision},
    writer::Tx,
};

impl Store {
    /// Makes a tenant. `fill` gets an empty one with a new id.
    ///
    /// # Errors
    /// `Conflict` when there is one of that name, or when another claims one of its networks.
    pub async fn create_tenant(&self, fill: impl FnOnce(&mut Tenant, &Configuration) -> Result<()> + Send + 'static) -> Result<Tenant> {
        self.write(move |tx| create(tx, fill).boxed()).await
    }

    /// Changes a tenant; its name stays.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; else as [`Store::create_tenant`].
    pub async fn update_tenant(
        &self,
        name: &str,
        if_match: Option<u64>,
        edit: impl FnOnce(&mut Tenant, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Tenant> {
        let name = name.to_owned();
        self.write(move |tx| update(tx, name, if_match, edit).boxed()).await
    }

    /// Brings a deleted tenant back under its id and name, as a new revision. `edit` gets it as it was when it was deleted.
    ///
    /// # Errors
    /// `NotFound` when it was not deleted, or too long ago; else as [`Store::create_tenant`].
    pub async fn revive_tenant(
        &self,
        id: Id,
        edit: impl FnOnce(&mut Tenant, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Tenant> {
        self.write(move |tx| revive(tx, id, edit).boxed()).await
    }

    /// Deletes a tenant. `default` stays; one that owns devices, accounts, profiles or template overrides is a `Conflict` that tells how many.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Conflict`.
    pub async fn delete_tenant(&self, name: &str, if_match: Option<u64>) -> Result<()> {
        let name = name.to_owned();
        self.write(move |tx| delete(tx, name, if_match).boxed()).await
    }
}

async fn create(tx: &mut Tx, fill: impl FnOnce(&mut Tenant, &Configuration) -> Result<()>) -> Result<Tenant> {
    tx.reach.must_be_all("this makes a tenant")?;
    let id = tx.new_id();
    let mut tenant = Tenant {
        id,
        name: String::new(),
        networks: Vec::new(),
        settings: Settings::default(),
        enforced: Settings::default(),
        revision: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    fill(&mut tenant, &tx.configuration)?;
    (tenant.id, tenant.revision, tenant.created_at, tenant.updated_at) = (id, 1, tx.now, tx.now);
    check(&tenant, &tx.configuration)?;
    if tx.configuration.tenants.contains_key(&tenant.name) {
        return Err(Error::Conflict(taken(&tenant.name)));
    }
    let tenant = put(tx, tenant).await?;
    tx.wrote(None, Some(&tenant)).await?;
    Ok(tenant)
}

async fn revive(tx: &mut Tx, id: Id, edit: impl FnOnce(&mut Tenant, &Configuration) -> Result<()>) -> Result<Tenant> {
    tx.reach.must_be_all("this makes a tenant")?;
    let Thing::Tenant(old) = history::last_of(tx, Noun::Tenant, id).await? else { return Err(Error::not_found("tenant", id)) };
    let mut tenant = Tenant::clone(&old);
    edit(&mut tenant, &tx.configuration)?;
    tenant.name.clone_from(&old.name);
    (tenant.id, tenant.revision, tenant.created_at, tenant.updated_at) = (id, old.revision + 1, old.created_at, tx.now);
    check(&tenant, &tx.configuration)?;
    if tx.configuration.tenants.contains_key(&tenant.name) {
        return Err(Error::Conflict(taken(&tenant.name)));
    }
    let tenant = put(tx, tenant).await?;
    history::is_back(tx, &id.to_string()).await?;
    tx.wrote(None, Some(&tenant)).await?;
    Ok(tenant)
}

async fn update(
    tx: &mut Tx,
    name: String,
    if_match: Option<u64>,
    edit: impl FnOnce(&mut Tenant, &Configuration) -> Result<()>,
) -> Result<Tenant> {
    let old = tx.configuration.tenants.get(&name).cloned().ok_or_else(|| Error::not_found("tenant", &name))?;
    tx.must_own("tenant", &name, Some(&name))?;
    check_revision(if_match, old.revision)?;
    let mut tenant = old.clone();
    edit(&mut tenant, &tx.configuration)?;
    (tenant.id, tenant.revision, tenant.created_at, tenant.updated_at) = (old.id, old.revision, old.created_at, old.updated_at);
    if tenant == old {
        return Ok(tenant);
    }
    if tenant.name != old.name {
        return Err(Error::invalid("name", "a tenant keeps its name: everything in it is found by that"));
    }
    if tenant.networks != old.networks {
        tx.reach.must_be_all("networks tell whose unknown phones are")?;
    }
    (tenant.revision, tenant.updated_at) = (old.revision + 1, tx.now);
    check(&tenant, &tx.configuration)?;
    let tenant = put(tx, tenant).await?;
    tx.wrote(Some(&old), Some(&tenant)).await?;
    Ok(tenant)
}

async fn delete(tx: &mut Tx, name: String, if_match: Option<u64>) -> Result<()> {
    let old = tx.configuration.tenants.get(&name).cloned().ok_or_else(|| Error::not_found("tenant", &name))?;
    tx.must_own("tenant", &name, Some(&name))?;
    tx.reach.must_be_all("this deletes a tenant")?;
    check_revision(if_match, old.revision)?;
    if name == DEFAULT {
        return Err(Error::Conflict(format!("the tenant {DEFAULT:?} always exists")));
    }
    let devices = tx.count(sqlx::query("SELECT COUNT(*) FROM devices WHERE tenant = $1").bind(&name)).await?;
    let accounts = tx.count(sqlx::query("SELECT COUNT(*) FROM accounts WHERE tenant = $1").bind(&name)).await?;
    let profiles = tx.configuration.profiles().filter(|p| p.tenant.as_deref() == Some(name.as_str())).count();
    let templates = tx.configuration.templates.iter().filter(|t| t.scope.tenant() == Some(name.as_str())).count();
    let own = |tenant: &Option<String>| tenant.as_deref() == Some(name.as_str());
    let assets = tx.library.assets().filter(|a| own(&a.tenant)).count();
    let books = tx.library.phonebooks().filter(|b| own(&b.tenant)).count();
    let maps = tx.configuration.address_maps.iter().filter(|m| own(&m.tenant)).count();
    let owned = [
        (devices, "device"),
        (accounts, "account"),
        (profiles as u64, "profile"),
        (templates as u64, "template override"),
        (assets as u64, "asset"),
        (books as u64, "phone book"),
        (maps as u64, "address map"),
    ];
    let owned = owned.iter().filter(|(count, _)| *count > 0);
    let owned: Vec<String> = owned.map(|(count, noun)| format!("{count} {noun}{}", if *count == 1 { "" } else { "s" })).collect();
    if !owned.is_empty() {
        return Err(Error::Conflict(format!("the tenant {name:?} still has {}: move or delete them first", owned.join(", "))));
    }
    let tokens = sqlx::query("SELECT COUNT(*) FROM tokens WHERE tenants LIKE $1 ESCAPE '\\'").bind(pattern(&format!("{name:?}")));
    let tokens = tx.count(tokens).await?;
    if tokens > 0 {
        return Err(Error::Conflict(format!("{tokens} tokens are for the tenant {name:?}: revoke them first (offhook token list)")));
    }
    forget(tx, "tenant", &old.id.to_string()).await?;
    sqlx::query("DELETE FROM tenants WHERE name = $1").bind(&name).execute(&mut tx.conn).await.map_err(failed)?;
    let configuration = layers::edited(&tx.configuration, |parts| parts.tenants.retain(|t| t.name != name))?;
    tx.configure(configuration).await?;
    tx.wrote(Some(&old), None).await
}

fn taken(name: &str) -> String {
    format!("there is a tenant {name:?} already")
}

fn check(tenant: &Tenant, configuration: &Configuration) -> Result<()> {
    let mut faults = Faults::default();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if tenant.name.is_empty() || tenant.name.len() > 63 || !tenant.name.chars().all(fits) {
        faults.add("name", "a tenant's name is 1 to 63 of: lower-case letters, digits, - _ .");
    }
    faults.done()?;
    for other in configuration.tenants.values().filter(|t| t.name != tenant.name) {
        if let Some(both) = tenant.networks.iter().find(|n| other.networks.contains(n)) {
            return Err(Error::Conflict(format!("the network {both} belongs to another tenant")));
        }
    }
    Ok(())
}

async fn put(tx: &mut Tx, tenant: Tenant) -> Result<Tenant> {
    let id = tenant.id.to_string();
    let configuration = layers::edited(&tx.configuration, |parts| {
        parts.tenants.retain(|t| t.id != tenant.id);
        parts.tenants.push(tenant.clone());
    })?;
    let holder = Holder { noun: "tenant", id: id.clone(), tenant: Some(&tenant.name) };
    let before = tx.configuration.tenants.get(&tenant.name).map_or_else(Vec::new, |t| vec![t.settings.clone(), t.enforced.clone()]);
    let before: Vec<&Settings> = before.iter().collect();
    naming::check(tx, Some(&tenant.name), &before, &[("settings", &tenant.settings), ("enforced", &tenant.enforced)])?;
    refer(tx, &holder, &[("settings", &tenant.settings), ("enforced", &tenant.enforced)]).await?;
    sqlx::query(
        "INSERT INTO tenants (id, name, networks, settings, enforced, revision, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (id) DO UPDATE SET networks = excluded.networks, settings = excluded.settings, enforced = excluded.enforced, \
         revision = excluded.revision, updated_at = excluded.updated_at",
    )
    .bind(&id)
    .bind(&tenant.name)
    .bind(row::to_json(&tenant.networks)?)
    .bind(tx.seal(&format!("tenant {id} settings"), &tenant.settings)?)
    .bind(tx.seal(&format!("tenant {id} enforced"), &tenant.enforced)?)
    .bind(tenant.revision.cast_signed())
    .bind(tenant.created_at.as_millis())
    .bind(tenant.updated_at.as_millis())
    .execute(&mut tx.conn)
    .await
    .map_err(conflict(|| taken(&tenant.name)))?;
    tx.configure(configuration).await?;
    Ok(tenant)
}

/// All tenants.
pub(crate) async fn load(conn: &mut AnyConnection, sealer: &Sealer) -> Result<Vec<Tenant>> {
    let rows = sqlx::query("SELECT id, name, networks, settings, enforced, revision, created_at, updated_at FROM tenants");
    let rows = rows.fetch_all(conn).await.map_err(failed)?;
    let read = |r| {
        let id = row::id(r, "id")?;
        Ok(Tenant {
            id,
            name: row::text(r, "name")?,
            networks: row::json(r, "networks")?,
            settings: row::settings(r, "settings", &format!("tenant {id} settings"), sealer)?,
            enforced: row::settings(r, "enforced", &format!("tenant {id} enforced"), sealer)?,
            revision: row::number(r, "revision")?,
            created_at: row::time(r, "created_at")?,
            updated_at: row::time(r, "updated_at")?,
        })
    };
    rows.iter().map(read).collect()
}
