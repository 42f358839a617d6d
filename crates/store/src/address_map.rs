//! Address maps. Reading them is reading [`crate::Store::configuration`]; changing one moves the tags of the layers it concerns.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Result,
    address_map::{AddressMap, AddressMaps, bad_address},
    configuration::Configuration,
    settings::is_host_name,
};
use sqlx::{AnyConnection, Row};

use crate::{
    Store,
    database::{conflict, failed},
    row,
    text::{Faults, check_revision},
    writer::Tx,
};

/// Most address maps: they are held in memory, and each is looked up in every file of its tenant.
const MOST: usize = 10_000;

impl Store {
    /// Makes an address map. `fill` gets an empty global one with a new id.
    ///
    /// # Errors
    /// `Conflict` when its scope has one for the address; `Invalid` with field paths; `Full` when there are too many.
    pub async fn create_address_map(
        &self,
        fill: impl FnOnce(&mut AddressMap, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<AddressMap> {
        self.write(move |tx| create(tx, fill).boxed()).await
    }

    /// Changes an address map.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; else as [`Store::create_address_map`].
    pub async fn update_address_map(
        &self,
        id: Id,
        if_match: Option<u64>,
        edit: impl FnOnce(&mut AddressMap, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<AddressMap> {
        self.write(move |tx| update(tx, id, if_match, edit).boxed()).await
    }

    /// Deletes an address map.
    ///
    /// # Errors
    /// `NotFound`; `Stale`.
    pub async fn delete_address_map(&self, id: Id, if_match: Option<u64>) -> Result<()> {
        self.write(move |tx| delete(tx, id, if_match).boxed()).await
    }

    /// How many devices of the tenants that `sees` allows have files that one of these address maps concerns: those of its tenant, of a
    /// global one those of every tenant without a map of its own for the address.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn devices_of_address_maps(&self, maps: &[&AddressMap], sees: &(dyn Fn(&str) -> bool + Sync)) -> Result<u64> {
        let configuration = self.configuration();
        let own = |map: &AddressMap, tenant: &str| {
            configuration.address_maps.iter().any(|m| m.id != map.id && m.address == map.address && m.tenant.as_deref() == Some(tenant))
        };
        let by = |map: &AddressMap, tenant: &str| map.tenant.as_deref().map_or_else(|| !own(map, tenant), |t| t == tenant);
        let concerned = |tenant: &&String| sees(tenant) && maps.iter().any(|map| by(map, tenant));
        let mut devices = 0;
        for tenant in configuration.tenants.keys().filter(concerned) {
            let count = sqlx::query("SELECT COUNT(*) FROM devices WHERE tenant = $1").bind(tenant).fetch_one(&self.shared.readers);
            devices += count.await.map_err(failed)?.try_get::<i64, _>(0).map_err(failed)?.cast_unsigned();
        }
        Ok(devices)
    }
}

fn stored(tx: &Tx, id: Id) -> Result<AddressMap> {
    let map = tx.configuration.address_maps.iter().find(|m| m.id == id).cloned().ok_or_else(|| Error::not_found("address map", id))?;
    tx.must_own("address map", id, map.tenant.as_deref())?;
    Ok(map)
}

async fn create(tx: &mut Tx, fill: impl FnOnce(&mut AddressMap, &Configuration) -> Result<()>) -> Result<AddressMap> {
    if tx.configuration.address_maps.iter().count() >= MOST {
        return Err(Error::Full(format!("there are {MOST} address maps already: delete some first")));
    }
    let id = tx.new_id();
    let mut map = AddressMap {
        id,
        tenant: None,
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        name: String::new(),
        revision: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    fill(&mut map, &tx.configuration)?;
    (map.id, map.revision, map.created_at, map.updated_at) = (id, 1, tx.now, tx.now);
    let map = put(tx, map).await?;
    tx.wrote(None, Some(&map)).await?;
    Ok(map)
}

async fn update(
    tx: &mut Tx,
    id: Id,
    if_match: Option<u64>,
    edit: impl FnOnce(&mut AddressMap, &Configuration) -> Result<()>,
) -> Result<AddressMap> {
    let old = stored(tx, id)?;
    check_revision(if_match, old.revision)?;
    let mut map = old.clone();
    edit(&mut map, &tx.configuration)?;
    (map.id, map.revision, map.created_at, map.updated_at) = (old.id, old.revision, old.created_at, old.updated_at);
    map.address = map.address.to_canonical();
    if map == old {
        return Ok(map);
    }
    (map.revision, map.updated_at) = (old.revision + 1, tx.now);
    let map = put(tx, map).await?;
    tx.wrote(Some(&old), Some(&map)).await?;
    Ok(map)
}

async fn delete(tx: &mut Tx, id: Id, if_match: Option<u64>) -> Result<()> {
    let old = stored(tx, id)?;
    check_revision(if_match, old.revision)?;
    sqlx::query("DELETE FROM address_maps WHERE id = $1").bind(id.to_string()).execute(&mut tx.conn).await.map_err(failed)?;
    configure(tx, id, None).await?;
    tx.wrote(Some(&old), None).await
}

fn check(map: &AddressMap, tx: &Tx) -> Result<()> {
    let mut faults = Faults::default();
    if let Some(why) = bad_address(map.address) {
        faults.add("address", why);
    }
    if !is_host_name(&map.name) {
        faults.add("name", "must be a host name, such as pbx.example.com");
    }
    if let Some(tenant) = map.tenant.as_deref().filter(|t| !tx.has_tenant(t)) {
        faults.add("tenant", format!("there is no tenant {tenant:?}"));
    }
    faults.done()
}

fn taken(map: &AddressMap) -> String {
    let whose = map.tenant.as_ref().map_or_else(|| "a global address map".to_owned(), |t| format!("an address map of tenant {t:?}"));
    format!("there is {whose} for {} already: change that one", map.address)
}

async fn put(tx: &mut Tx, mut map: AddressMap) -> Result<AddressMap> {
    map.address = map.address.to_canonical();
    if map.tenant.is_none() {
        tx.reach.may_write_in(None)?;
    }
    check(&map, tx)?;
    let same = |m: &AddressMap| m.id != map.id && (&m.tenant, m.address) == (&map.tenant, map.address);
    if tx.configuration.address_maps.iter().any(same) {
        return Err(Error::Conflict(taken(&map)));
    }
    sqlx::query(
        "INSERT INTO address_maps (id, tenant, address, name, revision, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, address = excluded.address, name = excluded.name, \
         revision = excluded.revision, updated_at = excluded.updated_at",
    )
    .bind(map.id.to_string())
    .bind(map.tenant.clone().unwrap_or_default())
    .bind(map.address.to_string())
    .bind(&map.name)
    .bind(map.revision.cast_signed())
    .bind(map.created_at.as_millis())
    .bind(map.updated_at.as_millis())
    .execute(&mut tx.conn)
    .await
    .map_err(conflict(|| taken(&map)))?;
    configure(tx, map.id, Some(map.clone())).await?;
    Ok(map)
}

/// The configuration with this map in place of the one of that id.
async fn configure(tx: &mut Tx, id: Id, map: Option<AddressMap>) -> Result<()> {
    let others = tx.configuration.address_maps.iter().filter(|m| m.id != id).cloned();
    let maps = AddressMaps::new(others.chain(map).collect());
    let configuration = Configuration::clone(&tx.configuration).with_address_maps(maps);
    tx.configure(configuration).await
}

/// All address maps.
pub(crate) async fn load(conn: &mut AnyConnection) -> Result<AddressMaps> {
    let rows = sqlx::query("SELECT id, tenant, address, name, revision, created_at, updated_at FROM address_maps");
    let read = |r| {
        Ok(AddressMap {
            id: row::id(r, "id")?,
            tenant: Some(row::text(r, "tenant")?).filter(|t| !t.is_empty()),
            address: row::text(r, "address")?.parse().map_err(|e| row::unreadable("address", e))?,
            name: row::text(r, "name")?,
            revision: row::number(r, "revision")?,
            created_at: row::time(r, "created_at")?,
            updated_at: row::time(r, "updated_at")?,
        })
    };
    rows.fetch_all(conn).await.map_err(failed)?.iter().map(read).collect::<Result<_>>().map(AddressMaps::new)
}
