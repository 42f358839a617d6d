//! Firmware files: their names in the database and in memory, their bytes as blobs.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use futures_util::FutureExt;
use offhook_core::{Error, Id, Result, firmware::Firmware};
use sqlx::AnyConnection;

use crate::{
    Blob, Store, What,
    blob::Row,
    database::{conflict, failed},
    row,
    text::Faults,
    writer::Tx,
};

/// Stored firmware by name, letter case ignored.
#[derive(Clone, Debug, Default)]
pub struct Shelf(BTreeMap<String, Firmware>);

impl Shelf {
    /// The file of that name.
    pub fn get(&self, name: &str) -> Option<&Firmware> {
        self.0.get(&name.to_lowercase())
    }

    /// All files, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Firmware> {
        self.0.values()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Store {
    /// Puts a blob on the shelf under a name.
    ///
    /// # Errors
    /// `Conflict` when the name is taken, letter case ignored; `Invalid` when it is no file name.
    pub async fn add_firmware(&self, name: &str, pack: &str, blob: Blob) -> Result<Firmware> {
        let (name, pack) = (name.to_owned(), pack.to_owned());
        // The blob is held until the row is there, also when nobody waits for it any more.
        let added = self.write(move |tx| async move { Ok((add(tx, name, pack, &blob).await?, blob)) }.boxed()).await;
        added.map(|(firmware, _)| firmware)
    }

    /// Puts several on the shelf (name, pack, bytes), all or none. One whose name is there with the same bytes stays as it is.
    ///
    /// # Errors
    /// As [`Store::add_firmware`]; `Conflict` for a name that is there with other bytes.
    pub async fn add_firmware_set(&self, files: Vec<(String, String, Blob)>) -> Result<Vec<Firmware>> {
        let added = self.write(move |tx| async move { Ok((add_all(tx, &files).await?, files)) }.boxed()).await;
        added.map(|(firmware, _)| firmware)
    }

    /// Deletes a firmware file, and its bytes when no other has the same.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_firmware(&self, id: Id) -> Result<()> {
        self.write(move |tx| delete(tx, id).boxed()).await
    }

    /// Where its bytes lie.
    pub fn firmware_path(&self, firmware: &Firmware) -> PathBuf {
        self.shared.blobs.path(&firmware.sha256)
    }

    /// Its bytes, for sending.
    ///
    /// # Errors
    /// `Internal` when the file is gone or has another size than was stored.
    pub async fn open_firmware(&self, firmware: &Firmware) -> Result<tokio::fs::File> {
        self.open_blob(&firmware.sha256, firmware.size, || format!("firmware {:?}", firmware.name)).await
    }
}

fn check(name: &str, pack: &str) -> Result<()> {
    let mut faults = Faults::default();
    faults.name("name", name);
    if name.contains('\\') || matches!(name, "." | "..") {
        faults.add("name", "is no file name: write it without folders, e.g. P0S3-8-12-00.sb2");
    }
    faults.name("pack", pack);
    faults.done()
}

async fn add_all(tx: &mut Tx, files: &[(String, String, Blob)]) -> Result<Vec<Firmware>> {
    let mut added = Vec::with_capacity(files.len());
    for (name, pack, blob) in files {
        let there = tx.shelf.get(name).filter(|f| f.sha256 == blob.sha256()).cloned();
        added.push(match there {
            Some(there) => there,
            None => add(tx, name.clone(), pack.clone(), blob).await?,
        });
    }
    Ok(added)
}

async fn add(tx: &mut Tx, name: String, pack: String, blob: &Blob) -> Result<Firmware> {
    check(&name, &pack)?;
    let (sha256, size) = (blob.sha256().to_owned(), blob.size());
    let firmware = Firmware { id: tx.new_id(), name, pack, size, sha256, created_at: tx.now };
    let key = firmware.name.to_lowercase();
    sqlx::query("INSERT INTO firmware (id, name, name_key, pack, size, sha256, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(firmware.id.to_string())
        .bind(&firmware.name)
        .bind(&key)
        .bind(&firmware.pack)
        .bind(firmware.size.cast_signed())
        .bind(&firmware.sha256)
        .bind(firmware.created_at.as_millis())
        .execute(&mut tx.conn)
        .await
        .map_err(conflict(|| format!("there is firmware of the name {:?} already: delete it first", firmware.name)))?;
    Arc::make_mut(&mut tx.shelf).0.insert(key, firmware.clone());
    tx.blobs.push(Row::Came(firmware.sha256.clone()));
    tx.changed(What::Firmware { name: firmware.name.clone() }).await?;
    tx.wrote(None, Some(&firmware)).await?;
    Ok(firmware)
}

async fn delete(tx: &mut Tx, id: Id) -> Result<()> {
    let found = tx.shelf.iter().find(|f| f.id == id).cloned().ok_or_else(|| Error::not_found("firmware", id))?;
    sqlx::query("DELETE FROM firmware WHERE id = $1").bind(id.to_string()).execute(&mut tx.conn).await.map_err(failed)?;
    Arc::make_mut(&mut tx.shelf).0.remove(&found.name.to_lowercase());
    tx.blobs.push(Row::Went(found.sha256.clone()));
    tx.changed(What::Firmware { name: found.name.clone() }).await?;
    tx.wrote(Some(&found), None).await
}

/// All firmware.
pub(crate) async fn load(conn: &mut AnyConnection) -> Result<Shelf> {
    let rows =
        sqlx::query("SELECT id, name, name_key, pack, size, sha256, created_at FROM firmware").fetch_all(conn).await.map_err(failed)?;
    let read = |r| {
        let firmware = Firmware {
            id: row::id(r, "id")?,
            name: row::text(r, "name")?,
            pack: row::text(r, "pack")?,
            size: row::number(r, "size")?,
            sha256: row::text(r, "sha256")?,
            created_at: row::time(r, "created_at")?,
        };
        Ok((row::text(r, "name_key")?, firmware))
    };
    rows.iter().map(read).collect::<Result<_>>().map(Shelf)
}
