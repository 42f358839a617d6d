//! Installed packs: their archives, the built-in ones that were removed, and the newest index that was accepted. What is in an archive
//! is not looked at here.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::FutureExt;
use offhook_core::{
    Error, Result,
    pack::{InstalledPack, PackDigests},
    settings::RawSecrets,
};
use sha2::{Digest, Sha256};
use sqlx::{Row, any::AnyRow};

use crate::{Note, Store, What, database::failed, key::hex, row, writer::Tx};

/// A pack that is to be installed.
#[derive(Clone, Debug)]
pub struct NewPack {
    /// The pack's id.
    pub pack: String,
    /// Its version.
    pub version: String,
    /// Where it came from; empty for an archive that was sent.
    pub origin: String,
    /// The archive.
    pub archive: Vec<u8>,
    /// Who installs: the label of a token.
    pub by: String,
}

const COLUMNS: &str = "SELECT pack, version, origin, sha256, size, installed_at, installed_by FROM packs";

impl Store {
    /// Installs a pack, in place of the same version when there is one; a built-in pack of that id that was removed is used again.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn install_pack(&self, new: NewPack) -> Result<InstalledPack> {
        self.write(move |tx| install(tx, new).boxed()).await
    }

    /// Uninstalls one version of a pack, or all of them; with `built_in` the built-in one of that id is not used any more either. Gives
    /// how many rows that changed.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn uninstall_pack(&self, pack: &str, version: Option<&str>, built_in: bool, by: &str) -> Result<u64> {
        let (pack, version, by) = (pack.to_owned(), version.map(str::to_owned), by.to_owned());
        self.write(move |tx| uninstall(tx, pack, version, built_in, by).boxed()).await
    }

    /// A removed built-in pack is used again.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn restore_pack(&self, pack: &str) -> Result<()> {
        let pack = pack.to_owned();
        self.write(move |tx| restore(tx, pack).boxed()).await
    }

    /// All installed packs.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn installed_packs(&self) -> Result<Vec<InstalledPack>> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} ORDER BY pack, version"));
        let rows = sqlx::query(sql).fetch_all(&self.shared.readers).await.map_err(failed)?;
        rows.iter().map(read).collect()
    }

    /// The archive of an installed pack; none when it is not there.
    ///
    /// # Errors
    /// `Internal` when it is not what was stored.
    pub async fn pack_archive(&self, pack: &InstalledPack) -> Result<Option<Vec<u8>>> {
        let query = sqlx::query("SELECT archive FROM packs WHERE pack = $1 AND version = $2").bind(&pack.pack).bind(&pack.version);
        let Some(row) = query.fetch_optional(&self.shared.readers).await.map_err(failed)? else { return Ok(None) };
        let archive: Vec<u8> = row.try_get(0).map_err(failed)?;
        if hex(&Sha256::digest(&archive)) != pack.sha256 {
            let InstalledPack { pack, version, .. } = pack;
            return Err(Error::Internal(format!("the archive of pack {pack}@{version} is not what was stored: install it again")));
        }
        Ok(Some(archive))
    }

    /// Ids of built-in packs that are not to be used.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn removed_packs(&self) -> Result<BTreeSet<String>> {
        let rows = sqlx::query("SELECT pack FROM removed_packs").fetch_all(&self.shared.readers).await.map_err(failed)?;
        rows.iter().map(|r| row::text(r, "pack")).collect()
    }

    /// Tells the store which packs are in use: which raw parameters are secret in later writes, and what is part of what every
    /// device's files are made of. The tags of all layers move with it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn use_packs(&self, raw_secrets: RawSecrets, digests: PackDigests) -> Result<()> {
        self.set_raw_secrets(raw_secrets);
        if *self.configuration().packs == digests {
            return Ok(());
        }
        self.write(move |tx| use_packs(tx, digests).boxed()).await
    }

    /// Accepts an index of that serial number. One that is older than the newest accepted from that address is refused.
    ///
    /// # Errors
    /// `Conflict` with the serial number that was accepted before.
    pub async fn accept_index(&self, url: &str, serial: u64) -> Result<()> {
        let url = url.to_owned();
        self.write(move |tx| accept(tx, url, serial).boxed()).await
    }
}

fn read(r: &AnyRow) -> Result<InstalledPack> {
    Ok(InstalledPack {
        pack: row::text(r, "pack")?,
        version: row::text(r, "version")?,
        origin: row::text(r, "origin")?,
        sha256: row::text(r, "sha256")?,
        size: row::number(r, "size")?,
        installed_at: row::time(r, "installed_at")?,
        installed_by: row::text(r, "installed_by")?,
    })
}

async fn install(tx: &mut Tx, new: NewPack) -> Result<InstalledPack> {
    let installed = InstalledPack {
        sha256: hex(&Sha256::digest(&new.archive)),
        size: new.archive.len() as u64,
        pack: new.pack,
        version: new.version,
        origin: new.origin,
        installed_at: tx.now,
        installed_by: new.by,
    };
    sqlx::query("DELETE FROM packs WHERE pack = $1 AND version = $2")
        .bind(&installed.pack)
        .bind(&installed.version)
        .execute(&mut tx.conn)
        .await
        .map_err(failed)?;
    sqlx::query(
        "INSERT INTO packs (pack, version, origin, sha256, size, archive, installed_at, installed_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&installed.pack)
    .bind(&installed.version)
    .bind(&installed.origin)
    .bind(&installed.sha256)
    .bind(installed.size.cast_signed())
    .bind(new.archive)
    .bind(installed.installed_at.as_millis())
    .bind(&installed.installed_by)
    .execute(&mut tx.conn)
    .await
    .map_err(failed)?;
    tx.changed(What::Packs { pack: installed.pack.clone() }).await?;
    let from = if installed.origin.is_empty() { String::new() } else { format!("from {}, ", installed.origin) };
    note(tx, "install", &installed.pack, format!("version {}, {from}sha256 {}", installed.version, installed.sha256)).await?;
    Ok(installed)
}

async fn uninstall(tx: &mut Tx, pack: String, version: Option<String>, built_in: bool, by: String) -> Result<u64> {
    let delete = match &version {
        Some(version) => sqlx::query("DELETE FROM packs WHERE pack = $1 AND version = $2").bind(&pack).bind(version),
        None => sqlx::query("DELETE FROM packs WHERE pack = $1").bind(&pack),
    };
    let mut rows = delete.execute(&mut tx.conn).await.map_err(failed)?.rows_affected();
    if built_in {
        rows += sqlx::query("INSERT INTO removed_packs (pack, removed_at, removed_by) VALUES ($1, $2, $3) ON CONFLICT (pack) DO NOTHING")
            .bind(&pack)
            .bind(tx.now.as_millis())
            .bind(by)
            .execute(&mut tx.conn)
            .await
            .map_err(failed)?
            .rows_affected();
    }
    tx.changed(What::Packs { pack: pack.clone() }).await?;
    if rows > 0 {
        let which = version.map_or_else(|| "all installed versions".to_owned(), |v| format!("version {v}"));
        note(tx, "uninstall", &pack, if built_in { format!("{which}, and the built-in one") } else { which }).await?;
    }
    Ok(rows)
}

/// A pack is no document: the log says in words what became of it.
async fn note(tx: &mut Tx, action: &'static str, pack: &str, detail: String) -> Result<()> {
    tx.note(&Note { action, noun: "pack", subject: pack.to_owned(), name: pack.to_owned(), tenant: None, detail }).await
}

async fn restore(tx: &mut Tx, pack: String) -> Result<()> {
    sqlx::query("DELETE FROM removed_packs WHERE pack = $1").bind(&pack).execute(&mut tx.conn).await.map_err(failed)?;
    tx.changed(What::Packs { pack: pack.clone() }).await?;
    note(tx, "restore", &pack, "the built-in pack is used again".to_owned()).await
}

async fn use_packs(tx: &mut Tx, digests: PackDigests) -> Result<()> {
    let configuration = (*tx.configuration).clone().with_packs(Arc::new(digests));
    tx.configure(configuration).await
}

async fn accept(tx: &mut Tx, url: String, serial: u64) -> Result<()> {
    let known =
        sqlx::query("SELECT serial FROM pack_indexes WHERE url = $1").bind(&url).fetch_optional(&mut tx.conn).await.map_err(failed)?;
    let known = known.map(|r| row::number(&r, "serial")).transpose()?;
    match known {
        Some(known) if serial < known => Err(Error::Conflict(format!(
            "the index is number {serial}, but number {known} was seen from there before: an old index is not taken, somebody may hold back what is newer"
        ))),
        Some(known) if serial == known => Ok(()),
        _ => sqlx::query("INSERT INTO pack_indexes (url, serial) VALUES ($1, $2) ON CONFLICT (url) DO UPDATE SET serial = $2")
            .bind(url)
            .bind(serial.cast_signed())
            .execute(&mut tx.conn)
            .await
            .map(drop)
            .map_err(failed),
    }
}
