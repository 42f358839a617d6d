//! Sets of layers: one row per distinct selector with its present tag, so that *outdated* is a join; and the replacing of
//! the configuration, which moves the tags in the same transaction.

use std::sync::Arc;

use offhook_core::{
    Error, Result,
    configuration::{Configuration, LayerSelector},
    profile::Profile,
    settings::{Document, Model},
    site::Site,
    tenant::Tenant,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Row};

use crate::{What, database::failed, key::hex, row, writer::Tx};

type Columns = (String, Vec<String>, Option<String>, Option<String>, Option<String>, Option<String>);

fn to_text(s: &LayerSelector) -> String {
    json!([s.tenant, s.profiles, s.pack, s.vendor, s.model, s.firmware]).to_string()
}

fn from_text(text: &str) -> Result<LayerSelector> {
    let (tenant, profiles, pack, vendor, model, firmware): Columns =
        serde_json::from_str(text).map_err(|e| row::unreadable("selector", e))?;
    Ok(LayerSelector { tenant, profiles, pack, vendor, model, firmware })
}

/// The id of the row of a selector, which is made when there is none.
pub(crate) async fn row_of(tx: &mut Tx, selector: &LayerSelector) -> Result<String> {
    let text = to_text(selector);
    let id = hex(&Sha256::digest(&text)).split_off(32);
    if tx.layer_sets.contains(&id) {
        return Ok(id);
    }
    sqlx::query("INSERT INTO layer_sets (id, selector, layers_tag) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
        .bind(&id)
        .bind(text)
        .bind(tx.configuration.layers_tag(selector).cast_signed())
        .execute(&mut tx.conn)
        .await
        .map_err(failed)?;
    tx.layer_sets.insert(id.clone());
    Ok(id)
}

/// All rows.
pub(crate) async fn all(conn: &mut AnyConnection) -> Result<Vec<(String, LayerSelector, u64)>> {
    let rows = sqlx::query("SELECT id, selector, layers_tag FROM layer_sets").fetch_all(conn).await.map_err(failed)?;
    let read = |r| Ok((row::text(r, "id")?, from_text(&row::text(r, "selector")?)?, row::number(r, "layers_tag")?));
    rows.iter().map(read).collect()
}

/// Brings the tags up to date with a configuration.
async fn retag(conn: &mut AnyConnection, configuration: &Configuration) -> Result<()> {
    for (id, selector, tag) in all(conn).await? {
        let now = configuration.layers_tag(&selector);
        if now != tag {
            let update = sqlx::query("UPDATE layer_sets SET layers_tag = $1 WHERE id = $2").bind(now.cast_signed()).bind(id);
            update.execute(&mut *conn).await.map_err(failed)?;
        }
    }
    Ok(())
}

/// At the start: sets that no device has any more go. The others get the tags of this program when the packs in use are told, which are
/// a part of them.
pub(crate) async fn refresh(conn: &mut AnyConnection) -> Result<()> {
    let unused = sqlx::query("DELETE FROM layer_sets WHERE NOT EXISTS (SELECT 1 FROM devices WHERE devices.layer_set = layer_sets.id)");
    unused.execute(&mut *conn).await.map(drop).map_err(failed)
}

/// The configuration in parts, to change one.
pub(crate) struct Parts {
    pub(crate) site: Site,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) profiles: Vec<Profile>,
}

/// The configuration with some part changed, checked: the order of every profile and its parents can be made.
pub(crate) fn edited(configuration: &Configuration, edit: impl FnOnce(&mut Parts)) -> Result<Configuration> {
    let mut parts = Parts {
        site: configuration.site.clone(),
        tenants: configuration.tenants.values().cloned().collect(),
        profiles: configuration.profiles().cloned().collect(),
    };
    edit(&mut parts);
    let new = Configuration::new(configuration.epoch, parts.site, parts.tenants, parts.profiles)
        .with_templates(configuration.templates.clone())
        .with_packs(configuration.packs.clone())
        .with_address_maps(configuration.address_maps.clone());
    check_parents(&new)?;
    Ok(new)
}

/// The configuration with this profile added or replaced. Two of one name in one scope cannot be.
pub(crate) fn edited_profile(configuration: &Configuration, profile: &Profile) -> Result<Configuration> {
    if configuration.profiles().any(|p| (p.id != profile.id) && (&p.tenant, &p.name) == (&profile.tenant, &profile.name)) {
        return Err(Error::Conflict(format!("there is a profile {:?} already", profile.name)));
    }
    let new = configuration.with_profile(profile.clone());
    check_parents(&new)?;
    Ok(new)
}

fn check_parents(configuration: &Configuration) -> Result<()> {
    let tenants = configuration.tenants.keys().map(|t| Some(t.as_str()));
    for tenant in tenants.chain([None]) {
        for profile in configuration.profiles().filter(|p| p.tenant.is_none() || p.tenant.as_deref() == tenant) {
            let order = configuration.with_parents(tenant, std::slice::from_ref(&profile.name));
            order.map_err(|why| Error::invalid("parents", why.to_string()))?;
        }
    }
    Ok(())
}

impl Tx {
    /// Makes this the configuration: tags and epoch move with it.
    pub(crate) async fn configure(&mut self, mut configuration: Configuration) -> Result<()> {
        configuration.epoch = self.changed(What::Configuration).await?;
        retag(&mut self.conn, &configuration).await?;
        self.configuration = Arc::new(configuration);
        Ok(())
    }

    /// Settings as text, their secrets sealed; `place` is noun and id.
    pub(crate) fn seal<M: Model>(&self, place: &str, document: &Document<M>) -> Result<String> {
        self.shared.sealer.seal_document(place, document, &self.shared.raw_secrets(), &*self.shared.entropy)
    }

    /// One number.
    pub(crate) async fn count(&mut self, query: sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments>) -> Result<u64> {
        let row = query.fetch_one(&mut self.conn).await.map_err(failed)?;
        row.try_get::<i64, _>(0).map(i64::cast_unsigned).map_err(failed)
    }
}
