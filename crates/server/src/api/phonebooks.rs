//! `/api/v1/phonebooks`

use std::sync::Arc;

use axum::{
    Json,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use offhook_core::phonebook::{Contact, Phonebook};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    body::{LargeDocument, large},
    etag::{IfMatch, Revision, Tagged, created},
    listing::{List, Paging, sort},
    params::{Key, NoParams, Owner, Params},
    problem::Problem,
};
use crate::app::{
    Caller,
    phonebooks::{self, Form, PhonebookFilter, SORTS},
};

/// A number of a contact.
#[derive(Debug, Serialize, ToSchema)]
pub struct NumberView {
    /// `work`, `mobile`, `home`, `fax` or `other`.
    #[serde(rename = "type")]
    pub kind: String,
    /// As it is dialled: digits, or a SIP address.
    pub number: String,
}

/// One entry of a phone book.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactView {
    /// What phones show.
    pub name: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Company or organisation.
    pub company: String,
    /// E-mail address.
    pub email: String,
    /// Groups it is shown in, where a phone has groups.
    pub groups: Vec<String>,
    /// Its numbers in order.
    pub numbers: Vec<NumberView>,
}

/// A phone book without its contacts.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhonebookEntry {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// What settings call it. Unique in its tenant, or among the global ones, letter case ignored.
    pub name: String,
    /// The tenant it belongs to; null: every tenant may use it.
    pub tenant: Option<String>,
    /// What phones show in their menus; empty: the name.
    pub label: String,
    /// How many contacts it has.
    pub count: usize,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When it was last changed.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// A phone book: contacts that every family gets in its own form.
#[derive(Debug, Serialize, ToSchema)]
pub struct PhonebookView {
    /// What lists show of it.
    #[serde(flatten)]
    pub entry: PhonebookEntry,
    /// In the order in which they were written.
    pub contacts: Vec<ContactView>,
}

/// A number as it is written.
#[derive(Debug, ToSchema)]
pub struct NumberWrite {
    /// `work` (also when left out), `mobile`, `home`, `fax` or `other`.
    #[schema(rename = "type")]
    pub kind: Option<String>,
    /// As it is dialled: digits, or a SIP address.
    pub number: String,
}

/// A contact as it is written. A name that is left out is made of the others.
#[derive(Debug, ToSchema)]
pub struct ContactWrite {
    /// What phones show.
    pub name: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Company or organisation.
    pub company: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Groups it is shown in.
    pub groups: Option<Vec<String>>,
    /// Its numbers in order.
    pub numbers: Option<Vec<NumberWrite>>,
}

/// What may be written of a phone book.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"name": "company", "label": "Company", "contacts": [{"name": "Anna", "numbers": [{"type": "work", "number": "1001"}]}]}))]
pub struct PhonebookWrite {
    /// 1 to 64 letters, digits and `. _ -`.
    pub name: String,
    /// The tenant it belongs to; null: every tenant may use it.
    pub tenant: Option<String>,
    /// What phones show in their menus.
    pub label: Option<String>,
    /// At most 20,000. A patch replaces them as a whole.
    pub contacts: Option<Vec<ContactWrite>>,
}

/// What an import did.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportView {
    /// The phone book as it is now.
    pub phonebook: PhonebookEntry,
    /// How many contacts came.
    pub read: usize,
    /// Columns of the table that mean nothing here.
    pub ignored: Vec<String>,
}

/// Which phone books.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PhonebookQuery {
    /// The order: `name`, `created_at` or `updated_at`; `-` before it for the greatest first.
    #[param(pattern = "^-?(name|created_at|updated_at)$")]
    pub sort: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Only those of no tenant.
    pub global: Option<bool>,
    /// Text that stands in name or label, letter case ignored.
    pub q: Option<String>,
}

/// How an import is read.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// The tenant that owns the phone book of that name.
    pub tenant: Option<String>,
    /// `csv` or `vcard`; left out: the text tells.
    #[param(pattern = "^(csv|vcard)$")]
    pub format: Option<String>,
    /// In place of the contacts that are there, not after them.
    pub replace: Option<bool>,
}

/// How an export is written.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// The tenant that owns the phone book of that name.
    pub tenant: Option<String>,
    /// `csv` (also when left out) or `vcard`.
    #[param(pattern = "^(csv|vcard)$")]
    pub format: Option<String>,
}

fn entry(book: &Phonebook) -> PhonebookEntry {
    PhonebookEntry {
        id: book.id.to_string(),
        name: book.name.clone(),
        tenant: book.tenant.clone(),
        label: book.label.clone(),
        count: book.contacts.len(),
        revision: book.revision,
        created_at: book.created_at.to_string(),
        updated_at: book.updated_at.to_string(),
    }
}

fn contact(contact: &Contact) -> ContactView {
    let Contact { name, first_name, last_name, company, email, groups, numbers } = contact.clone();
    let numbers = numbers.into_iter().map(|n| NumberView { kind: n.kind.to_string(), number: n.number }).collect();
    ContactView { name, first_name, last_name, company, email, groups, numbers }
}

fn tagged(book: &Phonebook) -> Tagged<PhonebookView> {
    let view = PhonebookView { entry: entry(book), contacts: book.contacts.iter().map(contact).collect() };
    Tagged(StatusCode::OK, book.revision, view)
}

/// List phone books
///
/// Without their contacts.
#[utoipa::path(get, path = "/phonebooks", tag = "phonebooks", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, PhonebookQuery),
    responses((status = 200, description = "One page.", body = List<PhonebookEntry>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let (sort, descending) = sort(&mut params, SORTS);
    let filter = PhonebookFilter { tenant: params.text("tenant"), global: params.flag("global"), q: params.text("q") };
    let filter = params.finish(filter)?;
    let listed = phonebooks::list(&app, &filter, &paging.part(sort, descending))?;
    Ok(Json(List::of(listed, |b: Arc<Phonebook>| entry(&b))))
}

/// Create a phone book
#[utoipa::path(post, path = "/phonebooks", tag = "phonebooks", security(("token" = ["admin", "operator"])), request_body = PhonebookWrite,
    responses((status = 201, description = "As it was made.", body = PhonebookView)))]
pub(super) async fn create(By(app): By, who: Caller, _: NoParams, LargeDocument(document): LargeDocument) -> Result<Response, Problem> {
    let book = phonebooks::create(&app, &who, document).await?;
    Ok(created(&format!("/api/v1/phonebooks/{}", book.id), tagged(&book)))
}

/// One phone book
#[utoipa::path(get, path = "/phonebooks/{phonebook}", tag = "phonebooks", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("phonebook" = String, Path, description = "Id or name."), Owner),
    responses((status = 200, description = "The phone book with its contacts.", body = PhonebookView)))]
pub(super) async fn read(By(app): By, Key(key): Key<String>, Owner { tenant }: Owner) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&*phonebooks::read(&app, &key, tenant.as_deref())?))
}

/// Replace a phone book
#[utoipa::path(put, path = "/phonebooks/{phonebook}", tag = "phonebooks", security(("token" = ["admin", "operator"])), request_body = PhonebookWrite,
    params(("phonebook" = String, Path, description = "Id or name."), Owner, Revision),
    responses((status = 200, description = "As it is now.", body = PhonebookView)))]
pub(super) async fn replace(
    By(app): By,
    who: Caller,
    Key(key): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
    LargeDocument(document): LargeDocument,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&*phonebooks::replace(&app, &who, &key, tenant.as_deref(), if_match, document).await?))
}

/// Change a phone book
#[utoipa::path(patch, path = "/phonebooks/{phonebook}", tag = "phonebooks", security(("token" = ["admin", "operator"])), request_body(content = PhonebookWrite, content_type = "application/merge-patch+json"),
    params(("phonebook" = String, Path, description = "Id or name."), Owner, Revision),
    responses((status = 200, description = "As it is now.", body = PhonebookView)))]
pub(super) async fn patch(
    By(app): By,
    who: Caller,
    Key(key): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
    LargeDocument(patch): LargeDocument,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&*phonebooks::patch(&app, &who, &key, tenant.as_deref(), if_match, patch).await?))
}

/// Delete a phone book that nothing uses
#[utoipa::path(delete, path = "/phonebooks/{phonebook}", tag = "phonebooks", security(("token" = ["admin", "operator"])),
    params(("phonebook" = String, Path, description = "Id or name."), Owner, Revision),
    responses((status = 204, description = "It is gone.")))]
pub(super) async fn delete(
    By(app): By,
    who: Caller,
    Key(key): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
) -> Result<StatusCode, Problem> {
    phonebooks::delete(&app, &who, &key, tenant.as_deref(), if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Import contacts
///
/// The body is CSV with a row of column names (`name, first_name, last_name, company, email, groups, work, mobile, home, fax, other`), or
/// vCards of version 3.0 or 4.0. Nothing is written when a line is wrong; every fault tells its line.
#[utoipa::path(post, path = "/phonebooks/{phonebook}/import", tag = "phonebooks", security(("token" = ["admin", "operator"])),
    params(("phonebook" = String, Path, description = "Id or name."), ImportQuery, Revision),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "CSV or vCards."),
    responses((status = 200, description = "What came.", body = ImportView)))]
pub(super) async fn import(
    By(app): By,
    who: Caller,
    Key(key): Key<String>,
    IfMatch(if_match): IfMatch,
    mut params: Params,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let format = params.read("format", "csv or vcard", Form::parse);
    let (tenant, replace) = (params.text("tenant"), params.flag("replace"));
    params.finish(())?;
    let bytes = large(request.into_body()).await?;
    let done = phonebooks::import(&app, &who, (&key, tenant.as_deref()), if_match, (format, replace), &bytes).await?;
    let view = ImportView { phonebook: entry(&done.phonebook), read: done.read, ignored: done.ignored };
    Ok(Tagged(StatusCode::OK, done.phonebook.revision, view))
}

/// Export contacts
#[utoipa::path(get, path = "/phonebooks/{phonebook}/export", tag = "phonebooks", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("phonebook" = String, Path, description = "Id or name."), ExportQuery),
    responses((status = 200, description = "CSV or vCards, in UTF-8.", body = Vec<u8>, content_type = "*/*")))]
pub(super) async fn export(By(app): By, Key(key): Key<String>, mut params: Params) -> Result<Response, Problem> {
    let format = params.read("format", "csv or vcard", Form::parse).unwrap_or(Form::Csv);
    let tenant = params.text("tenant");
    params.finish(())?;
    let book = phonebooks::read(&app, &key, tenant.as_deref())?;
    let (media, ending) = match format {
        Form::Csv => ("text/csv; charset=utf-8", "csv"),
        Form::Vcard => ("text/vcard; charset=utf-8", "vcf"),
    };
    let headers = [
        (header::CONTENT_TYPE, media.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.{ending}\"", book.name)),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
    ];
    Ok((headers, phonebooks::export(&book, format)).into_response())
}
