//! What requests leave behind: last seen, evidence, addresses, fetches and the request log, written in batches off the path.

use futures_util::FutureExt;
use offhook_core::{
    Id, Mac, Result,
    configuration::LayerSelector,
    device::{LastFetch, LastSeen},
};

use crate::{RequestRecord, Store, What, database::failed, layers, request, row, text::tame, writer::Tx};

/// What one request leaves behind. A device that is gone meanwhile is passed over.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The device that asked, if it is one.
    pub device: Option<Id>,
    /// Becomes its last-seen unless a newer one is stored.
    pub last_seen: Option<LastSeen>,
    /// The address is its own (the source is outside the NAT networks): it is taken from every other device.
    pub owns_address: bool,
    /// Family, as this request tells; stored when none is.
    pub vendor: Option<String>,
    /// Model, as this request tells. A pinned model stays, and this becomes `reported_model`.
    pub model: Option<String>,
    /// Firmware version, as this request tells.
    pub firmware: Option<String>,
    /// Serial number, as this request tells; stored when none is.
    pub serial: Option<String>,
    /// The pack that serves it from now on. A pinned pack stays. One that takes the place of another brings its family: `vendor`
    /// replaces the stored one, and the model and firmware of the other family go, except a pinned model.
    pub pack: Option<String>,
    /// A complete fetch of its own file, made of the device **as the evidence above makes it** and of the layers of
    /// [`crate::selector_of`] that device; `generation` is that of the device that was read. An older one than is stored is passed over.
    pub fetch: Option<LastFetch>,
    /// The row of the request log.
    pub request: Option<RequestRecord>,
}

impl Store {
    /// Writes what requests left behind, in order, as one write.
    ///
    /// # Errors
    /// `Unavailable`: nothing of it is stored.
    pub async fn record(&self, seen: Vec<Seen>) -> Result<()> {
        if seen.is_empty() {
            return Ok(());
        }
        self.write(move |tx| record(tx, seen).boxed()).await
    }
}

async fn record(tx: &mut Tx, all: Vec<Seen>) -> Result<()> {
    for seen in &all {
        if let Some(id) = seen.device {
            note(tx, id, seen).await?;
        }
        if let Some(record) = &seen.request {
            request::log(tx, record).await?;
        }
    }
    request::trim(tx).await
}

/// What evidence may change, as stored.
#[derive(Clone, PartialEq)]
struct Known {
    vendor: Option<String>,
    model: Option<String>,
    reported_model: Option<String>,
    firmware: Option<String>,
    serial: Option<String>,
    pack: Option<String>,
}

impl Known {
    /// With what a request tells. What a person pinned stays.
    fn with(&self, seen: &Seen, model_pinned: bool, pack_pinned: bool) -> Self {
        let told = |text: &Option<String>| text.as_deref().map(|t| tame(t).chars().take(255).collect::<String>());
        let mut new = self.clone();
        if !pack_pinned && new.pack.is_some() && seen.pack.is_some() && told(&seen.pack) != new.pack && seen.vendor.is_some() {
            let vendor = told(&seen.vendor);
            if vendor != new.vendor {
                (new.vendor, new.firmware, new.reported_model) = (vendor, None, None);
                new.model = new.model.filter(|_| model_pinned);
            }
        }
        new.vendor = new.vendor.or_else(|| told(&seen.vendor));
        new.serial = new.serial.or_else(|| told(&seen.serial));
        new.firmware = told(&seen.firmware).or(new.firmware);
        if let Some(model) = told(&seen.model) {
            if model_pinned && new.model.is_some() {
                new.reported_model = Some(model).filter(|m| Some(m) != new.model.as_ref());
            } else {
                (new.model, new.reported_model) = (Some(model), None);
            }
        }
        if !pack_pinned {
            new.pack = told(&seen.pack).or(new.pack);
        }
        new
    }
}

async fn note(tx: &mut Tx, id: Id, seen: &Seen) -> Result<()> {
    let query = sqlx::query(
        "SELECT mac, tenant, vendor, model, model_pinned, reported_model, firmware, serial, pack, pack_pinned, profiles, generation, seen_at, seen_ip, address, \"fetch\" \
         FROM devices WHERE id = $1",
    );
    let Some(found) = query.bind(id.to_string()).fetch_optional(&mut tx.conn).await.map_err(failed)? else {
        return Ok(());
    };
    let mac = crate::device::row::mac(&found)?;
    let known = Known {
        vendor: row::maybe_text(&found, "vendor")?,
        model: row::maybe_text(&found, "model")?,
        reported_model: row::maybe_text(&found, "reported_model")?,
        firmware: row::maybe_text(&found, "firmware")?,
        serial: row::maybe_text(&found, "serial")?,
        pack: row::maybe_text(&found, "pack")?,
    };
    let new = known.with(seen, row::flag(&found, "model_pinned")?, row::flag(&found, "pack_pinned")?);
    let mut generation = row::number(&found, "generation")?;
    let mut changed = new != known;
    let mut searched = new.model != known.model;
    if changed {
        // What selects layers is in their tag; the serial number is not.
        generation += u64::from(new.serial != known.serial);
        let selector = LayerSelector {
            tenant: row::text(&found, "tenant")?,
            profiles: row::json(&found, "profiles")?,
            pack: new.pack.clone(),
            vendor: new.vendor.clone(),
            model: new.model.clone(),
            firmware: new.firmware.clone(),
        };
        write_known(tx, id, &new, &selector, generation).await?;
    }
    if let Some(last) = &seen.last_seen {
        let newest = row::maybe_time(&found, "seen_at")?.is_none_or(|at| at <= last.at);
        if newest {
            let address = seen.owns_address.then(|| last.ip.to_canonical().to_string());
            let moved = row::maybe_text(&found, "address")? != address;
            if let Some(address) = address.as_ref().filter(|_| moved) {
                take_address(tx, address, id).await?;
            }
            write_last_seen(tx, id, last, address).await?;
            changed |= moved;
            searched |= row::maybe_text(&found, "seen_ip")?.is_none_or(|ip| ip != last.ip.to_canonical().to_string());
        }
    }
    if searched {
        crate::device::search::renew(tx, id).await?;
    }
    if let Some(fetch) = &seen.fetch {
        let stored: Option<LastFetch> = row::maybe_text(&found, "fetch")?.and_then(|text| serde_json::from_str(&text).ok());
        if stored.is_none_or(|s| s.at <= fetch.at) {
            write_fetch(tx, id, fetch).await?;
        }
    }
    if changed {
        tx.changed(What::Device { id, mac, former_mac: None }).await?;
    }
    Ok(())
}

async fn write_known(tx: &mut Tx, id: Id, new: &Known, selector: &LayerSelector, generation: u64) -> Result<()> {
    let layer_set = layers::row_of(tx, selector).await?;
    sqlx::query(
        "UPDATE devices SET vendor = $1, model = $2, reported_model = $3, firmware = $4, serial = $5, pack = $6, layer_set = $7, generation = $8 \
         WHERE id = $9",
    )
    .bind(&new.vendor)
    .bind(&new.model)
    .bind(&new.reported_model)
    .bind(&new.firmware)
    .bind(&new.serial)
    .bind(&new.pack)
    .bind(layer_set)
    .bind(generation.cast_signed())
    .bind(id.to_string())
    .execute(&mut tx.conn)
    .await
    .map(drop)
    .map_err(failed)
}

async fn write_last_seen(tx: &mut Tx, id: Id, last: &LastSeen, address: Option<String>) -> Result<()> {
    sqlx::query("UPDATE devices SET address = $1, seen_at = $2, seen_ip = $3, seen = $4 WHERE id = $5")
        .bind(address)
        .bind(last.at.as_millis())
        .bind(last.ip.to_canonical().to_string())
        .bind(row::to_json(&crate::device::row::tamed(last))?)
        .bind(id.to_string())
        .execute(&mut tx.conn)
        .await
        .map(drop)
        .map_err(failed)
}

async fn write_fetch(tx: &mut Tx, id: Id, fetch: &LastFetch) -> Result<()> {
    sqlx::query("UPDATE devices SET fetch_generation = $1, fetch_tag = $2, \"fetch\" = $3 WHERE id = $4")
        .bind(fetch.generation.cast_signed())
        .bind(fetch.layers_tag.cast_signed())
        .bind(row::to_json(fetch)?)
        .bind(id.to_string())
        .execute(&mut tx.conn)
        .await
        .map(drop)
        .map_err(failed)
}

/// The newest sighting owns an address: it is taken from every other device.
pub(crate) async fn take_address(tx: &mut Tx, address: &str, by: Id) -> Result<()> {
    let others = sqlx::query("SELECT id, mac FROM devices WHERE address = $1 AND id <> $2").bind(address).bind(by.to_string());
    for other in &others.fetch_all(&mut tx.conn).await.map_err(failed)? {
        let (id, mac): (Id, Option<Mac>) = (row::id(other, "id")?, crate::device::row::mac(other)?);
        let clear = sqlx::query("UPDATE devices SET address = NULL WHERE id = $1").bind(id.to_string());
        clear.execute(&mut tx.conn).await.map_err(failed)?;
        tx.changed(What::Device { id, mac, former_mac: None }).await?;
    }
    Ok(())
}
