//! What a search for devices looks in: one text for each, in lower case, beside the device.

use offhook_core::{Id, Mac, Result, device::Device};

use crate::{database::failed, page::Sql, page::pattern, writer::Tx};

/// MAC address in two spellings, label, location, model and last address, each on a line.
fn text(device: &Device) -> String {
    let mac = device.mac.map(|m| format!("{m} {}", m.bare())).unwrap_or_default();
    let model = device.model.as_deref().unwrap_or_default();
    let ip = device.last_seen.as_ref().map(|s| s.ip.to_canonical().to_string()).unwrap_or_default();
    [&mac, &device.label, &device.location, model, &ip].map(str::to_lowercase).join("\n")
}

/// Keeps the text in step with its device.
pub(crate) async fn write(tx: &mut Tx, device: &Device) -> Result<()> {
    sqlx::query(
        "INSERT INTO device_search (device, text) VALUES ($1, $2) ON CONFLICT (device) DO UPDATE SET text = excluded.text \
         WHERE device_search.text <> excluded.text",
    )
    .bind(device.id.to_string())
    .bind(text(device))
    .execute(&mut tx.conn)
    .await
    .map(drop)
    .map_err(failed)
}

/// The same after a request told a new model or came from another address.
pub(crate) async fn renew(tx: &mut Tx, id: Id) -> Result<()> {
    match super::stored(tx, "devices.id = $1", id.to_string()).await? {
        Some(device) => write(tx, &device).await,
        None => Ok(()),
    }
}

/// The devices whose text holds this one; the column is `device`.
pub(crate) fn hits(q: &str) -> Sql {
    Sql::of("SELECT device FROM device_search WHERE text LIKE ? ESCAPE '\\'", pattern(&q.to_lowercase()))
}

/// The same as a condition on one device.
pub(crate) fn fits(q: &str) -> Sql {
    const SQL: &str = "EXISTS (SELECT 1 FROM device_search s WHERE s.device = devices.id AND s.text LIKE ? ESCAPE '\\')";
    Sql::of(SQL, pattern(&q.to_lowercase()))
}

/// A whole MAC address in any spelling is looked up as one.
pub(crate) fn mac(q: &str) -> Option<Mac> {
    Mac::parse(q)
}
