//! `/api/v1/site`

use axum::{http::StatusCode, response::IntoResponse};
use offhook_core::site::Site;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    auth::By,
    body::Document,
    etag::{IfMatch, Revision, Tagged},
    params::NoParams,
    problem::Problem,
    settings::Settings,
};
use crate::app::{App, Caller, site};

/// The site: the lowest layer after the built-in one, and the highest of all.
#[derive(Debug, Serialize, ToSchema)]
pub struct SiteView {
    /// The lowest layer after the built-in one. Secrets are masked.
    #[schema(value_type = Settings)]
    pub settings: Value,
    /// The highest layer of all. Secrets are masked.
    #[schema(value_type = Settings)]
    pub enforced: Value,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was last changed.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// What may be written of a site.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"settings": {"time": {"zone": "Europe/Berlin", "ntp": ["pool.ntp.org"]}}}))]
pub struct SiteWrite {
    /// The lowest layer after the built-in one. A mask keeps the secret that is stored.
    #[schema(value_type = Option<Settings>)]
    pub settings: Option<Value>,
    /// The highest layer of all.
    #[schema(value_type = Option<Settings>)]
    pub enforced: Option<Value>,
}

fn view(app: &App, site: &Site) -> SiteView {
    SiteView {
        settings: app.masked(&site.settings),
        enforced: app.masked(&site.enforced),
        revision: site.revision,
        updated_at: site.updated_at.to_string(),
    }
}

fn tagged(app: &App, site: &Site) -> Tagged<SiteView> {
    Tagged(StatusCode::OK, site.revision, view(app, site))
}

/// The site
#[utoipa::path(get, path = "/site", tag = "site", security(("token" = ["admin", "operator", "installer", "read-only"])), responses((status = 200, description = "The site.", body = SiteView)))]
pub(super) async fn read(By(app): By, who: Caller, _: NoParams) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, &site::read(&app, &who)?))
}

/// Replace the site
#[utoipa::path(put, path = "/site", tag = "site", security(("token" = ["admin"])), request_body = SiteWrite,
    params(Revision),
    responses((status = 200, description = "As it is now.", body = SiteView)))]
pub(super) async fn replace(
    By(app): By,
    who: Caller,
    IfMatch(if_match): IfMatch,
    _: NoParams,
    Document(document): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, &site::replace(&app, &who, if_match, document).await?))
}

/// Change the site
#[utoipa::path(patch, path = "/site", tag = "site", security(("token" = ["admin"])), request_body(content = SiteWrite, content_type = "application/merge-patch+json"),
    params(Revision),
    responses((status = 200, description = "As it is now.", body = SiteView)))]
pub(super) async fn patch(
    By(app): By,
    who: Caller,
    IfMatch(if_match): IfMatch,
    _: NoParams,
    Document(patch): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, &site::patch(&app, &who, if_match, patch).await?))
}
