//! Devices: making, reading, editing, deleting, and what serving one needs.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use offhook_core::{
    Id, Mac, Result,
    account::Account,
    configuration::{Configuration, LayerSelector},
    device::{Device, State, Sync},
};

use crate::{Listed, Page, Store};

pub mod pending;

/// Which devices. Every field given must fit.
#[derive(Clone, Debug, Default)]
pub struct DeviceFilter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// In this state.
    pub state: Option<State>,
    /// Of this family.
    pub vendor: Option<String>,
    /// Of this model.
    pub model: Option<String>,
    /// Served by this pack, exactly as stored.
    pub pack: Option<String>,
    /// With this profile assigned.
    pub profile: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// In step with today's content, or not.
    pub sync: Option<Sync>,
    /// Text that stands, letter case ignored, in MAC, label, model, location or last address.
    pub q: Option<String>,
}

/// Orders of device lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceSort {
    /// By the time they were made.
    #[default]
    Created,
    /// By MAC address.
    Mac,
    /// By label.
    Label,
    /// By model.
    Model,
    /// By the newest request.
    LastSeen,
    /// By the newest change of a person.
    Updated,
}

impl DeviceSort {
    /// `created_at`, `mac`, `label`, `model`, `last_seen`, `updated_at`.
    pub fn as_str(self) -> &'static str {
        todo!()
    }

    /// The order of that name.
    pub fn parse(text: &str) -> Option<Self> {
        todo!()
    }
}

/// A device with the accounts that its own layer and the layers under and over it name, by name.
#[derive(Clone, Debug)]
pub struct Serving {
    /// The device.
    pub device: Arc<Device>,
    /// Accounts of the device's tenant. One that does not exist is missing.
    pub accounts: HashMap<String, Arc<Account>>,
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
    /// Makes a device. `fill` gets an empty one (new id, tenant `default`, state `ready`) and the configuration of the moment.
    ///
    /// # Errors
    /// `Conflict` when the MAC address is in use; `Invalid` with field paths for an unknown tenant, profile or account, or one in use.
    pub async fn create_device(&self, fill: impl FnOnce(&mut Device, &Configuration) -> Result<()> + Send + 'static) -> Result<Device> {
        todo!()
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
        todo!()
    }

    /// Deletes a device.
    pub async fn delete_device(&self, id: Id, if_match: Option<u64>) -> Result<()> {
        todo!()
    }

    /// The device of that id.
    pub async fn device(&self, id: Id) -> Result<Option<Device>> {
        todo!()
    }

    /// The device of that MAC address.
    pub async fn device_by_mac(&self, mac: Mac) -> Result<Option<Device>> {
        todo!()
    }

    /// The device that owns an address: the newest seen there.
    pub async fn device_by_ip(&self, ip: IpAddr) -> Result<Option<Device>> {
        todo!()
    }

    /// A device with its accounts, in at most two queries.
    pub async fn device_for_serving(&self, mac: Mac) -> Result<Option<Serving>> {
        todo!()
    }

    /// The accounts that a device needs, in at most one query.
    pub async fn serving(&self, device: Device) -> Result<Serving> {
        todo!()
    }

    /// One page of the devices that fit.
    pub async fn devices(&self, filter: &DeviceFilter, page: &Page<DeviceSort>) -> Result<Listed<Device>> {
        todo!()
    }

    /// How many devices are in each state.
    pub async fn count_devices(&self) -> Result<BTreeMap<&'static str, u64>> {
        todo!()
    }

    /// Whether the last fetch of its own file had today's content; from memory.
    pub fn sync_of(&self, device: &Device) -> Sync {
        todo!()
    }
}
