//! The audit log: a bounded table of who wrote what, when, from where and what changed. Written in the transaction of the write itself,
//! so that neither is without the other. Secrets are masked before they come here.

use std::net::IpAddr;

use futures_util::FutureExt;
use offhook_core::{Id, Result, clock::Timestamp, token::Reach};
use serde_json::Value;
use sqlx::any::AnyRow;

use crate::{
    Listed, Page, Store,
    author::Author,
    compare::{Differences, FieldChange},
    database::failed,
    kept::{About, Kept, compare},
    page::{Clauses, merged},
    row,
    writer::Tx,
};

/// So many changes of one write are told one by one.
const MOST: usize = 100;
/// Longest text that is told whole, in characters; greatest number of items of a list.
const LONGEST: usize = 200;
const ITEMS: usize = 30;

const COLUMNS: &str =
    "SELECT id, at, token, label, origin, action, noun, subject, name, tenant, revision, detail, changes, more FROM audit";

/// Who made a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// The token that was shown.
    pub token: Id,
    /// What it is for, in a person's words.
    pub label: String,
    /// Where the call came from.
    pub from: Option<IpAddr>,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its id; ids grow with time.
    pub id: Id,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: By,
    /// `create`, `update`, `delete`, `restore`, or what else was done.
    pub action: String,
    /// `device`, `profile` …
    pub noun: String,
    /// Id of the thing; `site` for the site, the pack's id for a pack.
    pub subject: String,
    /// What people call it.
    pub name: String,
    /// Its tenant; none: it is no tenant's.
    pub tenant: Option<String>,
    /// The revision that the write made.
    pub revision: Option<u64>,
    /// What else there is to say, in words.
    pub detail: String,
    /// What changed, secrets masked on both sides.
    pub changes: Vec<FieldChange>,
    /// How many changes more there were.
    pub more: u64,
}

/// Something that somebody did that is no write of the store: an order to phones, a look at secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// What was done: one word.
    pub action: &'static str,
    /// To what.
    pub noun: &'static str,
    /// Its id.
    pub subject: String,
    /// What people call it.
    pub name: String,
    /// Its tenant.
    pub tenant: Option<String>,
    /// What else there is to say, in words.
    pub detail: String,
}

/// Which entries. Every field given must fit.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// About such things.
    pub noun: Option<String>,
    /// About this one, by id.
    pub subject: Option<String>,
    /// About what was called so.
    pub name: Option<String>,
    /// Of this token.
    pub token: Option<Id>,
    /// Of this kind.
    pub action: Option<String>,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

impl Store {
    /// One page of the log, newest first; the page's order is passed over.
    ///
    /// # Errors
    /// `Invalid` for a limit beyond 1 to 1000 or a cursor that is not one of this list.
    pub async fn audit(&self, filter: &AuditFilter, page: &Page<()>) -> Result<Listed<AuditEntry>> {
        let page = Page { descending: true, ..page.clone() };
        let mut lists = Vec::new();
        // One look per tenant, each along an index: many tenants in one condition would be sorted whole.
        for tenant in tenants(self.reach(), filter.tenant.as_deref()) {
            let rows = clauses(filter, tenant).page(COLUMNS, "id", "audit", &page, &self.shared.readers).await?;
            lists.push(rows.listed(read, |r| row::text(r, "id").map(|id| (id.clone(), id)))?);
        }
        merged("audit", lists, &page, |e: &AuditEntry| (e.id.to_string(), e.id.to_string()))
    }

    /// One entry of the log.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn audit_entry(&self, id: Id) -> Result<Option<AuditEntry>> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE id = $1"));
        let found = sqlx::query(sql).bind(id.to_string()).fetch_optional(&self.shared.readers).await.map_err(failed)?;
        let entry = found.map(|r| read(&r)).transpose()?;
        Ok(entry.filter(|e| self.reach().owns(e.tenant.as_deref())))
    }

    /// Writes down what somebody did that is no write of its own. Without an author nothing is written.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn note(&self, note: Note) -> Result<()> {
        if !self.has_author() {
            return Ok(());
        }
        self.write(move |tx| async move { tx.note(&note).await }.boxed()).await
    }
}

/// The tenants that a list is read for, each by itself; `None`: without a look at the tenant.
pub(crate) fn tenants<'a>(reach: &'a Reach, wanted: Option<&'a str>) -> Vec<Option<&'a str>> {
    match (reach.tenants(), wanted) {
        (None, wanted) => vec![wanted],
        (Some(own), None) => own.iter().map(|t| Some(t.as_str())).collect(),
        (Some(own), Some(wanted)) => own.contains(wanted).then_some(Some(wanted)).into_iter().collect(),
    }
}

fn clauses(filter: &AuditFilter, tenant: Option<&str>) -> Clauses {
    let mut clauses = Clauses::new();
    let token = filter.token.map(|t| t.to_string());
    let equal = [
        ("tenant = ?", tenant),
        ("noun = ?", filter.noun.as_deref()),
        ("subject = ?", filter.subject.as_deref()),
        ("name = ?", filter.name.as_deref()),
        ("token = ?", token.as_deref()),
        ("action = ?", filter.action.as_deref()),
    ];
    for (condition, value) in equal {
        if let Some(value) = value {
            clauses.and(condition, value);
        }
    }
    for (condition, at) in [("id >= ?", filter.since), ("id < ?", filter.until)] {
        if let Some(at) = at {
            clauses.and(condition, first_id(at));
        }
    }
    clauses
}

/// The least id of a moment.
fn first_id(at: Timestamp) -> String {
    Id::from_parts(at, [0; 10]).to_string()
}

fn read(r: &AnyRow) -> Result<AuditEntry> {
    let changes: Vec<(String, Value, Value)> = row::json(r, "changes")?;
    Ok(AuditEntry {
        id: row::id(r, "id")?,
        at: row::time(r, "at")?,
        by: By { token: row::id(r, "token")?, label: row::text(r, "label")?, from: origin(row::maybe_text(r, "origin")?) },
        action: row::text(r, "action")?,
        noun: row::text(r, "noun")?,
        subject: row::text(r, "subject")?,
        name: row::text(r, "name")?,
        tenant: Some(row::text(r, "tenant")?).filter(|t| !t.is_empty()),
        revision: row::maybe_number(r, "revision")?,
        detail: row::text(r, "detail")?,
        changes: changes.into_iter().map(|(path, before, after)| FieldChange { path, before, after }).collect(),
        more: row::number(r, "more")?,
    })
}

/// An address as it was written down.
pub(crate) fn origin(text: Option<String>) -> Option<IpAddr> {
    text.and_then(|t| t.parse().ok())
}

/// What is written in one row.
struct Entry<'a> {
    action: &'a str,
    noun: &'a str,
    subject: &'a str,
    name: &'a str,
    tenant: Option<&'a str>,
    revision: Option<u64>,
    detail: &'a str,
    changes: Differences,
}

impl Tx {
    /// Writes down what became of a thing: the version that was replaced, and who did it. `before`: none for a new one; `after`: none when
    /// it is gone.
    pub(crate) async fn wrote(&mut self, before: Option<&dyn Kept>, after: Option<&dyn Kept>) -> Result<()> {
        if let Some(before) = before.filter(|b| b.versions()) {
            crate::history::keep(self, before, after.is_none()).await?;
        }
        let (Some(author), Some(about)) = (self.author.clone(), after.or(before).map(Kept::about)) else { return Ok(()) };
        let was = before.map(Kept::about);
        let raw = self.shared.raw_secrets();
        let mut changes = Differences::at_most(MOST);
        compare(&mut changes, before, after, &raw);
        let action = match (author.restores, before.is_some(), after.is_some()) {
            (Some(_), ..) => "restore",
            (None, false, _) => "create",
            (None, true, true) => "update",
            (None, true, false) => "delete",
        };
        let detail = author.restores.map(|revision| format!("revision {revision}")).unwrap_or_default();
        match was.filter(|was| was.tenant != about.tenant) {
            None => append(self, &author, of(&about, action, &detail, about.tenant.as_deref(), changes)).await,
            // Neither tenant is told of the other, nor of what it is called there.
            Some(was) => {
                append(self, &author, of(&about, action, &detail, None, changes)).await?;
                let was = About { revision: about.revision, ..was };
                append(self, &author, of(&was, action, "moved away", was.tenant.as_deref(), Differences::at_most(0))).await?;
                append(self, &author, of(&about, action, "moved here", about.tenant.as_deref(), Differences::at_most(0))).await
            }
        }
    }

    /// Writes down what somebody did that is no write of a thing.
    pub(crate) async fn note(&mut self, note: &Note) -> Result<()> {
        let Some(author) = self.author.clone() else { return Ok(()) };
        let Note { action, noun, subject, name, tenant, detail } = note;
        let changes = Differences::at_most(0);
        let tenant = tenant.as_deref();
        append(self, &author, Entry { action, noun, subject, name, tenant, revision: None, detail, changes }).await
    }
}

fn of<'a>(about: &'a About, action: &'a str, detail: &'a str, tenant: Option<&'a str>, changes: Differences) -> Entry<'a> {
    Entry { action, noun: about.noun, subject: &about.id, name: &about.name, tenant, revision: about.revision, detail, changes }
}

/// An id that is greater than that of every entry before, within one millisecond too: after the time stands a count.
fn next_id(tx: &mut Tx) -> Id {
    let millis = tx.now.as_millis();
    let count = if tx.told.0 == millis { tx.told.1.wrapping_add(1) } else { 0 };
    tx.told = (millis, count);
    let mut bytes = [0u8; 10];
    tx.shared.entropy.fill(&mut bytes);
    // Twelve bits and fourteen: what version and variant leave of the first four bytes (RFC 9562, section 5.7).
    let [.., a, b, c, d] = (((count >> 14) << 16) | (count & 0x3fff)).to_be_bytes();
    bytes.iter_mut().zip([a, b, c, d]).for_each(|(byte, of_count)| *byte = of_count);
    Id::from_parts(tx.now, bytes)
}

async fn append(tx: &mut Tx, author: &Author, entry: Entry<'_>) -> Result<()> {
    let changes: Vec<_> = entry.changes.list.into_iter().map(|c| (c.path, short(c.before), short(c.after))).collect();
    sqlx::query(
        "INSERT INTO audit (id, at, token, label, origin, action, noun, subject, name, tenant, revision, detail, changes, more) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(next_id(tx).to_string())
    .bind(tx.now.as_millis())
    .bind(author.token.to_string())
    .bind(author.label.clone())
    .bind(author.from.map(|ip| ip.to_canonical().to_string()))
    .bind(entry.action.to_owned())
    .bind(entry.noun.to_owned())
    .bind(entry.subject.to_owned())
    .bind(entry.name.to_owned())
    .bind(entry.tenant.unwrap_or_default().to_owned())
    .bind(entry.revision.map(u64::cast_signed))
    .bind(entry.detail.to_owned())
    .bind(row::to_json(&changes)?)
    .bind(entry.changes.more.cast_signed())
    .execute(&mut tx.conn)
    .await
    .map(drop)
    .map_err(failed)
}

/// A value as the log keeps it: long ones by their size alone.
fn short(value: Value) -> Value {
    match &value {
        Value::String(text) if text.chars().count() > LONGEST => {
            format!("({} characters, {} lines)", text.chars().count(), text.lines().count()).into()
        }
        Value::Array(items) if items.len() > ITEMS => format!("({} items)", items.len()).into(),
        Value::Array(_) | Value::Object(_) if value.to_string().len() > LONGEST * 4 => "(a long value)".into(),
        _ => value,
    }
}

/// Who made this revision of a thing, as far as the log reaches.
pub(crate) async fn author_of(store: &Store, subject: &str, revision: u64) -> Result<Option<By>> {
    let query = sqlx::query("SELECT token, label, origin FROM audit WHERE subject = $1 AND revision = $2 AND action <> 'delete' LIMIT 1");
    let found = query.bind(subject.to_owned()).bind(revision.cast_signed()).fetch_optional(&store.shared.readers).await.map_err(failed)?;
    let by =
        |r: AnyRow| Ok(By { token: row::id(&r, "token")?, label: row::text(&r, "label")?, from: origin(row::maybe_text(&r, "origin")?) });
    found.map(by).transpose()
}

/// The id up to which entries are too old or too many; none: all may stay.
pub(crate) async fn surplus(store: &Store, since: Timestamp, rows: u64) -> Result<Option<String>> {
    let old = "SELECT id FROM audit WHERE id < $1 ORDER BY id DESC LIMIT 1";
    let old = sqlx::query_scalar::<_, String>(old).bind(first_id(since)).fetch_optional(&store.shared.readers).await.map_err(failed)?;
    let many = "SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET $1";
    let many =
        sqlx::query_scalar::<_, String>(many).bind(rows.cast_signed()).fetch_optional(&store.shared.readers).await.map_err(failed)?;
    Ok(old.max(many))
}

/// Deletes some entries up to that id; says how many.
pub(crate) async fn trim(tx: &mut Tx, upto: &str, at_once: i64) -> Result<u64> {
    let sql = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id <= $1 ORDER BY id LIMIT $2)";
    let done = sqlx::query(sql).bind(upto.to_owned()).bind(at_once).execute(&mut tx.conn).await.map_err(failed)?;
    Ok(done.rows_affected())
}
