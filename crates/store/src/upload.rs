//! Files that phones sent: bounded for each file, for each device and in all; the oldest make room.

use std::net::IpAddr;

use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Result,
    request::Transport,
    upload::{Upload, UploadKind},
};
use sqlx::any::AnyRow;

use crate::{Blob, Store, blob::Row, database::failed, row, text::tame, writer::Tx};

/// Longest name of a file that is kept, in characters.
const LONGEST: usize = 255;

/// What is kept of a file that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUpload {
    /// The device that sent it.
    pub device: Id,
    /// The name of the `[[upload]]`.
    pub name: String,
    /// The file as the phone called it.
    pub file: String,
    /// What it is.
    pub kind: UploadKind,
    /// From where.
    pub ip: IpAddr,
    /// How.
    pub transport: Transport,
}

/// How much is kept. What came last always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadLimits {
    /// Versions of one name of one device.
    pub versions: usize,
    /// Bytes of one device.
    pub device: u64,
    /// Bytes in all.
    pub total: u64,
}

const COLUMNS: &str = "id, device, name, file, kind, size, sha256, at, ip, transport";

impl Store {
    /// Keeps a file that a device sent; older ones make room.
    ///
    /// # Errors
    /// `NotFound` when the device is gone.
    pub async fn add_upload(&self, new: NewUpload, limits: UploadLimits, blob: Blob) -> Result<Upload> {
        // The blob is held until the row is there, also when nobody waits for it any more.
        let added = self.write(move |tx| async move { Ok((add(tx, new, limits, &blob).await?, blob)) }.boxed()).await;
        added.map(|(upload, _)| upload)
    }

    /// What a device sent, newest first.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn uploads(&self, device: Id) -> Result<Vec<Upload>> {
        let sql = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM uploads WHERE device = $1 ORDER BY id DESC"));
        let rows = sqlx::query(sql).bind(device.to_string()).fetch_all(&self.shared.readers).await.map_err(failed)?;
        rows.iter().map(read).collect()
    }

    /// The bytes of an upload.
    ///
    /// # Errors
    /// `Internal` when they are gone or not as many as came.
    pub async fn open_upload(&self, upload: &Upload) -> Result<tokio::fs::File> {
        self.open_blob(&upload.sha256, upload.size, || format!("upload {:?}", upload.file)).await
    }

    /// Deletes an upload of a device.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_upload(&self, device: Id, id: Id) -> Result<()> {
        self.write(move |tx| delete(tx, device, id).boxed()).await
    }
}

fn read(found: &AnyRow) -> Result<Upload> {
    let word = |column| Ok::<_, Error>(serde_json::Value::from(row::text(found, column)?));
    Ok(Upload {
        id: row::id(found, "id")?,
        device: row::id(found, "device")?,
        name: row::text(found, "name")?,
        file: row::text(found, "file")?,
        kind: serde_json::from_value(word("kind")?).map_err(|e| row::unreadable("kind", e))?,
        size: row::number(found, "size")?,
        sha256: row::text(found, "sha256")?,
        at: row::time(found, "at")?,
        ip: row::text(found, "ip")?.parse().map_err(|e| row::unreadable("ip", e))?,
        transport: serde_json::from_value(word("transport")?).map_err(|e| row::unreadable("transport", e))?,
    })
}

async fn add(tx: &mut Tx, new: NewUpload, limits: UploadLimits, blob: &Blob) -> Result<Upload> {
    let NewUpload { device, name, file, kind, ip, transport } = new;
    let here = sqlx::query("SELECT COUNT(*) FROM devices WHERE id = $1").bind(device.to_string());
    if tx.count(here).await? == 0 {
        return Err(Error::not_found("device", device));
    }
    let file = tame(&file).chars().take(LONGEST).collect();
    let (size, sha256) = (blob.size(), blob.sha256().to_owned());
    let upload = Upload { id: tx.new_id(), device, name, file, kind, size, sha256, at: tx.now, ip: ip.to_canonical(), transport };
    let sql = sqlx::AssertSqlSafe(format!("INSERT INTO uploads ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"));
    sqlx::query(sql)
        .bind(upload.id.to_string())
        .bind(device.to_string())
        .bind(&upload.name)
        .bind(&upload.file)
        .bind(kind.as_str())
        .bind(upload.size.cast_signed())
        .bind(&upload.sha256)
        .bind(upload.at.as_millis())
        .bind(upload.ip.to_string())
        .bind(transport.as_str())
        .execute(&mut tx.conn)
        .await
        .map_err(failed)?;
    tx.blobs.push(Row::Came(upload.sha256.clone()));
    make_room(tx, &upload, limits).await?;
    Ok(upload)
}

/// The oldest go: of this name of this device, of this device, of all.
async fn make_room(tx: &mut Tx, upload: &Upload, limits: UploadLimits) -> Result<()> {
    let (id, device) = (upload.id.to_string(), upload.device.to_string());
    let versions = sqlx::query("SELECT id, sha256, size FROM uploads WHERE device = $1 AND name = $2 ORDER BY id DESC");
    let versions = versions.bind(&device).bind(&upload.name).fetch_all(&mut tx.conn).await.map_err(failed)?;
    for old in versions.iter().skip(limits.versions.max(1)) {
        remove(tx, old).await?;
    }
    for (condition, most) in [("device = $1", limits.device), ("$1 <> ''", limits.total)] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM uploads WHERE {condition}"));
        let mut size = tx.count(sqlx::query(sql).bind(&device)).await?;
        while size > most {
            let sql =
                sqlx::AssertSqlSafe(format!("SELECT id, sha256, size FROM uploads WHERE {condition} AND id <> $2 ORDER BY id LIMIT 1"));
            let found = sqlx::query(sql).bind(&device).bind(&id).fetch_optional(&mut tx.conn).await.map_err(failed)?;
            let Some(found) = found else { break };
            size = size.saturating_sub(row::number(&found, "size")?);
            remove(tx, &found).await?;
        }
    }
    Ok(())
}

async fn remove(tx: &mut Tx, found: &AnyRow) -> Result<()> {
    let (id, sha256) = (row::text(found, "id")?, row::text(found, "sha256")?);
    sqlx::query("DELETE FROM uploads WHERE id = $1").bind(id).execute(&mut tx.conn).await.map_err(failed)?;
    tx.blobs.push(Row::Went(sha256));
    Ok(())
}

async fn delete(tx: &mut Tx, device: Id, id: Id) -> Result<()> {
    let sql = sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS}, (SELECT tenant FROM devices WHERE devices.id = device) AS tenant FROM uploads WHERE device = $1 AND id = $2"
    ));
    let found = sqlx::query(sql).bind(device.to_string()).bind(id.to_string()).fetch_optional(&mut tx.conn).await.map_err(failed)?;
    let found = found.ok_or_else(|| Error::not_found("upload", id))?;
    remove(tx, &found).await?;
    tx.wrote(Some(&(read(&found)?, row::text(&found, "tenant")?)), None).await
}

/// All that a device sent, before it goes itself.
pub(crate) async fn remove_of(tx: &mut Tx, device: Id) -> Result<()> {
    let found = sqlx::query("SELECT id, sha256, size FROM uploads WHERE device = $1").bind(device.to_string());
    for row in found.fetch_all(&mut tx.conn).await.map_err(failed)? {
        remove(tx, &row).await?;
    }
    Ok(())
}
