//! Devices: making, reading, editing, deleting, and what serving one needs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use crate::{
    Noun, Store, Thing, What,
    database::failed,
    history, layers, naming,
    page::Clauses,
    references::{Holder, forget, refer},
    text::{Faults, check_revision, together},
    writer::Tx,
};
use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Mac, Result,
    account::Account,
    configuration::{Configuration, LayerSelector},
    device::{Device, State, Sync},
    local_port::AutoPort,
    settings::Settings,
};

mod list;
mod many;
pub mod pending;
pub(crate) mod row;
pub(crate) mod search;

pub use list::{DeviceFilter, DeviceSort};
pub use many::{DeviceEdit, DeviceKey, WrittenDevice};

/// A device with the accounts that its own layer and the layers under and over it name, by name.
#[derive(Clone, Debug)]
pub struct Serving {
    /// The device.
    pub device: Arc<Device>,
    /// Accounts of the device's tenant. One that does not exist is missing.
    pub accounts: HashMap<String, Arc<Account>>,
    /// Its port, when a line asks for one.
    pub auto_port: AutoPort,
}

/// What selects the layers of a device.
pub fn selector_of(device: &Device) -> LayerSelector {
    LayerSelector {
        tenant: device.tenant.clone(),
        profiles: device.profiles.clone(),
        pack: device.pack.clone(),
        vendor: device.vendor.clone(),
        model: device.model.clone(),
        firmware: device.firmware.clone(),
    }
}

impl Store {
    /// Makes a device. `fill` gets an empty one (new id, the reach's only tenant or `default`, state `ready`) and the configuration of the moment.
    ///
    /// # Errors
    /// `Conflict` when the MAC address is in use; `Invalid` with field paths for an unknown tenant, profile or account, or one in use.
    pub async fn create_device(&self, fill: impl FnOnce(&mut Device, &Configuration) -> Result<()> + Send + 'static) -> Result<Device> {
        self.write(move |tx| create(tx, fill).boxed()).await
    }

    /// Changes a device: reads, edits and writes as one. Id, times, revision, generation, last-seen and last-fetch stay the
    /// store's. Nothing changed: nothing written, the revision stays.
    ///
    /// # Errors
    /// `NotFound`; `Stale` when `if_match` is not the revision; else as [`Store::create_device`].
    pub async fn update_device(
        &self,
        id: Id,
        if_match: Option<u64>,
        edit: impl FnOnce(&mut Device, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Device> {
        self.write(move |tx| update(tx, id, if_match, edit).boxed()).await
    }

    /// Deletes a device.
    ///
    /// # Errors
    /// `NotFound`; `Stale`.
    pub async fn delete_device(&self, id: Id, if_match: Option<u64>) -> Result<()> {
        self.write(move |tx| delete(tx, id, if_match).boxed()).await
    }

    /// Brings a deleted device back under its id, as a new revision. `edit` gets it as it was when it was deleted. A phone with its MAC
    /// address that came by itself since makes room.
    ///
    /// # Errors
    /// `NotFound` when it was not deleted, or too long ago; else as [`Store::create_device`].
    pub async fn revive_device(
        &self,
        id: Id,
        edit: impl FnOnce(&mut Device, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Device> {
        self.write(move |tx| revive(tx, id, edit).boxed()).await
    }

    /// The device of that id.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn device(&self, id: Id) -> Result<Option<Device>> {
        self.device_where("devices.id = $1", id.to_string()).await
    }

    /// The device of that MAC address.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn device_by_mac(&self, mac: Mac) -> Result<Option<Device>> {
        self.device_where("mac = $1", mac.to_string()).await
    }

    /// The device that owns an address: the newest seen there.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn device_by_ip(&self, ip: IpAddr) -> Result<Option<Device>> {
        self.device_where("address = $1 ORDER BY seen_at DESC LIMIT 1", ip.to_canonical().to_string()).await
    }

    async fn device_where(&self, condition: &'static str, value: String) -> Result<Option<Device>> {
        let sql = sqlx::AssertSqlSafe(format!("{} WHERE {condition}", row::SELECT));
        let found = sqlx::query(sql).bind(value).fetch_optional(&self.shared.readers).await.map_err(failed)?;
        let device = found.map(|r| row::read(&r, &self.shared.sealer)).transpose()?;
        Ok(device.filter(|d| self.reach().sees(Some(&d.tenant))))
    }

    /// A device with its accounts, in at most two queries; the layers of this configuration say which.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn device_for_serving(&self, mac: Mac, configuration: &Configuration) -> Result<Option<Serving>> {
        match self.device_by_mac(mac).await? {
            Some(device) => self.serving(device, configuration).await.map(Some),
            None => Ok(None),
        }
    }

    /// The accounts that a device needs with this configuration, in at most one query, and its port, where it asks for one.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn serving(&self, device: Device, configuration: &Configuration) -> Result<Serving> {
        let selector = selector_of(&device);
        let own = (&device.settings, device.unset.as_slice());
        let layers = configuration.layers(&selector, Some(own));
        let names: BTreeSet<&str> = layers.iter().flat_map(|l| l.settings.accounts()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let mut accounts = HashMap::new();
        if !names.is_empty() {
            let found = self.accounts_named(&device.tenant, &names).await?;
            accounts.extend(found.into_iter().map(|(name, account)| (name, Arc::new(account))));
        }
        let asks = layers.iter().any(|l| l.settings.asks_for_port());
        let auto_port = if asks { self.local_port_of(device.id).await? } else { AutoPort::Unused };
        Ok(Serving { device: Arc::new(device), accounts, auto_port })
    }

    /// How many devices are in each state.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn count_devices(&self) -> Result<BTreeMap<&'static str, u64>> {
        let rows = sqlx::query("SELECT state, COUNT(*) AS n FROM devices GROUP BY state");
        let mut counts = BTreeMap::from([State::Pending, State::Ready, State::Disabled].map(|s| (s.as_str(), 0)));
        for found in &rows.fetch_all(&self.shared.readers).await.map_err(failed)? {
            if let Some(state) = State::parse(&crate::row::text(found, "state")?) {
                counts.insert(state.as_str(), crate::row::number(found, "n")?);
            }
        }
        Ok(counts)
    }

    /// How many devices of the reach name each pack, by the key as it is stored.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn count_devices_by_pack(&self) -> Result<BTreeMap<String, u64>> {
        let mut clauses = Clauses::new();
        clauses.and_plain("pack IS NOT NULL");
        clauses.within("tenant", self.reach());
        let rows = clauses.all("SELECT pack, COUNT(*) AS n FROM devices", "GROUP BY pack", &self.shared.readers).await?;
        rows.iter().map(|r| Ok((crate::row::text(r, "pack")?, crate::row::number(r, "n")?))).collect()
    }

    /// Whether the last fetch of its own file had today's content; from memory.
    pub fn sync_of(&self, device: &Device) -> Sync {
        let Some(fetch) = &device.last_fetch else { return Sync::Never };
        let tag = self.shared.configuration().layers_tag(&selector_of(device));
        if fetch.generation == device.generation && fetch.layers_tag == tag { Sync::Current } else { Sync::Outdated }
    }
}

/// What is the store's own stays as it was.
fn keep_own(device: &mut Device, old: &Device) {
    device.id = old.id;
    device.last_seen.clone_from(&old.last_seen);
    device.last_fetch.clone_from(&old.last_fetch);
    (device.revision, device.generation) = (old.revision, old.generation);
    (device.created_at, device.updated_at) = (old.created_at, old.updated_at);
}

/// Whether nothing that a file is made of differs. Tags are for people and filters.
fn same_files(old: &Device, new: &Device) -> bool {
    let mut like_new = old.clone();
    like_new.tags.clone_from(&new.tags);
    like_new.reported_model.clone_from(&new.reported_model);
    (like_new.model_pinned, like_new.pack_pinned) = (new.model_pinned, new.pack_pinned);
    like_new == *new
}

async fn create(tx: &mut Tx, fill: impl FnOnce(&mut Device, &Configuration) -> Result<()>) -> Result<Device> {
    let empty = Device { tenant: tx.reach.home().to_owned(), ..Device::new(tx.new_id(), tx.now) };
    let mut device = empty.clone();
    let filled = fill(&mut device, &tx.configuration);
    keep_own(&mut device, &empty);
    insert(tx, &device, filled, None, None).await?;
    tx.wrote(None, Some(&device)).await?;
    Ok(device)
}

/// Every fault of a device: those that were `found` when it was read, and those that only the store knows. `before`: the settings that the
/// names of its own were looked at in already; none when they need no look.
async fn sound(tx: &mut Tx, device: &Device, found: Result<()>, before: Option<&[&Settings]>) -> Result<()> {
    let fits = check(device, tx);
    let Some(before) = before else { return together([found, fits]) };
    let documents = [("settings", &device.settings)];
    let names = naming::check(tx, Some(&device.tenant), before, &documents);
    let accounts = refer(tx, &holder(device), &documents).await;
    together([found, fits, names, accounts])
}

/// Checks and writes a new device; `found` is what was found wrong with it already.
async fn insert(tx: &mut Tx, device: &Device, found: Result<()>, pending_network: Option<String>, address: Option<String>) -> Result<()> {
    // One without settings names nothing.
    let named = device.settings != Settings::default();
    sound(tx, device, found, named.then_some(&[])).await?;
    let layer_set = layers::row_of(tx, &selector_of(device)).await?;
    row::write(tx, device, row::Place { layer_set: &layer_set, pending_network, address }, true).await?;
    write_names(tx, device).await?;
    tx.changed(What::Device { id: device.id, mac: device.mac, former_mac: None }).await.map(drop)
}

async fn update(
    tx: &mut Tx,
    id: Id,
    if_match: Option<u64>,
    edit: impl FnOnce(&mut Device, &Configuration) -> Result<()>,
) -> Result<Device> {
    let old = own(tx, id).await?;
    check_revision(if_match, old.revision)?;
    let mut device = old.clone();
    let edited = edit(&mut device, &tx.configuration);
    keep_own(&mut device, &old);
    if edited.is_ok() && device == old {
        return Ok(device);
    }
    // What is known in one tenant may be unknown in another.
    let before: &[&Settings] = if device.tenant == old.tenant { &[&old.settings] } else { &[] };
    let renamed = (&device.settings, &device.tenant) != (&old.settings, &old.tenant);
    sound(tx, &device, edited, renamed.then_some(before)).await?;
    if !same_files(&old, &device) {
        device.generation += 1;
    }
    (device.revision, device.updated_at) = (old.revision + 1, tx.now);
    let layer_set = layers::row_of(tx, &selector_of(&device)).await?;
    row::write(tx, &device, row::Place { layer_set: &layer_set, pending_network: None, address: None }, false).await?;
    if (&device.tags, &device.profiles) != (&old.tags, &old.profiles) {
        for sql in ["DELETE FROM device_tags WHERE device = $1", "DELETE FROM device_profiles WHERE device = $1"] {
            sqlx::query(sql).bind(id.to_string()).execute(&mut tx.conn).await.map_err(failed)?;
        }
        write_names(tx, &device).await?;
    }
    let former_mac = old.mac.filter(|_| old.mac != device.mac);
    tx.changed(What::Device { id, mac: device.mac, former_mac }).await?;
    tx.wrote(Some(&old), Some(&device)).await?;
    Ok(device)
}

async fn delete(tx: &mut Tx, id: Id, if_match: Option<u64>) -> Result<()> {
    let old = own(tx, id).await?;
    check_revision(if_match, old.revision)?;
    remove(tx, id, old.mac).await?;
    tx.wrote(Some(&old), None).await
}

async fn revive(tx: &mut Tx, id: Id, edit: impl FnOnce(&mut Device, &Configuration) -> Result<()>) -> Result<Device> {
    let Thing::Device(old) = history::last_of(tx, Noun::Device, id).await? else { return Err(Error::not_found("device", id)) };
    let mut device = Device::clone(&old);
    let edited = edit(&mut device, &tx.configuration);
    keep_own(&mut device, &old);
    (device.revision, device.generation, device.updated_at) = (old.revision + 1, old.generation + 1, tx.now);
    make_room(tx, &device).await?;
    insert(tx, &device, edited, None, None).await?;
    history::is_back(tx, &id.to_string()).await?;
    tx.wrote(None, Some(&device)).await?;
    Ok(device)
}

/// The phone of a deleted device goes on asking, and comes as an unknown one: that makes room while no person touched it. One that waits in
/// a tenant that is not the writer's stays, and the address is in use.
async fn make_room(tx: &mut Tx, device: &Device) -> Result<()> {
    let Some(mac) = device.mac else { return Ok(()) };
    let came = sqlx::query("SELECT id, tenant FROM devices WHERE mac = $1 AND pending_network IS NOT NULL").bind(mac.to_string());
    if let Some(found) = came.fetch_optional(&mut tx.conn).await.map_err(failed)?
        && tx.reach.owns(Some(&crate::row::text(&found, "tenant")?))
    {
        remove(tx, crate::row::id(&found, "id")?, Some(mac)).await?;
    }
    Ok(())
}

/// Takes a device and what names it away.
async fn remove(tx: &mut Tx, id: Id, mac: Option<Mac>) -> Result<()> {
    forget(tx, "device", &id.to_string()).await?;
    crate::upload::remove_of(tx, id).await?;
    sqlx::query("DELETE FROM devices WHERE id = $1").bind(id.to_string()).execute(&mut tx.conn).await.map_err(failed)?;
    tx.changed(What::Device { id, mac, former_mac: None }).await.map(drop)
}

/// The device of that id, when the writer may know of it.
async fn own(tx: &mut Tx, id: Id) -> Result<Device> {
    let device = stored(tx, "devices.id = $1", id.to_string()).await?.ok_or_else(|| Error::not_found("device", id))?;
    tx.must_own("device", id, Some(&device.tenant))?;
    Ok(device)
}

/// A device as the transaction sees it.
async fn stored(tx: &mut Tx, condition: &'static str, value: String) -> Result<Option<Device>> {
    let sql = sqlx::AssertSqlSafe(format!("{} WHERE {condition}", row::SELECT));
    let found = sqlx::query(sql).bind(value).fetch_optional(&mut tx.conn).await.map_err(failed)?;
    found.map(|r| row::read(&r, &tx.shared.sealer)).transpose()
}

fn holder(device: &Device) -> Holder<'_> {
    Holder { noun: "device", id: device.id.to_string(), tenant: Some(&device.tenant) }
}

/// Tags and profiles as rows, for filters and for *in use*.
async fn write_names(tx: &mut Tx, device: &Device) -> Result<()> {
    const TAG: &str = "INSERT INTO device_tags (device, tag) VALUES ($1, $2) ON CONFLICT (tag, device) DO NOTHING";
    const PROFILE: &str = "INSERT INTO device_profiles (device, profile) VALUES ($1, $2) ON CONFLICT (profile, device) DO NOTHING";
    let tags = device.tags.iter().map(|tag| (TAG, tag));
    for (sql, name) in tags.chain(device.profiles.iter().map(|profile| (PROFILE, profile))) {
        sqlx::query(sql).bind(device.id.to_string()).bind(name).execute(&mut tx.conn).await.map_err(failed)?;
    }
    Ok(())
}

fn check(device: &Device, tx: &Tx) -> Result<()> {
    let mut faults = Faults::default();
    if !tx.has_tenant(&device.tenant) {
        faults.add("tenant", format!("there is no tenant {:?}", device.tenant));
    }
    for (i, profile) in device.profiles.iter().enumerate() {
        if tx.configuration.profile(Some(&device.tenant), profile).is_none() {
            faults.add(format!("profiles[{i}]"), format!("there is no profile {profile:?} in its tenant or among the global ones"));
        }
    }
    faults.text("label", &device.label);
    faults.text("location", &device.location);
    for (i, tag) in device.tags.iter().enumerate() {
        faults.name(&format!("tags[{i}]"), tag);
    }
    let more = [
        ("serial", &device.serial),
        ("uuid", &device.uuid),
        ("vendor", &device.vendor),
        ("model", &device.model),
        ("reported_model", &device.reported_model),
        ("firmware", &device.firmware),
        ("pack", &device.pack),
    ];
    for (field, text) in more {
        faults.maybe_text(field, text.as_ref());
    }
    faults.done()
}
