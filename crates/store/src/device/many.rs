//! Many devices in one write: each by itself, so that one that fails takes no other along. How many at once is the caller's choice: other
//! writes and phones wait meanwhile.

use futures_util::FutureExt;
use offhook_core::{Id, Mac, Result, configuration::Configuration, device::Device};

use super::{create, delete, list, own, update};
use crate::{DeviceFilter, Store, database::failed, writer::Tx};

/// Which device is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKey {
    /// The one of that id, which has to be there.
    Id(Id),
    /// The one of that MAC address, which is made when it is not there.
    Mac(Mac),
    /// A new one.
    New,
}

/// What is to become of one device. It gets the device as it stands, or an empty one that is new (`true`), and the configuration of the moment.
pub type DeviceEdit = Box<dyn FnOnce(&mut Device, bool, &Configuration) -> Result<()> + Send>;

/// What became of one device.
#[derive(Clone, Debug, PartialEq)]
pub enum WrittenDevice {
    /// It is new.
    Created(Box<Device>),
    /// It was another before.
    Changed {
        /// As it was.
        before: Box<Device>,
        /// As it is.
        after: Box<Device>,
    },
    /// The edit changed nothing, so that nothing was written.
    Unchanged(Box<Device>),
}

impl Store {
    /// Writes several devices at once, in their order, each with an outcome of its own.
    ///
    /// # Errors
    /// `Unavailable` when nothing at all was written. Those of one device are as for [`Store::create_device`] and [`Store::update_device`].
    pub async fn write_devices(&self, wanted: Vec<(DeviceKey, DeviceEdit)>) -> Result<Vec<Result<WrittenDevice>>> {
        self.write(move |tx| write_all(tx, wanted).boxed()).await
    }

    /// Deletes several devices at once, those that `may` lets go.
    ///
    /// # Errors
    /// `Unavailable` when nothing at all was written. Of one device: `NotFound`, and what `may` says.
    pub async fn delete_devices(
        &self,
        ids: Vec<Id>,
        may: impl Fn(&Device) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Vec<Result<Device>>> {
        self.write(move |tx| delete_all(tx, ids, may).boxed()).await
    }

    /// How many devices fit.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn count_devices_that_fit(&self, filter: &DeviceFilter) -> Result<u64> {
        list::count(self, filter).await
    }
}

async fn write_all(tx: &mut Tx, wanted: Vec<(DeviceKey, DeviceEdit)>) -> Result<Vec<Result<WrittenDevice>>> {
    let mut outcomes = Vec::with_capacity(wanted.len());
    for (key, edit) in wanted {
        let part = tx.begin_part().await?;
        let outcome = write_one(tx, key, edit).await;
        tx.end_part(part, outcome.is_ok()).await?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

async fn write_one(tx: &mut Tx, key: DeviceKey, edit: DeviceEdit) -> Result<WrittenDevice> {
    let id = match key {
        DeviceKey::Id(id) => Some(id),
        DeviceKey::Mac(mac) => id_of(tx, mac).await?,
        DeviceKey::New => None,
    };
    let Some(id) = id else {
        let device = create(tx, |device, configuration| edit(device, true, configuration)).await?;
        return Ok(WrittenDevice::Created(Box::new(device)));
    };
    let mut before = None;
    let noting = |device: &mut Device, configuration: &Configuration| {
        before = Some(device.clone());
        edit(device, false, configuration)
    };
    let after = update(tx, id, None, noting).await?;
    Ok(match before {
        Some(before) if before.revision != after.revision => WrittenDevice::Changed { before: Box::new(before), after: Box::new(after) },
        _ => WrittenDevice::Unchanged(Box::new(after)),
    })
}

/// Of a MAC that is another tenant's nothing is told but that it is in use, when a device is made with it.
async fn id_of(tx: &mut Tx, mac: Mac) -> Result<Option<Id>> {
    let found = sqlx::query("SELECT id, tenant FROM devices WHERE mac = $1").bind(mac.to_string()).fetch_optional(&mut tx.conn).await;
    let Some(found) = found.map_err(failed)? else { return Ok(None) };
    let seen = tx.reach.sees(Some(&crate::row::text(&found, "tenant")?));
    if seen { crate::row::id(&found, "id").map(Some) } else { Ok(None) }
}

async fn delete_all(tx: &mut Tx, ids: Vec<Id>, may: impl Fn(&Device) -> Result<()>) -> Result<Vec<Result<Device>>> {
    let mut outcomes = Vec::with_capacity(ids.len());
    for id in ids {
        let part = tx.begin_part().await?;
        let outcome = delete_one(tx, id, &may).await;
        tx.end_part(part, outcome.is_ok()).await?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

async fn delete_one(tx: &mut Tx, id: Id, may: &impl Fn(&Device) -> Result<()>) -> Result<Device> {
    let device = own(tx, id).await?;
    may(&device)?;
    delete(tx, id, None).await?;
    Ok(device)
}
