//! A device as a row.

use offhook_core::{
    Mac, Result,
    device::{Device, State},
};
use sqlx::any::AnyRow;

use super::search;
use crate::{database::conflict, key::Sealer, row, text::tame, writer::Tx};

/// Everything that a [`Device`] is read from.
pub(crate) const SELECT: &str = "SELECT devices.id, tenant, mac, serial, uuid, vendor, model, model_pinned, reported_model, firmware, pack, \
    pack_pinned, state, profiles, settings, unset, label, location, tags, seen, \"fetch\", revision, generation, created_at, updated_at FROM devices";

/// The MAC address of a row.
pub(crate) fn mac(r: &AnyRow) -> Result<Option<Mac>> {
    let text = row::maybe_text(r, "mac")?;
    text.map(|t| Mac::parse(&t).ok_or_else(|| row::unreadable("mac", "no MAC address"))).transpose()
}

/// The device of a row of [`SELECT`].
pub(crate) fn read(r: &AnyRow, sealer: &Sealer) -> Result<Device> {
    let id = row::id(r, "id")?;
    Ok(Device {
        id,
        tenant: row::text(r, "tenant")?,
        mac: mac(r)?,
        serial: row::maybe_text(r, "serial")?,
        uuid: row::maybe_text(r, "uuid")?,
        vendor: row::maybe_text(r, "vendor")?,
        model: row::maybe_text(r, "model")?,
        model_pinned: row::flag(r, "model_pinned")?,
        reported_model: row::maybe_text(r, "reported_model")?,
        firmware: row::maybe_text(r, "firmware")?,
        pack: row::maybe_text(r, "pack")?,
        pack_pinned: row::flag(r, "pack_pinned")?,
        state: State::parse(&row::text(r, "state")?).ok_or_else(|| row::unreadable("state", "no state"))?,
        profiles: row::json(r, "profiles")?,
        settings: row::settings(r, "settings", &format!("device {id}"), sealer)?,
        unset: row::paths(r, "unset")?,
        label: row::text(r, "label")?,
        location: row::text(r, "location")?,
        tags: row::json(r, "tags")?,
        last_seen: row::maybe_json(r, "seen")?,
        last_fetch: row::maybe_json(r, "fetch")?,
        revision: row::number(r, "revision")?,
        generation: row::number(r, "generation")?,
        created_at: row::time(r, "created_at")?,
        updated_at: row::time(r, "updated_at")?,
    })
}

/// The place of a row beside the device itself.
pub(crate) struct Place<'a> {
    /// Its set of layers.
    pub(crate) layer_set: &'a str,
    /// Set while it came by itself and no person touched it.
    pub(crate) pending_network: Option<String>,
    /// The address that it is found by.
    pub(crate) address: Option<String>,
}

const INSERT: &str = "INSERT INTO devices (mac, serial, uuid, vendor, model, model_pinned, reported_model, firmware, pack, pack_pinned, state, \
    profiles, settings, unset, label, location, tags, layer_set, pending_network, revision, generation, updated_at, tenant, id, created_at, \
    address, seen_at, seen_ip, seen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
    $22, $23, $24, $25, $26, $27, $28, $29)";

const UPDATE: &str = "UPDATE devices SET mac = $1, serial = $2, uuid = $3, vendor = $4, model = $5, model_pinned = $6, reported_model = $7, \
    firmware = $8, pack = $9, pack_pinned = $10, state = $11, profiles = $12, settings = $13, unset = $14, label = $15, location = $16, \
    tags = $17, layer_set = $18, pending_network = $19, revision = $20, generation = $21, updated_at = $22, tenant = $23 WHERE id = $24";

/// Writes the row; an update leaves what requests write (address, last seen, last fetch) alone.
pub(crate) async fn write(tx: &mut Tx, device: &Device, place: Place<'_>, new: bool) -> Result<()> {
    let id = device.id.to_string();
    let query = sqlx::query(if new { INSERT } else { UPDATE })
        .bind(device.mac.map(|m| m.to_string()))
        .bind(&device.serial)
        .bind(&device.uuid)
        .bind(&device.vendor)
        .bind(&device.model)
        .bind(i64::from(device.model_pinned))
        .bind(&device.reported_model)
        .bind(&device.firmware)
        .bind(&device.pack)
        .bind(i64::from(device.pack_pinned))
        .bind(device.state.as_str())
        .bind(row::to_json(&device.profiles)?)
        .bind(tx.seal(&format!("device {id}"), &device.settings)?)
        .bind(row::paths_json(&device.unset)?)
        .bind(&device.label)
        .bind(&device.location)
        .bind(row::to_json(&device.tags)?)
        .bind(place.layer_set)
        .bind(place.pending_network)
        .bind(device.revision.cast_signed())
        .bind(device.generation.cast_signed())
        .bind(device.updated_at.as_millis())
        .bind(&device.tenant)
        .bind(&id);
    let query = if new {
        let seen = device.last_seen.as_ref();
        query
            .bind(device.created_at.as_millis())
            .bind(place.address)
            .bind(seen.map(|s| s.at.as_millis()))
            .bind(seen.map(|s| s.ip.to_canonical().to_string()))
            .bind(seen.map(row::to_json).transpose()?)
    } else {
        query
    };
    query.execute(&mut tx.conn).await.map_err(conflict(|| "a device with this MAC address exists already".into()))?;
    search::write(tx, device).await
}

/// What a phone said, fit to be stored.
pub(crate) fn tamed(seen: &offhook_core::device::LastSeen) -> offhook_core::device::LastSeen {
    let mut seen = seen.clone();
    seen.path = tame(&seen.path);
    seen.user_agent = seen.user_agent.as_deref().map(tame);
    seen
}
