//! Ports for `local_port = "auto"`: each device keeps its own, which no other behind the same address has.

use std::{collections::BTreeSet, net::IpAddr};

use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Result,
    local_port::{AutoPort, free, preferred},
};

use crate::{Store, What, database::failed, row, writer::Tx};

const HELD: &str = "SELECT address, port FROM local_ports WHERE device = $1";

impl Store {
    /// The port of a device, made or moved when it has none behind this address, and the device's generation: another port makes other
    /// files. Without an address it keeps what it has.
    ///
    /// # Errors
    /// `NotFound` when the device is gone; `Unavailable`.
    pub async fn hold_local_port(&self, device: Id, address: Option<IpAddr>) -> Result<(AutoPort, u64)> {
        self.write(move |tx| hold(tx, device, address).boxed()).await
    }

    /// What a device that asks for a port has.
    pub(crate) async fn local_port_of(&self, device: Id) -> Result<AutoPort> {
        let found = sqlx::query(HELD).bind(device.to_string()).fetch_optional(&self.shared.readers).await.map_err(failed)?;
        found.as_ref().map_or(Ok(AutoPort::Wanted), read)
    }
}

fn read(found: &sqlx::any::AnyRow) -> Result<AutoPort> {
    let port = u16::try_from(row::number(found, "port")?).map_err(|e| row::unreadable("port", e))?;
    Ok(AutoPort::Held { address: row::text(found, "address")?.parse().ok(), port })
}

async fn hold(tx: &mut Tx, device: Id, address: Option<IpAddr>) -> Result<(AutoPort, u64)> {
    let found = sqlx::query("SELECT mac, generation FROM devices WHERE id = $1").bind(device.to_string());
    let found = found.fetch_optional(&mut tx.conn).await.map_err(failed)?.ok_or_else(|| Error::not_found("device", device))?;
    let (mac, generation) = (crate::device::row::mac(&found)?, row::number(&found, "generation")?);
    let held = sqlx::query(HELD).bind(device.to_string()).fetch_optional(&mut tx.conn).await.map_err(failed)?;
    let held = held.as_ref().map(read).transpose()?;
    let address = address.map(|a| a.to_canonical());
    if let Some(AutoPort::Held { address: of, .. }) = held
        && (address.is_none() || of == address)
    {
        return Ok((held.unwrap_or_default(), generation));
    }
    let place = address.map(|a| a.to_string()).unwrap_or_default();
    let rows = sqlx::query("SELECT port FROM local_ports WHERE address = $1 AND device <> $2").bind(&place).bind(device.to_string());
    let rows = rows.fetch_all(&mut tx.conn).await.map_err(failed)?;
    let taken = rows.iter().map(|r| Ok(u16::try_from(row::number(r, "port")?).unwrap_or(0))).collect::<Result<BTreeSet<u16>>>()?;
    let before = held.unwrap_or_default().port_of(device);
    let port = free(if held.is_some() { before } else { preferred(device) }, &taken);
    sqlx::query(
        "INSERT INTO local_ports (device, address, port) VALUES ($1, $2, $3) \
         ON CONFLICT (device) DO UPDATE SET address = excluded.address, port = excluded.port",
    )
    .bind(device.to_string())
    .bind(&place)
    .bind(i64::from(port))
    .execute(&mut tx.conn)
    .await
    .map_err(failed)?;
    let moved = u64::from(port != before);
    if moved > 0 {
        let update = sqlx::query("UPDATE devices SET generation = generation + 1 WHERE id = $1").bind(device.to_string());
        update.execute(&mut tx.conn).await.map_err(failed)?;
    }
    tx.changed(What::Device { id: device, mac, former_mac: None }).await?;
    Ok((AutoPort::Held { address, port }, generation + moved))
}
