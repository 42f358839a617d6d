//! `/api/v1/profiles`

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use offhook_core::profile::Profile;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    body::Document,
    etag::{IfMatch, Revision, Tagged, created},
    listing::{List, Paging, sort},
    params::{Key, NoParams, Owner, Params},
    problem::Problem,
    settings::Settings,
};
use crate::app::{
    App, Caller,
    profiles::{self, ProfileFilter, SORTS},
};

/// Devices that a profile applies to without being assigned. At least one field is given; all that are given must fit.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchView {
    /// The pack that serves the device.
    pub pack: Option<String>,
    /// Its family.
    pub vendor: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its firmware version, or a range of versions.
    pub firmware: Option<String>,
}

/// A profile: partial settings that many devices share.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileView {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// Unique within its tenant, or among the global ones.
    pub name: String,
    /// The tenant it belongs to; null: every tenant may use it.
    pub tenant: Option<String>,
    /// Profiles that come before it, by name.
    pub parents: Vec<String>,
    /// Devices it applies to without being assigned; null: only those it is assigned to.
    #[serde(rename = "match")]
    pub matches: Option<MatchView>,
    /// Its layer. Secrets are masked.
    #[schema(value_type = Settings)]
    pub settings: Value,
    /// Setting paths that it takes away from lower layers.
    pub unset: Vec<String>,
    /// For people.
    pub label: String,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When it was last changed.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// What may be written of a profile.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"name": "reception", "settings": {"keys": {"1": {"type": "blf", "value": "1002", "label": "Anna"}}}}))]
pub struct ProfileWrite {
    /// 1 to 64 characters, no `/`.
    pub name: String,
    /// The tenant it belongs to; null: every tenant may use it.
    pub tenant: Option<String>,
    /// Profiles that come before it, by name.
    pub parents: Option<Vec<String>>,
    /// Devices it applies to without being assigned.
    #[schema(rename = "match")]
    pub matches: Option<MatchView>,
    /// Its layer. A mask keeps the secret that is stored.
    #[schema(value_type = Option<Settings>)]
    pub settings: Option<Value>,
    /// Setting paths that it takes away from lower layers.
    pub unset: Option<Vec<String>>,
    /// For people.
    pub label: Option<String>,
}

/// Which profiles.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ProfileQuery {
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

fn view(app: &App, profile: &Profile) -> ProfileView {
    ProfileView {
        id: profile.id.to_string(),
        name: profile.name.clone(),
        tenant: profile.tenant.clone(),
        parents: profile.parents.clone(),
        matches: profile.matches.as_ref().map(|m| MatchView {
            pack: m.pack.clone(),
            vendor: m.vendor.clone(),
            model: m.model.clone(),
            firmware: m.firmware.clone(),
        }),
        settings: app.masked(&profile.settings),
        unset: profile.unset.iter().map(ToString::to_string).collect(),
        label: profile.label.clone(),
        revision: profile.revision,
        created_at: profile.created_at.to_string(),
        updated_at: profile.updated_at.to_string(),
    }
}

fn tagged(app: &App, profile: &Profile) -> Tagged<ProfileView> {
    Tagged(StatusCode::OK, profile.revision, view(app, profile))
}

/// List profiles
#[utoipa::path(get, path = "/profiles", tag = "profiles", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, ProfileQuery),
    responses((status = 200, description = "One page.", body = List<ProfileView>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let (sort, descending) = sort(&mut params, SORTS);
    let filter = ProfileFilter { tenant: params.text("tenant"), global: params.flag("global"), q: params.text("q") };
    let filter = params.finish(filter)?;
    let listed = profiles::list(&app, &filter, &paging.part(sort, descending))?;
    Ok(axum::Json(List::of(listed, |p| view(&app, &p))))
}

/// Create a profile
#[utoipa::path(post, path = "/profiles", tag = "profiles", security(("token" = ["admin", "operator"])), request_body = ProfileWrite,
    responses((status = 201, description = "As it was made.", body = ProfileView)))]
pub(super) async fn create(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<Response, Problem> {
    let profile = profiles::create(&app, &who, document).await?;
    Ok(created(&format!("/api/v1/profiles/{}", profile.id), tagged(&app, &profile)))
}

/// One profile
#[utoipa::path(get, path = "/profiles/{profile}", tag = "profiles", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("profile" = String, Path, description = "Id or name."), Owner),
    responses((status = 200, description = "The profile.", body = ProfileView)))]
pub(super) async fn read(By(app): By, Key(profile): Key<String>, Owner { tenant }: Owner) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, &profiles::read(&app, &profile, tenant.as_deref())?))
}

/// Replace a profile
#[utoipa::path(put, path = "/profiles/{profile}", tag = "profiles", security(("token" = ["admin", "operator"])), request_body = ProfileWrite,
    params(("profile" = String, Path, description = "Id or name."), Owner, Revision),
    responses((status = 200, description = "As it is now.", body = ProfileView)))]
pub(super) async fn replace(
    By(app): By,
    who: Caller,
    Key(profile): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
    Document(document): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, &profiles::replace(&app, &who, &profile, tenant.as_deref(), if_match, document).await?))
}

/// Change a profile
#[utoipa::path(patch, path = "/profiles/{profile}", tag = "profiles", security(("token" = ["admin", "operator"])), request_body(content = ProfileWrite, content_type = "application/merge-patch+json"),
    params(("profile" = String, Path, description = "Id or name."), Owner, Revision),
    responses((status = 200, description = "As it is now.", body = ProfileView)))]
pub(super) async fn patch(
    By(app): By,
    who: Caller,
    Key(profile): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
    Document(patch): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, &profiles::patch(&app, &who, &profile, tenant.as_deref(), if_match, patch).await?))
}

/// Delete a profile that nothing uses
#[utoipa::path(delete, path = "/profiles/{profile}", tag = "profiles", security(("token" = ["admin", "operator"])),
    params(("profile" = String, Path, description = "Id or name."), Owner, Revision),
    responses((status = 204, description = "It is gone.")))]
pub(super) async fn delete(
    By(app): By,
    who: Caller,
    Key(profile): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
) -> Result<StatusCode, Problem> {
    profiles::delete(&app, &who, &profile, tenant.as_deref(), if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
