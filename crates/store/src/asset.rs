//! Assets: their descriptions in the database and in memory, their bytes as blobs.

use std::sync::Arc;

use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Result,
    asset::{Asset, AssetKind, good_name},
};
use sqlx::AnyConnection;

use crate::{
    Blob, Store, What,
    blob::Row,
    database::{conflict, failed},
    library::{Library, key},
    naming, row,
    text::{Faults, check_revision},
    writer::Tx,
};

/// What a new asset is called and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAsset {
    /// Its name.
    pub name: String,
    /// Its tenant; none: global.
    pub tenant: Option<String>,
    /// What the bytes are.
    pub kind: AssetKind,
}

impl Store {
    /// Assets and phone books. Replaced as a whole like the configuration.
    pub fn library(&self) -> Arc<Library> {
        let whole = self.shared.library();
        if self.reach().is_all() { whole } else { Arc::new(whole.within(self.reach())) }
    }

    /// Keeps a file under a name.
    ///
    /// # Errors
    /// `Conflict` when its tenant has one of that name, letter case ignored; `Invalid` for a bad name or an unknown tenant.
    pub async fn add_asset(&self, new: NewAsset, blob: Blob) -> Result<Asset> {
        // The blob is held until the row is there, also when nobody waits for it any more.
        let added = self.write(move |tx| async move { Ok((add(tx, new, &blob).await?, blob)) }.boxed()).await;
        added.map(|(asset, _)| asset)
    }

    /// Puts other bytes in place of those of an asset.
    ///
    /// # Errors
    /// `NotFound`; `Stale`.
    pub async fn replace_asset(&self, id: Id, if_match: Option<u64>, kind: AssetKind, blob: Blob) -> Result<Asset> {
        let replaced = self.write(move |tx| async move { Ok((replace(tx, id, if_match, kind, &blob).await?, blob)) }.boxed()).await;
        replaced.map(|(asset, _)| asset)
    }

    /// Deletes an asset; one in use is a `Conflict` that names its users.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Conflict`.
    pub async fn delete_asset(&self, id: Id, if_match: Option<u64>) -> Result<()> {
        self.write(move |tx| delete(tx, id, if_match).boxed()).await
    }

    /// The bytes of an asset, for sending: by its name, their sum and how many they are.
    ///
    /// # Errors
    /// `Internal` when they are gone or not as many as were stored; `Unavailable`.
    pub async fn open_asset(&self, name: &str, sha256: &str, size: u64) -> Result<tokio::fs::File> {
        self.open_blob(sha256, size, || format!("asset {name:?}")).await
    }
}

fn stored(tx: &Tx, id: Id) -> Result<Arc<Asset>> {
    let asset = tx.library.assets().find(|a| a.id == id).cloned().ok_or_else(|| Error::not_found("asset", id))?;
    tx.must_own("asset", id, asset.tenant.as_deref())?;
    Ok(asset)
}

async fn add(tx: &mut Tx, new: NewAsset, blob: &Blob) -> Result<Asset> {
    let NewAsset { name, tenant, kind } = new;
    if tenant.is_none() {
        tx.reach.may_write_in(None)?;
    }
    let mut faults = Faults::default();
    if let Err(why) = good_name(&name) {
        faults.add("name", why);
    }
    if let Some(tenant) = tenant.as_deref().filter(|t| !tx.has_tenant(t)) {
        faults.add("tenant", format!("there is no tenant {tenant:?}"));
    }
    faults.done()?;
    let (sha256, size) = (blob.sha256().to_owned(), blob.size());
    let asset = Asset { id: tx.new_id(), name, tenant, kind, size, sha256, revision: 1, created_at: tx.now, updated_at: tx.now };
    put(tx, &asset).await?;
    tx.blobs.push(Row::Came(asset.sha256.clone()));
    tx.wrote(None, Some(&asset)).await?;
    Ok(asset)
}

async fn replace(tx: &mut Tx, id: Id, if_match: Option<u64>, kind: AssetKind, blob: &Blob) -> Result<Asset> {
    let old = stored(tx, id)?;
    check_revision(if_match, old.revision)?;
    if blob.sha256() == old.sha256 {
        return Ok(Asset::clone(&old));
    }
    let (sha256, size) = (blob.sha256().to_owned(), blob.size());
    let asset = Asset { kind, size, sha256, revision: old.revision + 1, updated_at: tx.now, ..Asset::clone(&old) };
    put(tx, &asset).await?;
    tx.blobs.extend([Row::Came(asset.sha256.clone()), Row::Went(old.sha256.clone())]);
    tx.wrote(Some(&*old), Some(&asset)).await?;
    Ok(asset)
}

async fn delete(tx: &mut Tx, id: Id, if_match: Option<u64>) -> Result<()> {
    let old = stored(tx, id)?;
    check_revision(if_match, old.revision)?;
    naming::unused(tx, (id, "asset", &old.name, old.tenant.as_deref()), "cannot be deleted").await?;
    sqlx::query("DELETE FROM assets WHERE id = $1").bind(id.to_string()).execute(&mut tx.conn).await.map_err(failed)?;
    Arc::make_mut(&mut tx.library).assets.remove(&key(old.tenant.as_deref(), &old.name));
    tx.blobs.push(Row::Went(old.sha256.clone()));
    tx.changed(What::Library { noun: "asset", id }).await?;
    tx.wrote(Some(&*old), None).await
}

async fn put(tx: &mut Tx, asset: &Asset) -> Result<()> {
    sqlx::query(
        "INSERT INTO assets (id, tenant, name, name_key, kind, size, sha256, revision, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, size = excluded.size, \
         sha256 = excluded.sha256, revision = excluded.revision, updated_at = excluded.updated_at",
    )
    .bind(asset.id.to_string())
    .bind(asset.tenant.clone().unwrap_or_default())
    .bind(&asset.name)
    .bind(asset.name.to_lowercase())
    .bind(asset.kind.as_str())
    .bind(asset.size.cast_signed())
    .bind(&asset.sha256)
    .bind(asset.revision.cast_signed())
    .bind(asset.created_at.as_millis())
    .bind(asset.updated_at.as_millis())
    .execute(&mut tx.conn)
    .await
    .map_err(conflict(|| format!("there is an asset {:?} already: replace it, or choose another name", asset.name)))?;
    let at = key(asset.tenant.as_deref(), &asset.name);
    Arc::make_mut(&mut tx.library).assets.insert(at, Arc::new(asset.clone()));
    tx.changed(What::Library { noun: "asset", id: asset.id }).await.map(drop)
}

/// All assets.
pub(crate) async fn load(conn: &mut AnyConnection, library: &mut Library) -> Result<()> {
    let rows = sqlx::query("SELECT id, tenant, name, kind, size, sha256, revision, created_at, updated_at FROM assets");
    for r in &rows.fetch_all(conn).await.map_err(failed)? {
        let asset = Asset {
            id: row::id(r, "id")?,
            name: row::text(r, "name")?,
            tenant: Some(row::text(r, "tenant")?).filter(|t| !t.is_empty()),
            kind: AssetKind::parse(&row::text(r, "kind")?).ok_or_else(|| row::unreadable("kind", "no kind of asset"))?,
            size: row::number(r, "size")?,
            sha256: row::text(r, "sha256")?,
            revision: row::number(r, "revision")?,
            created_at: row::time(r, "created_at")?,
            updated_at: row::time(r, "updated_at")?,
        };
        library.assets.insert(key(asset.tenant.as_deref(), &asset.name), Arc::new(asset));
    }
    Ok(())
}
