//! Profiles. Reading them is reading [`crate::Store::configuration`].

use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Result,
    configuration::Configuration,
    profile::Profile,
    settings::{Match, Settings},
};
use sqlx::AnyConnection;

use crate::{
    Noun, Store, Thing,
    database::{conflict, failed},
    history,
    key::Sealer,
    layers, naming,
    references::{Holder, SHOWN_USERS, and_more, device_name, forget, refer},
    row,
    text::{Faults, check_revision, together},
    writer::Tx,
};

impl Store {
    /// Makes a profile. `fill` gets an empty one with a new id.
    ///
    /// # Errors
    /// `Conflict` when its scope has one of that name; `Invalid` with field paths for unknown parents, a cycle, an unknown tenant or account.
    pub async fn create_profile(&self, fill: impl FnOnce(&mut Profile, &Configuration) -> Result<()> + Send + 'static) -> Result<Profile> {
        self.write(move |tx| create(tx, fill).boxed()).await
    }

    /// Changes a profile. One in use keeps its name and tenant.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; else as [`Store::create_profile`].
    pub async fn update_profile(
        &self,
        id: Id,
        if_match: Option<u64>,
        edit: impl FnOnce(&mut Profile, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Profile> {
        self.write(move |tx| update(tx, id, if_match, edit).boxed()).await
    }

    /// Brings a deleted profile back under its id, as a new revision. `edit` gets it as it was when it was deleted.
    ///
    /// # Errors
    /// `NotFound` when it was not deleted, or too long ago; else as [`Store::create_profile`].
    pub async fn revive_profile(
        &self,
        id: Id,
        edit: impl FnOnce(&mut Profile, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Profile> {
        self.write(move |tx| revive(tx, id, edit).boxed()).await
    }

    /// Deletes a profile; one in use is a `Conflict` that names its users.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Conflict`.
    pub async fn delete_profile(&self, id: Id, if_match: Option<u64>) -> Result<()> {
        self.write(move |tx| delete(tx, id, if_match).boxed()).await
    }
}

fn stored(tx: &Tx, id: Id) -> Result<Profile> {
    let profile = tx.configuration.profiles().find(|p| p.id == id).cloned().ok_or_else(|| Error::not_found("profile", id))?;
    tx.must_own("profile", id, profile.tenant.as_deref())?;
    Ok(profile)
}

async fn create(tx: &mut Tx, fill: impl FnOnce(&mut Profile, &Configuration) -> Result<()>) -> Result<Profile> {
    let id = tx.new_id();
    let mut profile = Profile {
        id,
        name: String::new(),
        tenant: None,
        parents: Vec::new(),
        matches: None,
        settings: Settings::default(),
        unset: Vec::new(),
        label: String::new(),
        revision: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    let filled = fill(&mut profile, &tx.configuration);
    (profile.id, profile.revision, profile.created_at, profile.updated_at) = (id, 1, tx.now, tx.now);
    let profile = put(tx, profile, filled).await?;
    tx.wrote(None, Some(&profile)).await?;
    Ok(profile)
}

async fn update(
    tx: &mut Tx,
    id: Id,
    if_match: Option<u64>,
    edit: impl FnOnce(&mut Profile, &Configuration) -> Result<()>,
) -> Result<Profile> {
    let old = stored(tx, id)?;
    check_revision(if_match, old.revision)?;
    let mut profile = old.clone();
    let edited = edit(&mut profile, &tx.configuration);
    (profile.id, profile.revision, profile.created_at, profile.updated_at) = (old.id, old.revision, old.created_at, old.updated_at);
    if edited.is_ok() && profile == old {
        return Ok(profile);
    }
    if edited.is_ok() && (&profile.name, &profile.tenant) != (&old.name, &old.tenant) {
        unused(tx, &old, "keeps its name and tenant").await?;
    }
    (profile.revision, profile.updated_at) = (old.revision + 1, tx.now);
    let profile = put(tx, profile, edited).await?;
    tx.wrote(Some(&old), Some(&profile)).await?;
    Ok(profile)
}

async fn revive(tx: &mut Tx, id: Id, edit: impl FnOnce(&mut Profile, &Configuration) -> Result<()>) -> Result<Profile> {
    if tx.configuration.profiles().any(|p| p.id == id) {
        return Err(Error::not_found("profile", id));
    }
    let Thing::Profile(old) = history::last_of(tx, Noun::Profile, id).await? else { return Err(Error::not_found("profile", id)) };
    let mut profile = Profile::clone(&old);
    let edited = edit(&mut profile, &tx.configuration);
    (profile.id, profile.revision, profile.created_at, profile.updated_at) = (id, old.revision + 1, old.created_at, tx.now);
    let profile = put(tx, profile, edited).await?;
    history::is_back(tx, &id.to_string()).await?;
    tx.wrote(None, Some(&profile)).await?;
    Ok(profile)
}

async fn delete(tx: &mut Tx, id: Id, if_match: Option<u64>) -> Result<()> {
    let old = stored(tx, id)?;
    check_revision(if_match, old.revision)?;
    unused(tx, &old, "cannot be deleted").await?;
    forget(tx, "profile", &id.to_string()).await?;
    sqlx::query("DELETE FROM profiles WHERE id = $1").bind(id.to_string()).execute(&mut tx.conn).await.map_err(failed)?;
    let configuration = layers::edited(&tx.configuration, |parts| parts.profiles.retain(|p| p.id != id))?;
    tx.configure(configuration).await?;
    tx.wrote(Some(&old), None).await
}

/// Fine when nothing means this profile by its name.
async fn unused(tx: &mut Tx, profile: &Profile, what: &str) -> Result<()> {
    let configuration = tx.configuration.clone();
    let means = |tenant: Option<&str>| configuration.profile(tenant, &profile.name).is_some_and(|p| p.id == profile.id);
    let rows = sqlx::query(
        "SELECT d.tenant AS tenant, COUNT(*) AS n FROM device_profiles p JOIN devices d ON d.id = p.device WHERE p.profile = $1 GROUP BY d.tenant",
    );
    let (mut all, mut users) = (0, Vec::new());
    for found in &rows.bind(&profile.name).fetch_all(&mut tx.conn).await.map_err(failed)? {
        let tenant = row::text(found, "tenant")?;
        if means(Some(&tenant)) {
            all += row::number(found, "n")?;
            users.extend(some_devices(tx, &profile.name, &tenant).await?);
        }
    }
    users.truncate(usize::try_from(SHOWN_USERS).unwrap_or(usize::MAX));
    let children = configuration.profiles().filter(|p| p.parents.contains(&profile.name) && means(p.tenant.as_deref()));
    for child in children {
        all += 1;
        users.insert(0, format!("profile {}", child.name));
    }
    if users.is_empty() {
        return Ok(());
    }
    Err(Error::Conflict(format!("the profile {:?} {what}: it is used by {}", profile.name, and_more(users, all))))
}

/// Some devices of a tenant that name a profile.
async fn some_devices(tx: &mut Tx, profile: &str, tenant: &str) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT d.id AS id, d.mac AS mac, d.label AS label FROM device_profiles p JOIN devices d ON d.id = p.device \
         WHERE p.profile = $1 AND d.tenant = $2 ORDER BY d.id LIMIT $3",
    );
    let rows = rows.bind(profile).bind(tenant).bind(SHOWN_USERS).fetch_all(&mut tx.conn).await.map_err(failed)?;
    rows.iter().map(|found| device_name(found, &row::text(found, "id")?)).collect()
}

fn check(profile: &Profile, configuration: &Configuration, tx: &Tx) -> Result<()> {
    let mut faults = Faults::default();
    faults.name("name", &profile.name);
    faults.text("label", &profile.label);
    if let Some(tenant) = profile.tenant.as_deref().filter(|t| !tx.has_tenant(t)) {
        faults.add("tenant", format!("there is no tenant {tenant:?}"));
    }
    for (i, parent) in profile.parents.iter().enumerate() {
        if configuration.profile(profile.tenant.as_deref(), parent).is_none() {
            faults.add(format!("parents[{i}]"), format!("there is no profile {parent:?} that this one may use"));
        }
    }
    faults.done()
}

/// Checks and writes a profile; `found` is what was found wrong with it already.
async fn put(tx: &mut Tx, profile: Profile, found: Result<()>) -> Result<Profile> {
    if profile.tenant.is_none() && found.is_ok() {
        tx.reach.may_write_in(None)?;
    }
    let configuration = layers::edited_profile(&tx.configuration, &profile);
    let fits = match &configuration {
        Ok(edited) => check(&profile, edited, tx),
        // Its parents are told of already.
        Err(_) => check(&Profile { parents: Vec::new(), ..profile.clone() }, &tx.configuration, tx),
    };
    let id = profile.id.to_string();
    let holder = Holder { noun: "profile", id: id.clone(), tenant: profile.tenant.as_deref() };
    let before = tx.configuration.profiles().find(|p| p.id == profile.id).map(|p| p.settings.clone()).unwrap_or_default();
    let documents = [("settings", &profile.settings)];
    let names = naming::check(tx, profile.tenant.as_deref(), &[&before], &documents);
    let accounts = refer(tx, &holder, &documents).await;
    let cycle = configuration.as_ref().map(drop).map_err(Clone::clone);
    together([found, cycle, fits, names, accounts])?;
    let configuration = configuration?;
    sqlx::query(
        "INSERT INTO profiles (id, tenant, name, parents, matches, settings, unset, label, revision, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, name = excluded.name, \
         parents = excluded.parents, matches = excluded.matches, settings = excluded.settings, unset = excluded.unset, label = excluded.label, \
         revision = excluded.revision, updated_at = excluded.updated_at",
    )
    .bind(&id)
    .bind(profile.tenant.clone().unwrap_or_default())
    .bind(&profile.name)
    .bind(row::to_json(&profile.parents)?)
    .bind(profile.matches.as_ref().map(row::to_json).transpose()?)
    .bind(tx.seal(&format!("profile {id} settings"), &profile.settings)?)
    .bind(row::paths_json(&profile.unset)?)
    .bind(&profile.label)
    .bind(profile.revision.cast_signed())
    .bind(profile.created_at.as_millis())
    .bind(profile.updated_at.as_millis())
    .execute(&mut tx.conn)
    .await
    .map_err(conflict(|| format!("there is a profile {:?} already", profile.name)))?;
    tx.configure(configuration).await?;
    Ok(profile)
}

/// All profiles.
pub(crate) async fn load(conn: &mut AnyConnection, sealer: &Sealer) -> Result<Vec<Profile>> {
    let rows =
        sqlx::query("SELECT id, tenant, name, parents, matches, settings, unset, label, revision, created_at, updated_at FROM profiles");
    let rows = rows.fetch_all(conn).await.map_err(failed)?;
    let read = |r| {
        let id = row::id(r, "id")?;
        let matches: Option<serde_json::Value> = row::maybe_json(r, "matches")?;
        let matches =
            matches.map(|m| Match::validate(&without_nulls(m)).map_err(|_| row::unreadable("matches", "no match"))).transpose()?;
        Ok(Profile {
            id,
            tenant: Some(row::text(r, "tenant")?).filter(|t| !t.is_empty()),
            name: row::text(r, "name")?,
            parents: row::json(r, "parents")?,
            matches,
            settings: row::settings(r, "settings", &format!("profile {id} settings"), sealer)?,
            unset: row::paths(r, "unset")?,
            label: row::text(r, "label")?,
            revision: row::number(r, "revision")?,
            created_at: row::time(r, "created_at")?,
            updated_at: row::time(r, "updated_at")?,
        })
    };
    rows.iter().map(read).collect()
}

fn without_nulls(mut value: serde_json::Value) -> serde_json::Value {
    if let Some(map) = value.as_object_mut() {
        map.retain(|_, v| !v.is_null());
    }
    value
}
