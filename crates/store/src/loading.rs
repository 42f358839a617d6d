//! Reading into memory what is held there: at the start, and when another node changed it.

use offhook_core::{
    Id, Result,
    clock::{Clock, Entropy},
    configuration::Configuration,
    tenant::DEFAULT,
};
use sqlx::AnyConnection;

use crate::{Library, Shelf, address_map, asset, database::failed, firmware, key::Sealer, phonebook, profile, site, template, tenant};

/// Every table that names blobs.
pub(crate) const BLOBS: &str = "SELECT sha256 FROM firmware UNION ALL SELECT sha256 FROM uploads UNION ALL SELECT sha256 FROM assets";

/// What the store starts with.
pub(crate) struct Held {
    pub(crate) configuration: Configuration,
    pub(crate) shelf: Shelf,
    pub(crate) library: Library,
    /// The sum of the blob that each row names.
    pub(crate) blobs: Vec<String>,
    /// Number of the newest change.
    pub(crate) seq: u64,
    /// Rows of the request log.
    pub(crate) logged: u64,
}

/// Reads it; what always exists (the site, the tenant `default`) is made when it is missing.
pub(crate) async fn load(conn: &mut AnyConnection, sealer: &Sealer, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Held> {
    let now = clock.now().as_millis();
    sqlx::query(
        "INSERT INTO site (id, settings, enforced, revision, updated_at) VALUES (1, '{}', '{}', 1, $1) ON CONFLICT (id) DO NOTHING",
    )
    .bind(now)
    .execute(&mut *conn)
    .await
    .map_err(failed)?;
    sqlx::query("INSERT INTO tenants (id, name, networks, settings, enforced, revision, created_at, updated_at) VALUES ($1, $2, '[]', '{}', '{}', 1, $3, $3) ON CONFLICT (name) DO NOTHING")
        .bind(Id::new(clock, entropy).to_string())
        .bind(DEFAULT)
        .bind(now)
        .execute(&mut *conn)
        .await
        .map_err(failed)?;
    let seq = newest_change(conn).await?;
    let logged = logged(conn).await?;
    let configuration = configuration(conn, sealer, seq).await?;
    let (shelf, library) = (firmware::load(conn).await?, library(conn).await?);
    let blobs = sqlx::query_scalar(BLOBS).fetch_all(&mut *conn).await.map_err(failed)?;
    Ok(Held { configuration, shelf, library, blobs, seq, logged })
}

/// Site, tenants, profiles and what else goes with them, as of this change.
pub(crate) async fn configuration(conn: &mut AnyConnection, sealer: &Sealer, seq: u64) -> Result<Configuration> {
    let site = site::load(conn, sealer).await?;
    let tenants = tenant::load(conn, sealer).await?;
    let profiles = profile::load(conn, sealer).await?;
    let templates = template::load(conn).await?;
    let maps = address_map::load(conn).await?;
    Ok(Configuration::new(seq, site, tenants, profiles).with_templates(templates).with_address_maps(maps))
}

/// Assets and phone books.
pub(crate) async fn library(conn: &mut AnyConnection) -> Result<Library> {
    let mut library = Library::default();
    asset::load(conn, &mut library).await?;
    phonebook::load(conn, &mut library).await?;
    Ok(library)
}

/// Number of the newest change.
pub(crate) async fn newest_change(conn: &mut AnyConnection) -> Result<u64> {
    count(conn, "SELECT COALESCE(MAX(seq), 0) FROM changes").await
}

/// Rows of the request log.
pub(crate) async fn logged(conn: &mut AnyConnection) -> Result<u64> {
    count(conn, "SELECT COUNT(*) FROM requests").await
}

async fn count(conn: &mut AnyConnection, sql: &'static str) -> Result<u64> {
    sqlx::query_scalar::<_, i64>(sql).fetch_one(conn).await.map(i64::cast_unsigned).map_err(failed)
}
