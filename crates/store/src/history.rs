//! Versions: what a device, a profile, a template override, an account, a tenant or the site was before. A replaced version is kept as its
//! row had it, secrets sealed; the present one is the row itself. Bounded by number and age; what was deleted can be brought back
//! until it is too old.

use std::{collections::BTreeMap, time::Duration};

use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Mac, Result,
    account::Account,
    clock::Timestamp,
    device::{Device, State},
    profile::Profile,
    settings::{Match, Path, RawSecrets},
    site::Site,
    template::{Scope, TemplateOverride},
    tenant::Tenant,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sqlx::any::AnyRow;

use crate::{
    FieldChange, Listed, Page, Store,
    audit::{self, By},
    compare::Differences,
    database::failed,
    kept::{self, Kept, own_fields, template_name},
    key::Sealer,
    page::{Clauses, merged},
    row,
    writer::Tx,
};

/// So many rows go at once when old ones are deleted: other writes wait no longer than that takes.
const AT_ONCE: i64 = 500;
/// Changes of one version that are told one by one.
const MOST: usize = 5000;

const COLUMNS: &str = "SELECT noun, subject, revision, name, tenant, document, replaced_at, token, label, origin FROM history";

/// How much of the past is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Replaced versions of one thing.
    pub versions: u64,
    /// Age of a version, counted from when it was replaced.
    pub age: Duration,
    /// Age of an entry of the audit log.
    pub audit_age: Duration,
    /// Entries of the audit log.
    pub audit_rows: u64,
}

impl Default for HistoryLimits {
    /// 100 versions, two years, a million entries.
    fn default() -> Self {
        let two_years = Duration::from_secs(730 * 86_400);
        Self { versions: 100, age: two_years, audit_age: two_years, audit_rows: 1_000_000 }
    }
}

/// What has versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noun {
    /// Devices.
    Device,
    /// Profiles.
    Profile,
    /// Accounts.
    Account,
    /// Tenants.
    Tenant,
    /// The site.
    Site,
    /// Template overrides.
    Template,
}

impl Noun {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Device, Self::Profile, Self::Account, Self::Tenant, Self::Site, Self::Template];

    /// `device`, `profile` …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Profile => "profile",
            Self::Account => "account",
            Self::Tenant => "tenant",
            Self::Site => "site",
            Self::Template => "template",
        }
    }

    /// The one of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|n| n.as_str() == text)
    }
}

/// A thing of one of the nouns that have versions, secrets in clear.
#[derive(Clone, Debug, PartialEq)]
pub enum Thing {
    /// A device.
    Device(Box<Device>),
    /// A profile.
    Profile(Box<Profile>),
    /// An account.
    Account(Box<Account>),
    /// A tenant.
    Tenant(Box<Tenant>),
    /// The site.
    Site(Box<Site>),
    /// A template override.
    Template(Box<TemplateOverride>),
}

impl Thing {
    fn kept(&self) -> &dyn Kept {
        match self {
            Self::Device(one) => &**one,
            Self::Profile(one) => &**one,
            Self::Account(one) => &**one,
            Self::Tenant(one) => &**one,
            Self::Site(one) => &**one,
            Self::Template(one) => &**one,
        }
    }

    /// What it is.
    pub fn noun(&self) -> Noun {
        match self {
            Self::Device(_) => Noun::Device,
            Self::Profile(_) => Noun::Profile,
            Self::Account(_) => Noun::Account,
            Self::Tenant(_) => Noun::Tenant,
            Self::Site(_) => Noun::Site,
            Self::Template(_) => Noun::Template,
        }
    }

    /// Its id; `site` for the site.
    pub fn id(&self) -> String {
        self.kept().about().id
    }

    /// What people call it.
    pub fn name(&self) -> String {
        self.kept().about().name
    }

    /// Its tenant; none: it is no tenant's.
    pub fn tenant(&self) -> Option<String> {
        self.kept().about().tenant
    }

    /// Its revision.
    pub fn revision(&self) -> u64 {
        self.kept().about().revision.unwrap_or_default()
    }

    /// When it was made so.
    pub fn updated_at(&self) -> Timestamp {
        self.kept().about().updated_at
    }

    /// Its whole document for people, as the API spells it: masks stand for secrets.
    pub fn masked(&self, raw: &RawSecrets) -> Value {
        let kept = self.kept();
        let mut document = kept::shown_fields(kept);
        for part in kept.parts() {
            match (part.document.masked(raw), part.field) {
                // The values of an account stand beside its own fields.
                (Value::Object(values), "values") => document.extend(values),
                (masked, field) => drop(document.insert(field.to_owned(), masked)),
            }
        }
        Value::Object(document)
    }
}

/// What differs between two versions, for people. `None`: there was, or is, no such thing. What a phone told of itself is left out.
pub fn changes(before: Option<&Thing>, after: Option<&Thing>, raw: &RawSecrets) -> Vec<FieldChange> {
    let mut differences = Differences::at_most(MOST);
    kept::compare(&mut differences, before.map(Thing::kept), after.map(Thing::kept), raw);
    if let (Some(Thing::Device(old)), Some(Thing::Device(new))) = (before, after) {
        differences.list.retain(|change| !told_by_phone(change, old, new));
    }
    differences.list
}

/// Whether a difference between two versions is what the phone told meanwhile, and nobody's change.
fn told_by_phone(change: &FieldChange, old: &Device, new: &Device) -> bool {
    match change.path.as_str() {
        "firmware" | "reported_model" => true,
        "model" => !old.model_pinned && !new.model_pinned,
        "pack" => !old.pack_pinned && !new.pack_pinned,
        "vendor" | "serial" => change.before.is_null(),
        _ => false,
    }
}

/// One version of a thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// What it was.
    pub thing: Thing,
    /// Who made it so; none: the server itself, or the log does not reach so far back.
    pub by: Option<By>,
    /// It is what is stored now.
    pub present: bool,
}

/// Something that was deleted and can be brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// What it was.
    pub noun: Noun,
    /// Its id.
    pub id: String,
    /// What people called it.
    pub name: String,
    /// Its tenant; none: it was no tenant's.
    pub tenant: Option<String>,
    /// Its last revision.
    pub revision: u64,
    /// When it was deleted.
    pub at: Timestamp,
    /// By whom; none: by the server itself.
    pub by: Option<By>,
}

/// Which deleted things. Every field given must fit.
#[derive(Clone, Debug, Default)]
pub struct DeletedFilter {
    /// Such things.
    pub noun: Option<Noun>,
    /// Of this tenant.
    pub tenant: Option<String>,
}

impl Store {
    /// Versions of a thing, newest first, the present one among them; `below`: only those with a lesser revision. At most `limit` of them and
    /// one more, so that a caller knows what the last one changed and whether there are more.
    ///
    /// # Errors
    /// `Unavailable`; `Internal` for a stored version that cannot be read.
    pub async fn versions(&self, noun: Noun, id: &str, below: Option<u64>, limit: u32) -> Result<Vec<Version>> {
        let mut list = Vec::new();
        let present = if below.is_none() { self.present(noun, id).await? } else { None };
        list.extend(present.map(|thing| Version { thing, by: None, present: true }));
        let mut clauses = Clauses::new();
        clauses.and("subject = ?", id);
        clauses.and("noun = ?", noun.as_str());
        clauses.and("revision < ?", below.map_or(i64::MAX, u64::cast_signed));
        clauses.within("tenant", self.reach());
        let order = format!("ORDER BY revision DESC LIMIT {}", u64::from(limit) + 2);
        let mut replaced_by = BTreeMap::new();
        for r in &clauses.all(COLUMNS, &order, &self.shared.readers).await? {
            let thing = thing(r, &self.shared.sealer)?;
            replaced_by.insert(thing.revision(), by(r)?);
            list.push(Version { thing, by: None, present: false });
        }
        list.retain(|version| self.reach().owns(version.thing.tenant().as_deref()));
        list.truncate(limit as usize + 1);
        for version in &mut list {
            let revision = version.thing.revision();
            version.by = match revision.checked_sub(1).and_then(|before| replaced_by.get(&before)) {
                Some(by) => by.clone(),
                None => self.author_of(id, revision).await?,
            };
        }
        Ok(list)
    }

    /// Who made this revision of a thing: who replaced the one before it, whosever that was; else as far as the log reaches.
    async fn author_of(&self, id: &str, revision: u64) -> Result<Option<By>> {
        let query = sqlx::query("SELECT token, label, origin FROM history WHERE subject = $1 AND revision = $2");
        let before = query.bind(id.to_owned()).bind(revision.saturating_sub(1).cast_signed());
        match before.fetch_optional(&self.shared.readers).await.map_err(failed)? {
            Some(r) => by(&r),
            None => audit::author_of(self, id, revision).await,
        }
    }

    /// One version of a thing.
    ///
    /// # Errors
    /// As [`Store::versions`].
    pub async fn version(&self, noun: Noun, id: &str, revision: u64) -> Result<Option<Version>> {
        let found = match self.present(noun, id).await?.filter(|thing| thing.revision() == revision) {
            Some(thing) => Some((thing, true)),
            None => {
                let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE subject = $1 AND revision = $2 AND noun = $3"));
                let query = sqlx::query(sql).bind(id.to_owned()).bind(revision.cast_signed()).bind(noun.as_str());
                let found = query.fetch_optional(&self.shared.readers).await.map_err(failed)?;
                found.map(|r| thing(&r, &self.shared.sealer)).transpose()?.map(|thing| (thing, false))
            }
        };
        let found = found.filter(|(thing, _)| self.reach().owns(thing.tenant().as_deref()));
        let Some((thing, present)) = found else { return Ok(None) };
        let by = self.author_of(id, revision).await?;
        Ok(Some(Version { thing, by, present }))
    }

    /// The thing as it is stored now; none: it is not there.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn present(&self, noun: Noun, id: &str) -> Result<Option<Thing>> {
        let configuration = self.configuration();
        if noun == Noun::Site {
            return Ok(Some(Thing::Site(Box::new(configuration.site.clone()))));
        }
        let Some(id) = Id::parse(id) else { return Ok(None) };
        Ok(match noun {
            Noun::Device => self.device(id).await?.map(|d| Thing::Device(Box::new(d))),
            Noun::Account => self.account(id).await?.map(|a| Thing::Account(Box::new(a))),
            Noun::Profile => configuration.profiles().find(|p| p.id == id).map(|p| Thing::Profile(Box::new(p.clone()))),
            Noun::Tenant => configuration.tenants.values().find(|t| t.id == id).map(|t| Thing::Tenant(Box::new(t.clone()))),
            Noun::Template => configuration.templates.get(id).map(|t| Thing::Template(Box::new(TemplateOverride::clone(t)))),
            Noun::Site => None,
        })
    }

    /// One page of what was deleted and can be brought back, what went last first; the page's order is passed over.
    ///
    /// # Errors
    /// `Invalid` for a limit beyond 1 to 1000 or a cursor that is not one of this list.
    pub async fn deleted(&self, filter: &DeletedFilter, page: &Page<()>) -> Result<Listed<Deleted>> {
        let page = Page { descending: true, ..page.clone() };
        let tenants = audit::tenants(self.reach(), filter.tenant.as_deref());
        let nouns = filter.noun.map_or_else(|| Noun::ALL.to_vec(), |n| vec![n]);
        let mut lists = Vec::new();
        for tenant in tenants {
            for noun in &nouns {
                lists.push(self.deleted_of(tenant, *noun, &page).await?);
            }
        }
        merged("deleted", lists, &page, |d: &Deleted| (d.at.as_millis(), d.id.clone()))
    }

    async fn deleted_of(&self, tenant: Option<&str>, noun: Noun, page: &Page<()>) -> Result<Listed<Deleted>> {
        let mut clauses = Clauses::new();
        clauses.and_plain("gone = 1");
        clauses.and("noun = ?", noun.as_str());
        if let Some(tenant) = tenant {
            clauses.and("tenant = ?", tenant);
        }
        // The page orders by a column of the name id.
        let select = "SELECT noun, subject, revision, name, tenant, replaced_at, token, label, origin FROM (SELECT noun, subject, \
                      subject AS id, revision, name, tenant, replaced_at, token, label, origin, gone FROM history) AS gone_things";
        let rows = clauses.page(select, "replaced_at", "deleted", page, &self.shared.readers).await?;
        rows.listed(read_deleted, |r| Ok((row::time(r, "replaced_at")?.as_millis(), row::text(r, "subject")?)))
    }

    /// The newest deleted thing of that name (the MAC address of a device, `scope/pack/name` of a template) or id; of this tenant.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn deleted_named(&self, noun: Noun, key: &str, tenant: Option<&str>) -> Result<Option<Deleted>> {
        let column = if Id::parse(key).is_some() { "subject" } else { "name" };
        for tenant in audit::tenants(self.reach(), tenant) {
            let mut clauses = Clauses::new();
            clauses.and_plain("gone = 1");
            clauses.and("noun = ?", noun.as_str());
            clauses.and(&format!("{column} = ?"), key);
            if let Some(tenant) = tenant {
                clauses.and("tenant = ?", tenant);
            }
            let found = clauses.all(COLUMNS, "ORDER BY replaced_at DESC LIMIT 1", &self.shared.readers).await?;
            if let Some(found) = found.first() {
                return read_deleted(found).map(Some);
            }
        }
        Ok(None)
    }

    /// Forgets what is too old or too much, in many small writes; says how many rows went.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn trim_history(&self) -> Result<u64> {
        let limits = self.shared.history;
        let now = self.shared.clock.now();
        let since = |age: Duration| {
            let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            Timestamp::from_millis(now.as_millis().saturating_sub(millis).max(0))
        };
        let mut gone = 0;
        if let Some(upto) = audit::surplus(self, since(limits.audit_age), limits.audit_rows).await? {
            loop {
                let upto = upto.clone();
                let some = self.write(move |tx| async move { audit::trim(tx, &upto, AT_ONCE).await }.boxed()).await?;
                gone += some;
                if some < AT_ONCE.cast_unsigned() {
                    break;
                }
            }
        }
        let old = since(limits.age).as_millis();
        let there = "SELECT subject FROM history WHERE replaced_at < $1 LIMIT 1";
        while sqlx::query(there).bind(old).fetch_optional(&self.shared.readers).await.map_err(failed)?.is_some() {
            let some = self.write(move |tx| trim(tx, old).boxed()).await?;
            gone += some;
            if some == 0 {
                break;
            }
        }
        Ok(gone)
    }
}

async fn trim(tx: &mut Tx, old: i64) -> Result<u64> {
    let sql = "DELETE FROM history WHERE (subject, revision) IN \
               (SELECT subject, revision FROM history WHERE replaced_at < $1 ORDER BY replaced_at LIMIT $2)";
    Ok(sqlx::query(sql).bind(old).bind(AT_ONCE).execute(&mut tx.conn).await.map_err(failed)?.rows_affected())
}

/// Keeps a version that is being replaced, or deleted when it is `gone`.
pub(crate) async fn keep(tx: &mut Tx, version: &dyn Kept, gone: bool) -> Result<()> {
    let about = version.about();
    let revision = about.revision.unwrap_or_default();
    let document = stored_document(tx, version)?;
    let author = tx.author.clone();
    sqlx::query(
        "INSERT INTO history (noun, subject, revision, name, tenant, document, gone, replaced_at, token, label, origin) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(about.noun)
    .bind(about.id.clone())
    .bind(revision.cast_signed())
    .bind(about.name)
    .bind(about.tenant.unwrap_or_default())
    .bind(document)
    .bind(i64::from(gone))
    .bind(tx.now.as_millis())
    .bind(author.as_ref().map(|a| a.token.to_string()))
    .bind(author.as_ref().map(|a| a.label.clone()))
    .bind(author.and_then(|a| a.from).map(|ip| ip.to_canonical().to_string()))
    .execute(&mut tx.conn)
    .await
    .map_err(failed)?;
    let versions = tx.shared.history.versions;
    if revision > versions {
        let surplus = sqlx::query("DELETE FROM history WHERE subject = $1 AND revision <= $2");
        surplus.bind(about.id).bind((revision - versions).cast_signed()).execute(&mut tx.conn).await.map_err(failed)?;
    }
    Ok(())
}

/// Own fields in clear but for secrets, documents with their secrets sealed.
fn stored_document(tx: &Tx, version: &dyn Kept) -> Result<String> {
    let about = version.about();
    let (sealer, entropy, raw) = (&tx.shared.sealer, &*tx.shared.entropy, tx.shared.raw_secrets());
    let mut own = own_fields(version);
    for name in version.secrets() {
        if let Some(text) = own.get_mut(*name) {
            let clear = text.as_str().unwrap_or_default().to_owned();
            *text = sealer.seal(&format!("{} {} {name}", about.noun, about.id), &clear, entropy)?.into();
        }
    }
    let mut parts = Map::new();
    for part in version.parts() {
        let sealed = part.document.sealed(&part.place, &raw, sealer, entropy)?;
        parts.insert(part.field.to_owned(), serde_json::from_str(&sealed).map_err(|e| row::unreadable("document", e))?);
    }
    let times = (about.created_at.as_millis(), about.updated_at.as_millis());
    row::to_json(&json!({ "own": own, "beside": version.beside(), "parts": parts, "created_at": times.0, "updated_at": times.1 }))
}

/// The last version of something that was deleted, as the transaction sees it.
///
/// # Errors
/// `NotFound` when nothing of that id was deleted, or it is too long ago.
pub(crate) async fn last_of(tx: &mut Tx, noun: Noun, id: Id) -> Result<Thing> {
    let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE subject = $1 AND noun = $2 AND gone = 1 ORDER BY revision DESC LIMIT 1"));
    let found = sqlx::query(sql).bind(id.to_string()).bind(noun.as_str()).fetch_optional(&mut tx.conn).await.map_err(failed)?;
    let thing = thing(&found.ok_or_else(|| Error::not_found(noun.as_str(), id))?, &tx.shared.sealer)?;
    tx.must_own(noun.as_str(), id, thing.tenant().as_deref())?;
    Ok(thing)
}

/// The last version of the template override that was deleted from a place, as the transaction sees it.
pub(crate) async fn last_template(tx: &mut Tx, scope: &Scope, pack: &str, name: &str) -> Result<Option<TemplateOverride>> {
    let sql =
        sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE gone = 1 AND noun = 'template' AND name = $1 ORDER BY replaced_at DESC LIMIT 1"));
    let query = sqlx::query(sql).bind(template_name(&scope.to_string(), pack, name));
    let found = query.fetch_optional(&mut tx.conn).await.map_err(failed)?;
    Ok(match found.map(|r| thing(&r, &tx.shared.sealer)).transpose()? {
        Some(Thing::Template(one)) => Some(*one),
        _ => None,
    })
}

/// Something is there again: its last version is one that was replaced, by who brought it back.
pub(crate) async fn is_back(tx: &mut Tx, id: &str) -> Result<()> {
    let author = tx.author.clone();
    sqlx::query("UPDATE history SET gone = 0, replaced_at = $1, token = $2, label = $3, origin = $4 WHERE subject = $5 AND gone = 1")
        .bind(tx.now.as_millis())
        .bind(author.as_ref().map(|a| a.token.to_string()))
        .bind(author.as_ref().map(|a| a.label.clone()))
        .bind(author.and_then(|a| a.from).map(|ip| ip.to_canonical().to_string()))
        .bind(id.to_owned())
        .execute(&mut tx.conn)
        .await
        .map(drop)
        .map_err(failed)
}

fn by(r: &AnyRow) -> Result<Option<By>> {
    let (token, label) = (row::maybe_text(r, "token")?.and_then(|t| Id::parse(&t)), row::maybe_text(r, "label")?);
    let from = audit::origin(row::maybe_text(r, "origin")?);
    Ok(token.map(|token| By { token, label: label.unwrap_or_default(), from }))
}

fn noun(r: &AnyRow) -> Result<Noun> {
    Noun::parse(&row::text(r, "noun")?).ok_or_else(|| row::unreadable("noun", "nothing that has versions"))
}

fn read_deleted(r: &AnyRow) -> Result<Deleted> {
    Ok(Deleted {
        noun: noun(r)?,
        id: row::text(r, "subject")?,
        name: row::text(r, "name")?,
        tenant: Some(row::text(r, "tenant")?).filter(|t| !t.is_empty()),
        revision: row::number(r, "revision")?,
        at: row::time(r, "replaced_at")?,
        by: by(r)?,
    })
}

#[derive(Deserialize)]
struct Document {
    own: Map<String, Value>,
    beside: Value,
    parts: Map<String, Value>,
    created_at: i64,
    updated_at: i64,
}

impl Document {
    /// A field; what was not written was null, empty or false.
    fn field<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T> {
        let value = self.own.get(name).or_else(|| self.beside.get(name));
        match value {
            None | Some(Value::Null) => Ok(T::default()),
            Some(value) => serde_json::from_value(value.clone()).map_err(|e| row::unreadable("document", format!("{name}: {e}"))),
        }
    }

    fn part<M: offhook_core::settings::Model>(
        &self,
        field: &str,
        place: &str,
        sealer: &Sealer,
    ) -> Result<offhook_core::settings::Document<M>> {
        sealer.open_document(place, &self.parts.get(field).cloned().unwrap_or_else(|| json!({})).to_string())
    }

    fn created_at(&self) -> Timestamp {
        Timestamp::from_millis(self.created_at)
    }

    fn updated_at(&self) -> Timestamp {
        Timestamp::from_millis(self.updated_at)
    }
}

/// The thing of a row.
fn thing(r: &AnyRow, sealer: &Sealer) -> Result<Thing> {
    let (subject, revision) = (row::text(r, "subject")?, row::number(r, "revision")?);
    let document: Document = row::json(r, "document")?;
    let id = || Id::parse(&subject).ok_or_else(|| row::unreadable("subject", "no id"));
    Ok(match noun(r)? {
        Noun::Device => Thing::Device(Box::new(device(&document, id()?, revision, sealer)?)),
        Noun::Profile => Thing::Profile(Box::new(profile(&document, id()?, revision, sealer)?)),
        Noun::Account => Thing::Account(Box::new(account(&document, id()?, revision, sealer)?)),
        Noun::Tenant => Thing::Tenant(Box::new(tenant(&document, id()?, revision, sealer)?)),
        Noun::Site => Thing::Site(Box::new(site(&document, revision, sealer)?)),
        Noun::Template => Thing::Template(Box::new(template(&document, id()?, revision)?)),
    })
}

fn device(d: &Document, id: Id, revision: u64, sealer: &Sealer) -> Result<Device> {
    Ok(Device {
        id,
        tenant: d.field("tenant")?,
        mac: d.field::<Option<Mac>>("mac")?,
        serial: d.field("serial")?,
        uuid: d.field("uuid")?,
        vendor: d.field("vendor")?,
        model: d.field("model")?,
        model_pinned: d.field("model_pinned")?,
        reported_model: d.field("reported_model")?,
        firmware: d.field("firmware")?,
        pack: d.field("pack")?,
        pack_pinned: d.field("pack_pinned")?,
        state: d.field::<Option<State>>("state")?.unwrap_or(State::Ready),
        profiles: d.field("profiles")?,
        settings: d.part("settings", &format!("device {id}"), sealer)?,
        unset: d.field::<Vec<Path>>("unset")?,
        label: d.field("label")?,
        location: d.field("location")?,
        tags: d.field("tags")?,
        last_seen: None,
        last_fetch: None,
        revision,
        generation: d.field("generation")?,
        created_at: d.created_at(),
        updated_at: d.updated_at(),
    })
}

fn profile(d: &Document, id: Id, revision: u64, sealer: &Sealer) -> Result<Profile> {
    let matches = d.own.get("match").map(|m| Match::validate(m).map_err(|_| row::unreadable("document", "no match"))).transpose()?;
    Ok(Profile {
        id,
        name: d.field("name")?,
        tenant: d.field("tenant")?,
        parents: d.field("parents")?,
        matches,
        settings: d.part("settings", &format!("profile {id} settings"), sealer)?,
        unset: d.field::<Vec<Path>>("unset")?,
        label: d.field("label")?,
        revision,
        created_at: d.created_at(),
        updated_at: d.updated_at(),
    })
}

fn account(d: &Document, id: Id, revision: u64, sealer: &Sealer) -> Result<Account> {
    let code: Option<String> = d.field("code")?;
    Ok(Account {
        id,
        tenant: d.field("tenant")?,
        name: d.field("name")?,
        values: d.part("values", &format!("account {id}"), sealer)?,
        shared: d.field("shared")?,
        code: code.map(|c| sealer.open(&format!("account {id} code"), &c)).transpose()?,
        revision,
        created_at: d.created_at(),
        updated_at: d.updated_at(),
    })
}

fn tenant(d: &Document, id: Id, revision: u64, sealer: &Sealer) -> Result<Tenant> {
    Ok(Tenant {
        id,
        name: d.field("name")?,
        networks: d.field("networks")?,
        settings: d.part("settings", &format!("tenant {id} settings"), sealer)?,
        enforced: d.part("enforced", &format!("tenant {id} enforced"), sealer)?,
        revision,
        created_at: d.created_at(),
        updated_at: d.updated_at(),
    })
}

fn site(d: &Document, revision: u64, sealer: &Sealer) -> Result<Site> {
    Ok(Site {
        settings: d.part("settings", crate::site::SETTINGS, sealer)?,
        enforced: d.part("enforced", crate::site::ENFORCED, sealer)?,
        revision,
        updated_at: d.updated_at(),
    })
}

fn template(d: &Document, id: Id, revision: u64) -> Result<TemplateOverride> {
    Ok(TemplateOverride {
        id,
        scope: d.field::<Option<Scope>>("scope")?.ok_or_else(|| row::unreadable("document", "no scope"))?,
        pack: d.field("pack")?,
        name: d.field("name")?,
        source: d.field("source")?,
        device_file: d.field("device_file")?,
        base_version: d.field("base_version")?,
        base_source: d.field("base_source")?,
        author: d.field("author")?,
        revision,
        created_at: d.created_at(),
        updated_at: d.updated_at(),
    })
}
