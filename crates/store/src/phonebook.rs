//! Phone books. Reading them is reading [`crate::Store::library`].

use std::sync::Arc;

use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Result,
    phonebook::{CONTACTS, FAULTS, Phonebook, head_faults},
};
use sqlx::AnyConnection;

use crate::{
    Store, What,
    database::{conflict, failed},
    library::{Library, key},
    naming, row,
    text::{Faults, check_revision},
    writer::Tx,
};

/// Most contacts of all phone books together: they are held in memory.
const ALL_CONTACTS: usize = 500_000;

impl Store {
    /// Makes a phone book. `fill` gets an empty global one with a new id.
    ///
    /// # Errors
    /// `Conflict` when its scope has one of that name; `Invalid` with field paths; `Full` when there are too many contacts in all.
    pub async fn create_phonebook(&self, fill: impl FnOnce(&mut Phonebook) -> Result<()> + Send + 'static) -> Result<Arc<Phonebook>> {
        self.write(move |tx| create(tx, fill).boxed()).await
    }

    /// Changes a phone book. One in use keeps its name and tenant.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; else as [`Store::create_phonebook`].
    pub async fn update_phonebook(
        &self,
        id: Id,
        if_match: Option<u64>,
        edit: impl FnOnce(&mut Phonebook) -> Result<()> + Send + 'static,
    ) -> Result<Arc<Phonebook>> {
        self.write(move |tx| update(tx, id, if_match, edit).boxed()).await
    }

    /// Deletes a phone book; one in use is a `Conflict` that names its users.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Conflict`.
    pub async fn delete_phonebook(&self, id: Id, if_match: Option<u64>) -> Result<()> {
        self.write(move |tx| delete(tx, id, if_match).boxed()).await
    }
}

fn stored(tx: &Tx, id: Id) -> Result<Arc<Phonebook>> {
    let book = tx.library.phonebooks().find(|b| b.id == id).cloned().ok_or_else(|| Error::not_found("phone book", id))?;
    tx.must_own("phone book", id, book.tenant.as_deref())?;
    Ok(book)
}

async fn create(tx: &mut Tx, fill: impl FnOnce(&mut Phonebook) -> Result<()>) -> Result<Arc<Phonebook>> {
    let id = tx.new_id();
    let mut book = Phonebook {
        id,
        name: String::new(),
        tenant: None,
        label: String::new(),
        contacts: Vec::new(),
        revision: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    fill(&mut book)?;
    (book.id, book.revision, book.created_at, book.updated_at) = (id, 1, tx.now, tx.now);
    let book = put(tx, book, 0).await?;
    tx.wrote(None, Some(&*book)).await?;
    Ok(book)
}

async fn update(tx: &mut Tx, id: Id, if_match: Option<u64>, edit: impl FnOnce(&mut Phonebook) -> Result<()>) -> Result<Arc<Phonebook>> {
    let old = stored(tx, id)?;
    check_revision(if_match, old.revision)?;
    let mut book = Phonebook::clone(&old);
    edit(&mut book)?;
    (book.id, book.revision, book.created_at, book.updated_at) = (old.id, old.revision, old.created_at, old.updated_at);
    if book == *old {
        return Ok(old);
    }
    let moved = (&book.name, &book.tenant) != (&old.name, &old.tenant);
    if moved {
        naming::unused(tx, (id, "phone book", &old.name, old.tenant.as_deref()), "keeps its name and tenant").await?;
        Arc::make_mut(&mut tx.library).phonebooks.remove(&key(old.tenant.as_deref(), &old.name));
    }
    (book.revision, book.updated_at) = (old.revision + 1, tx.now);
    let book = put(tx, book, if moved { 0 } else { old.contacts.len() }).await?;
    tx.wrote(Some(&*old), Some(&*book)).await?;
    Ok(book)
}

async fn delete(tx: &mut Tx, id: Id, if_match: Option<u64>) -> Result<()> {
    let old = stored(tx, id)?;
    check_revision(if_match, old.revision)?;
    naming::unused(tx, (id, "phone book", &old.name, old.tenant.as_deref()), "cannot be deleted").await?;
    sqlx::query("DELETE FROM phonebooks WHERE id = $1").bind(id.to_string()).execute(&mut tx.conn).await.map_err(failed)?;
    Arc::make_mut(&mut tx.library).phonebooks.remove(&key(old.tenant.as_deref(), &old.name));
    tx.changed(What::Library { noun: "phonebook", id }).await?;
    tx.wrote(Some(&*old), None).await
}

fn check(tx: &Tx, book: &Phonebook, before: usize) -> Result<()> {
    let mut faults = Faults::default();
    for fault in head_faults(&book.name, &book.label) {
        faults.add(fault.field, fault.message);
    }
    if let Some(tenant) = book.tenant.as_deref().filter(|t| !tx.has_tenant(t)) {
        faults.add("tenant", format!("there is no tenant {tenant:?}"));
    }
    if book.contacts.len() > CONTACTS {
        faults.add("contacts", format!("at most {CONTACTS} contacts are allowed, not {}", book.contacts.len()));
    }
    let wrong = book.contacts.iter().take(CONTACTS).enumerate().flat_map(|(i, c)| c.faults().into_iter().map(move |f| (i, f)));
    for (i, (field, why)) in wrong.take(FAULTS) {
        faults.add(format!("contacts[{i}].{field}"), why);
    }
    faults.done()?;
    let others: usize = tx.library.phonebooks().map(|b| b.contacts.len()).sum();
    if others.saturating_sub(before) + book.contacts.len() > ALL_CONTACTS {
        return Err(Error::Full(format!("all phone books together hold at most {ALL_CONTACTS} contacts: delete some first")));
    }
    Ok(())
}

async fn put(tx: &mut Tx, book: Phonebook, before: usize) -> Result<Arc<Phonebook>> {
    if book.tenant.is_none() {
        tx.reach.may_write_in(None)?;
    }
    check(tx, &book, before)?;
    sqlx::query(
        "INSERT INTO phonebooks (id, tenant, name, name_key, label, contacts, revision, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, name = excluded.name, \
         name_key = excluded.name_key, label = excluded.label, contacts = excluded.contacts, revision = excluded.revision, \
         updated_at = excluded.updated_at",
    )
    .bind(book.id.to_string())
    .bind(book.tenant.clone().unwrap_or_default())
    .bind(&book.name)
    .bind(book.name.to_lowercase())
    .bind(&book.label)
    .bind(row::to_json(&book.contacts)?)
    .bind(book.revision.cast_signed())
    .bind(book.created_at.as_millis())
    .bind(book.updated_at.as_millis())
    .execute(&mut tx.conn)
    .await
    .map_err(conflict(|| format!("there is a phone book {:?} already", book.name)))?;
    let book = Arc::new(book);
    Arc::make_mut(&mut tx.library).phonebooks.insert(key(book.tenant.as_deref(), &book.name), book.clone());
    tx.changed(What::Library { noun: "phonebook", id: book.id }).await?;
    Ok(book)
}

/// All phone books.
pub(crate) async fn load(conn: &mut AnyConnection, library: &mut Library) -> Result<()> {
    let rows = sqlx::query("SELECT id, tenant, name, label, contacts, revision, created_at, updated_at FROM phonebooks");
    for r in &rows.fetch_all(conn).await.map_err(failed)? {
        let book = Phonebook {
            id: row::id(r, "id")?,
            name: row::text(r, "name")?,
            tenant: Some(row::text(r, "tenant")?).filter(|t| !t.is_empty()),
            label: row::text(r, "label")?,
            contacts: row::json(r, "contacts")?,
            revision: row::number(r, "revision")?,
            created_at: row::time(r, "created_at")?,
            updated_at: row::time(r, "updated_at")?,
        };
        library.phonebooks.insert(key(book.tenant.as_deref(), &book.name), Arc::new(book));
    }
    Ok(())
}
