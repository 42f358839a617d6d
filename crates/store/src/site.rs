//! The site. Reading it is reading [`crate::Store::configuration`].

use futures_util::FutureExt;
use offhook_core::{Result, configuration::Configuration, site::Site};
use sqlx::AnyConnection;

use crate::{
    Store,
    database::failed,
    key::Sealer,
    layers, naming,
    references::{Holder, refer},
    row,
    text::check_revision,
    writer::Tx,
};

pub(crate) const SETTINGS: &str = "site settings";
pub(crate) const ENFORCED: &str = "site enforced";

impl Store {
    /// Changes the site.
    ///
    /// # Errors
    /// `Stale`; `Invalid` with field paths for an account that no tenant has or that is not shared.
    pub async fn update_site(
        &self,
        if_match: Option<u64>,
        edit: impl FnOnce(&mut Site, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Site> {
        self.write(move |tx| update(tx, if_match, edit).boxed()).await
    }
}

async fn update(tx: &mut Tx, if_match: Option<u64>, edit: impl FnOnce(&mut Site, &Configuration) -> Result<()>) -> Result<Site> {
    tx.reach.must_be_all("the site is for every tenant")?;
    let old = tx.configuration.site.clone();
    check_revision(if_match, old.revision)?;
    let mut site = old.clone();
    edit(&mut site, &tx.configuration)?;
    (site.revision, site.updated_at) = (old.revision, old.updated_at);
    if site == old {
        return Ok(site);
    }
    (site.revision, site.updated_at) = (old.revision + 1, tx.now);
    let holder = Holder { noun: "site", id: "site".into(), tenant: None };
    naming::check(tx, None, &[&old.settings, &old.enforced], &[("settings", &site.settings), ("enforced", &site.enforced)])?;
    refer(tx, &holder, &[("settings", &site.settings), ("enforced", &site.enforced)]).await?;
    let configuration = layers::edited(&tx.configuration, |parts| parts.site = site.clone())?;
    sqlx::query("UPDATE site SET settings = $1, enforced = $2, revision = $3, updated_at = $4")
        .bind(tx.seal(SETTINGS, &site.settings)?)
        .bind(tx.seal(ENFORCED, &site.enforced)?)
        .bind(site.revision.cast_signed())
        .bind(site.updated_at.as_millis())
        .execute(&mut tx.conn)
        .await
        .map_err(failed)?;
    tx.configure(configuration).await?;
    tx.wrote(Some(&old), Some(&site)).await?;
    Ok(site)
}

/// The site as stored.
pub(crate) async fn load(conn: &mut AnyConnection, sealer: &Sealer) -> Result<Site> {
    let found = sqlx::query("SELECT settings, enforced, revision, updated_at FROM site").fetch_one(conn).await.map_err(failed)?;
    Ok(Site {
        settings: row::settings(&found, "settings", SETTINGS, sealer)?,
        enforced: row::settings(&found, "enforced", ENFORCED, sealer)?,
        revision: row::number(&found, "revision")?,
        updated_at: row::time(&found, "updated_at")?,
    })
}
