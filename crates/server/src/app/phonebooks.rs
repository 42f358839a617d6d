//! Phone books: contacts under a name, as documents, CSV or vCards.

use std::sync::Arc;

use offhook_core::{
    Error, Result,
    asset::good_name,
    phonebook::{self, Contact, Phonebook, csv, vcard},
    token::Reach,
};
use serde_json::{Map, Value, json};

use super::{
    App, Caller,
    assets::{fits, the_one},
    fields::Fields,
    page::{self, Listed, Part},
};

/// What the server sets; passed over in a PUT.
const READ_ONLY: &[&str] = &["id", "revision", "created_at", "updated_at", "count"];
/// Most phone books.
const MOST: usize = 1000;

/// Orders of the list.
pub const SORTS: &[&str] = &["name", "created_at", "updated_at"];

/// Which phone books.
#[derive(Clone, Debug, Default)]
pub struct PhonebookFilter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Only those of no tenant.
    pub global: bool,
    /// Text that stands in name or label, letter case ignored.
    pub q: Option<String>,
}

/// Other forms of a phone book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A table (RFC 4180).
    Csv,
    /// Cards (RFC 2426, RFC 6350).
    Vcard,
}

impl Form {
    /// `csv` or `vcard`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "vcard" => Some(Self::Vcard),
            _ => None,
        }
    }

    fn of(bytes: &[u8]) -> Self {
        let begin = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        if begin.get(..11).is_some_and(|b| b.eq_ignore_ascii_case(b"BEGIN:VCARD")) { Self::Vcard } else { Self::Csv }
    }
}

/// What an import did.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The phone book as it is now.
    pub phonebook: Arc<Phonebook>,
    /// How many contacts came.
    pub read: usize,
    /// Columns of the table that mean nothing here.
    pub ignored: Vec<String>,
}

/// One page of the phone books.
pub fn list(app: &App, filter: &PhonebookFilter, part: &Part) -> Result<Listed<Arc<Phonebook>>> {
    let library = app.store.library();
    let fits = |b: &&Arc<Phonebook>| {
        filter.tenant.as_ref().is_none_or(|t| b.tenant.as_ref() == Some(t))
            && !(filter.global && b.tenant.is_some())
            && filter.q.as_deref().is_none_or(|q| page::holds(&b.name, q) || page::holds(&b.label, q))
    };
    let key = |b: &Arc<Phonebook>| match part.sort {
        "created_at" => format!("{} {}", b.created_at, b.id),
        "updated_at" => format!("{} {}", b.updated_at, b.id),
        _ => format!("{}\0{}", b.name.to_lowercase(), b.id),
    };
    page::cut(library.phonebooks().filter(fits).cloned(), key, part)
}

/// The phone book of that id, or of that name, letter case ignored: of the tenant when one is said, else the global one, else the only one.
pub fn read(app: &App, key: &str, tenant: Option<&str>) -> Result<Arc<Phonebook>> {
    let library = app.store.library();
    let found = library.phonebooks().filter(|b| fits((b.id, &b.name, b.tenant.as_deref()), key, tenant)).cloned().collect();
    the_one("phone book", key, found, |b: &Arc<Phonebook>| b.tenant.is_none())
}

/// Makes a phone book.
pub async fn create(app: &App, who: &Caller, document: Value) -> Result<Arc<Phonebook>> {
    who.may_write()?;
    if app.store.within(Reach::ALL).library().phonebooks().count() >= MOST {
        return Err(Error::Conflict(format!("there are {MOST} phone books already: delete some first")));
    }
    let reach = who.reach();
    app.store.create_phonebook(move |book| fill(book, Fields::of(document)?, &reach)).await
}

/// Puts a whole new phone book in place of the old one; what is left out is empty.
pub async fn replace(
    app: &App,
    who: &Caller,
    key: &str,
    tenant: Option<&str>,
    if_match: Option<u64>,
    document: Value,
) -> Result<Arc<Phonebook>> {
    who.may_write()?;
    let (id, reach) = (read(app, key, tenant)?.id, who.reach());
    let edit = move |book: &mut Phonebook| {
        let mut fields = Fields::of(document)?;
        fields.pass_over(READ_ONLY);
        fill(book, fields, &reach)
    };
    app.store.update_phonebook(id, if_match, edit).await
}

/// Changes what the patch names (RFC 7396); a list of contacts is replaced as a whole.
pub async fn patch(
    app: &App,
    who: &Caller,
    key: &str,
    tenant: Option<&str>,
    if_match: Option<u64>,
    patch: Value,
) -> Result<Arc<Phonebook>> {
    who.may_write()?;
    let (id, reach) = (read(app, key, tenant)?.id, who.reach());
    let edit = move |book: &mut Phonebook| {
        let contacts = std::mem::take(&mut book.contacts);
        let given = patch.get("contacts").is_some();
        fill(book, Fields::patched(writable(book), patch, "contacts")?, &reach)?;
        if !given {
            book.contacts = contacts;
        }
        Ok(())
    };
    app.store.update_phonebook(id, if_match, edit).await
}

/// Deletes a phone book that nothing names.
pub async fn delete(app: &App, who: &Caller, key: &str, tenant: Option<&str>, if_match: Option<u64>) -> Result<()> {
    who.may_write()?;
    let id = read(app, key, tenant)?.id;
    app.store.delete_phonebook(id, if_match).await
}

/// Reads contacts from CSV or vCards into a phone book: after those that are there, or in place of them.
pub async fn import(
    app: &App,
    who: &Caller,
    (key, tenant): (&str, Option<&str>),
    if_match: Option<u64>,
    (form, replace): (Option<Form>, bool),
    bytes: &[u8],
) -> Result<Imported> {
    who.may_write()?;
    let id = read(app, key, tenant)?.id;
    let (contacts, ignored) = match form.unwrap_or_else(|| Form::of(bytes)) {
        Form::Csv => csv::read(bytes).map(|sheet| (sheet.contacts, sheet.ignored)),
        Form::Vcard => vcard::read(bytes).map(|contacts| (contacts, Vec::new())),
    }
    .map_err(Error::Invalid)?;
    let count = contacts.len();
    let edit = move |book: &mut Phonebook| {
        if replace {
            book.contacts.clear();
        }
        book.contacts.extend(contacts);
        Ok(())
    };
    let phonebook = app.store.update_phonebook(id, if_match, edit).await?;
    Ok(Imported { phonebook, read: count, ignored })
}

/// A phone book as CSV or vCards.
pub fn export(book: &Phonebook, form: Form) -> String {
    match form {
        Form::Csv => csv::write(&book.contacts),
        Form::Vcard => vcard::write(&book.contacts),
    }
}

/// Everything but the contacts, as a document that a patch applies to.
fn writable(book: &Phonebook) -> Map<String, Value> {
    let document = json!({ "name": book.name, "tenant": book.tenant, "label": book.label });
    match document {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn fill(book: &mut Phonebook, mut fields: Fields, reach: &Reach) -> Result<()> {
    fields.require("name");
    let name = fields.text("name");
    if let Some(Err(why)) = name.as_deref().map(good_name) {
        fields.fault("name", why);
    }
    let tenant = reach.scope(fields.word("tenant"));
    let label = fields.text("label").unwrap_or_default();
    let contacts: Vec<Contact> = match fields.take("contacts").filter(|v| !v.is_null()) {
        None => Vec::new(),
        Some(given) => phonebook::contacts("contacts", &given).unwrap_or_else(|faults| {
            fields.merge(Error::Invalid(faults));
            Vec::new()
        }),
    };
    fields.check()?;
    (book.name, book.tenant, book.label, book.contacts) = (name.unwrap_or_default(), tenant, label, contacts);
    Ok(())
}
