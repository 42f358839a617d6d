//! `/api/v1/accounts`

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use offhook_core::{account::Account, settings::MASK};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{Object, RefOr, schema::Schema},
};

use super::{
    auth::By,
    body::Document,
    etag::{IfMatch, Revision, Tagged, created},
    listing::{List, Paging, sort},
    params::{Key, NoParams, Owner, Params},
    problem::Problem,
};
use crate::app::{
    App, Caller,
    accounts::{self, AccountFilter, AccountSort},
};

/// The line values that an account gives. Its schema is that of a line, from the settings model.
#[derive(Debug)]
pub struct AccountValues;

impl PartialSchema for AccountValues {
    fn schema() -> RefOr<Schema> {
        // A place for the model's schema of a line, which takes it when the document is put together.
        RefOr::T(Schema::Object(Object::new()))
    }
}

impl ToSchema for AccountValues {}

/// An account: a SIP identity that lines refer to by its name. The line values that it gives stand beside its own fields.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// The tenant it belongs to.
    pub tenant: String,
    /// What a line's `account` says; unique within the tenant.
    pub name: String,
    /// Several lines may use it.
    pub shared: bool,
    /// The code that a person types on a phone to claim it. A secret: it is masked.
    pub code: Option<String>,
    /// The values that it gives to every line that names it. Secrets are masked.
    #[serde(flatten)]
    #[schema(value_type = AccountValues)]
    pub values: Map<String, Value>,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When it was last changed.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// What may be written of an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"name": "1001", "password": "s3cret-0f-1001", "display_name": "Anna", "servers": [{"host": "pbx.example"}]}))]
pub struct AccountWrite {
    /// The tenant it belongs to; `default` for a new one.
    pub tenant: Option<String>,
    /// What a line's `account` says; the `username` when left out, and the other way round.
    pub name: Option<String>,
    /// Several lines may use it.
    pub shared: Option<bool>,
    /// The code that a person types on a phone to claim it. A mask keeps the one that is stored.
    pub code: Option<String>,
    /// The values that it gives to every line that names it. A mask keeps the secret that is stored; `generate` makes a password of 12
    /// characters that every keypad types, once, for all phones and the SIP server: read it with `reveal=true`.
    #[serde(flatten)]
    #[schema(value_type = AccountValues)]
    pub values: Map<String, Value>,
}

/// Which accounts.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AccountQuery {
    /// `name` (by tenant and name), `created_at` or `updated_at`; `-` before it for the greatest first.
    #[param(pattern = "^-?(name|created_at|updated_at)$")]
    pub sort: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Only those that no line names.
    pub unassigned: Option<bool>,
    /// Text that stands in the name, letter case ignored.
    pub q: Option<String>,
}

fn view(app: &App, account: &Account) -> AccountView {
    let values = match app.masked(&account.values) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    AccountView {
        id: account.id.to_string(),
        tenant: account.tenant.clone(),
        name: account.name.clone(),
        shared: account.shared,
        code: account.code.as_ref().map(|_| MASK.to_owned()),
        values,
        revision: account.revision,
        created_at: account.created_at.to_string(),
        updated_at: account.updated_at.to_string(),
    }
}

fn tagged(app: &App, account: &Account) -> Tagged<AccountView> {
    Tagged(StatusCode::OK, account.revision, view(app, account))
}

/// List accounts
#[utoipa::path(get, path = "/accounts", tag = "accounts", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, AccountQuery),
    responses((status = 200, description = "One page.", body = List<AccountView>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let names = [AccountSort::Name, AccountSort::Created, AccountSort::Updated];
    let (name, descending) = sort(&mut params, &names.map(AccountSort::as_str));
    let filter = AccountFilter { tenant: params.text("tenant"), unassigned: params.flag("unassigned"), q: params.text("q") };
    let filter = params.finish(filter)?;
    let listed = accounts::list(&app, &filter, &paging.page(AccountSort::parse(name).unwrap_or_default(), descending)).await?;
    Ok(axum::Json(List::of(listed, |a| view(&app, &a))))
}

/// Create an account
#[utoipa::path(post, path = "/accounts", tag = "accounts", security(("token" = ["admin", "operator"])), request_body = AccountWrite,
    responses((status = 201, description = "As it was made.", body = AccountView)))]
pub(super) async fn create(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<Response, Problem> {
    let account = accounts::create(&app, &who, document).await?;
    Ok(created(&format!("/api/v1/accounts/{}", account.id), tagged(&app, &account)))
}

/// One account
#[utoipa::path(get, path = "/accounts/{account}", tag = "accounts", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("account" = String, Path, description = "Id or name."), Owner, Revealing),
    responses((status = 200, description = "The account.", body = AccountView)))]
pub(super) async fn read(By(app): By, who: Caller, Key(account): Key<String>, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let (tenant, reveal) = (params.text("tenant"), params.flag("reveal"));
    params.finish(())?;
    if reveal {
        let account = accounts::reveal(&app, &who, &account, tenant.as_deref()).await?;
        let shown = AccountView { code: account.code.clone(), values: account.values.tree().clone(), ..view(&app, &account) };
        return Ok(Tagged(StatusCode::OK, account.revision, shown));
    }
    let account = accounts::read(&app, &account, tenant.as_deref()).await?;
    Ok(tagged(&app, &account))
}

/// Whether secrets are shown.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Revealing {
    /// Show secrets; it needs the role admin or operator.
    pub reveal: Option<bool>,
}

/// Replace an account
///
/// What is left out is empty afterwards; the tenant stays.
#[utoipa::path(put, path = "/accounts/{account}", tag = "accounts", security(("token" = ["admin", "operator"])), request_body = AccountWrite,
    params(("account" = String, Path, description = "Id or name."), Owner, Revision),
    responses((status = 200, description = "As it is now.", body = AccountView)))]
pub(super) async fn replace(
    By(app): By,
    who: Caller,
    Key(account): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
    Document(document): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, &accounts::replace(&app, &who, &account, tenant.as_deref(), if_match, document).await?))
}

/// Change an account
#[utoipa::path(patch, path = "/accounts/{account}", tag = "accounts", security(("token" = ["admin", "operator"])), request_body(content = AccountWrite, content_type = "application/merge-patch+json"),
    params(("account" = String, Path, description = "Id or name."), Owner, Revision),
    responses((status = 200, description = "As it is now.", body = AccountView)))]
pub(super) async fn patch(
    By(app): By,
    who: Caller,
    Key(account): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
    Document(patch): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, &accounts::patch(&app, &who, &account, tenant.as_deref(), if_match, patch).await?))
}

/// Delete an account that no line names
#[utoipa::path(delete, path = "/accounts/{account}", tag = "accounts", security(("token" = ["admin", "operator"])),
    params(("account" = String, Path, description = "Id or name."), Owner, Revision),
    responses((status = 204, description = "It is gone.")))]
pub(super) async fn delete(
    By(app): By,
    who: Caller,
    Key(account): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
) -> Result<StatusCode, Problem> {
    accounts::delete(&app, &who, &account, tenant.as_deref(), if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
