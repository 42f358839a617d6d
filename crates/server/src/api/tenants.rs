//! `/api/v1/tenants`

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use offhook_core::tenant::Tenant;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    body::Document,
    etag::{IfMatch, Revision, Tagged, created},
    listing::{List, Paging, sort},
    params::{Key, NoParams, Params},
    problem::Problem,
    settings::Settings,
};
use crate::app::{
    App, Caller,
    tenants::{self, TenantFilter},
};

/// A tenant: the owner of devices, accounts and profiles.
#[derive(Debug, Serialize, ToSchema)]
pub struct TenantView {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// Its unique name.
    pub name: String,
    /// Unknown phones from these networks become its own.
    pub networks: Vec<String>,
    /// Its layer, over the site's. Secrets are masked.
    #[schema(value_type = Settings)]
    pub settings: Value,
    /// Its layer over the devices. Secrets are masked.
    #[schema(value_type = Settings)]
    pub enforced: Value,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When it was last changed.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// What may be written of a tenant.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"name": "acme", "networks": ["10.4.0.0/16"], "settings": {"locale": {"language": "de"}}}))]
pub struct TenantWrite {
    /// 1 to 64 of `a-z 0-9 - _ .`, a letter or digit first. It never changes.
    pub name: String,
    /// Unknown phones from these networks become its own: `10.4.0.0/16`, `2001:db8::/32`, or one address.
    pub networks: Option<Vec<String>>,
    /// Its layer, over the site's. A mask keeps the secret that is stored.
    #[schema(value_type = Option<Settings>)]
    pub settings: Option<Value>,
    /// Its layer over the devices.
    #[schema(value_type = Option<Settings>)]
    pub enforced: Option<Value>,
}

/// Which tenants.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TenantQuery {
    /// The order: `name`, or `-name`.
    #[param(pattern = "^-?(name)$")]
    pub sort: Option<String>,
    /// Text that stands in the name, letter case ignored.
    pub q: Option<String>,
}

fn view(app: &App, tenant: &Tenant) -> TenantView {
    TenantView {
        id: tenant.id.to_string(),
        name: tenant.name.clone(),
        networks: tenant.networks.iter().map(ToString::to_string).collect(),
        settings: app.masked(&tenant.settings),
        enforced: app.masked(&tenant.enforced),
        revision: tenant.revision,
        created_at: tenant.created_at.to_string(),
        updated_at: tenant.updated_at.to_string(),
    }
}

fn tagged(app: &App, tenant: &Tenant) -> Tagged<TenantView> {
    Tagged(StatusCode::OK, tenant.revision, view(app, tenant))
}

/// List tenants
#[utoipa::path(get, path = "/tenants", tag = "tenants", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, TenantQuery),
    responses((status = 200, description = "One page.", body = List<TenantView>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let (sort, descending) = sort(&mut params, &["name"]);
    let filter = TenantFilter { q: params.text("q") };
    let filter = params.finish(filter)?;
    let listed = tenants::list(&app, &filter, &paging.part(sort, descending))?;
    Ok(axum::Json(List::of(listed, |t| view(&app, &t))))
}

/// Create a tenant
#[utoipa::path(post, path = "/tenants", tag = "tenants", security(("token" = ["admin"])), request_body = TenantWrite,
    responses((status = 201, description = "As it was made.", body = TenantView)))]
pub(super) async fn create(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<Response, Problem> {
    let tenant = tenants::create(&app, &who, document).await?;
    Ok(created(&format!("/api/v1/tenants/{}", tenant.id), tagged(&app, &tenant)))
}

/// One tenant
#[utoipa::path(get, path = "/tenants/{tenant}", tag = "tenants", security(("token" = ["admin", "operator", "installer", "read-only"])), params(("tenant" = String, Path, description = "Name or id.")),
    responses((status = 200, description = "The tenant.", body = TenantView)))]
pub(super) async fn read(By(app): By, Key(tenant): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, &tenants::read(&app, &tenant)?))
}

/// Replace a tenant
#[utoipa::path(put, path = "/tenants/{tenant}", tag = "tenants", security(("token" = ["admin"])), request_body = TenantWrite,
    params(("tenant" = String, Path, description = "Name or id."), Revision),
    responses((status = 200, description = "As it is now.", body = TenantView)))]
pub(super) async fn replace(
    By(app): By,
    who: Caller,
    Key(tenant): Key<String>,
    IfMatch(if_match): IfMatch,
    _: NoParams,
    Document(document): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, &tenants::replace(&app, &who, &tenant, if_match, document).await?))
}

/// Change a tenant
#[utoipa::path(patch, path = "/tenants/{tenant}", tag = "tenants", security(("token" = ["admin"])), request_body(content = TenantWrite, content_type = "application/merge-patch+json"),
    params(("tenant" = String, Path, description = "Name or id."), Revision),
    responses((status = 200, description = "As it is now.", body = TenantView)))]
pub(super) async fn patch(
    By(app): By,
    who: Caller,
    Key(tenant): Key<String>,
    IfMatch(if_match): IfMatch,
    _: NoParams,
    Document(patch): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, &tenants::patch(&app, &who, &tenant, if_match, patch).await?))
}

/// Delete a tenant that owns nothing
#[utoipa::path(delete, path = "/tenants/{tenant}", tag = "tenants", security(("token" = ["admin"])),
    params(("tenant" = String, Path, description = "Name or id."), Revision),
    responses((status = 204, description = "It is gone.")))]
pub(super) async fn delete(
    By(app): By,
    who: Caller,
    Key(tenant): Key<String>,
    IfMatch(if_match): IfMatch,
    _: NoParams,
) -> Result<StatusCode, Problem> {
    tenants::delete(&app, &who, &tenant, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
