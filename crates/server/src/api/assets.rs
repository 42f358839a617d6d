//! `/api/v1/assets`

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt;
use offhook_core::{
    Error,
    asset::{Asset, AssetKind},
};
use serde::Serialize;
use tokio_util::io::ReaderStream;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    body::pieces,
    etag::{IfMatch, Revision, Tagged, created},
    listing::{List, Paging, sort},
    params::{Key, Owner, Params},
    problem::Problem,
};
use crate::app::{
    App, Caller,
    assets::{self, AssetFilter, SORTS},
};

/// A stored file that settings refer to by its name: a logo, a ring tone, a wallpaper, a certificate.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssetView {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// What settings call it. Unique in its tenant, or among the global ones, letter case ignored.
    pub name: String,
    /// The tenant it belongs to; null: every tenant may use it.
    pub tenant: Option<String>,
    /// What its bytes are: `png`, `bmp`, `jpg`, `gif`, `wav`, `mp3`, `ogg`, `pem`, `der`, `xml`, `txt`, `tar`, `gz`, `zip` or `bin`.
    pub kind: String,
    /// The MIME type that goes with the kind.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was added.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When it was last changed.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// Which assets.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AssetQuery {
    /// The order: `name`, `kind`, `size`, `created_at` or `updated_at`; `-` before it for the greatest first.
    #[param(pattern = "^-?(name|kind|size|created_at|updated_at)$")]
    pub sort: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Only those of no tenant.
    pub global: Option<bool>,
    /// Of this kind.
    #[param(pattern = "^[a-z0-9]+$")]
    pub kind: Option<String>,
    /// Text that stands in the name, letter case ignored.
    pub q: Option<String>,
}

/// What an upload is.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NewAssetQuery {
    /// What settings will call it: 1 to 64 letters, digits and `. _ -`.
    #[param(example = "logo.png")]
    pub name: String,
    /// The tenant it belongs to; left out: every tenant may use it.
    pub tenant: Option<String>,
}

fn view(asset: &Asset) -> AssetView {
    AssetView {
        id: asset.id.to_string(),
        name: asset.name.clone(),
        tenant: asset.tenant.clone(),
        kind: asset.kind.as_str().to_owned(),
        content_type: asset.kind.content_type().to_owned(),
        size: asset.size,
        sha256: asset.sha256.clone(),
        revision: asset.revision,
        created_at: asset.created_at.to_string(),
        updated_at: asset.updated_at.to_string(),
    }
}

fn tagged(asset: &Asset) -> Tagged<AssetView> {
    Tagged(StatusCode::OK, asset.revision, view(asset))
}

fn problem(app: &App, error: Error) -> Problem {
    match error {
        Error::Full(_) => Problem::too_large(app.config.limits.asset_size),
        error => Problem::from(error),
    }
}

/// List assets
#[utoipa::path(get, path = "/assets", tag = "assets", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, AssetQuery),
    responses((status = 200, description = "One page.", body = List<AssetView>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let (sort, descending) = sort(&mut params, SORTS);
    let kinds = AssetKind::ALL.iter().map(|k| k.as_str()).collect::<Vec<_>>().join(", ");
    let kind = params.read("kind", &format!("one of {kinds}"), AssetKind::parse);
    let filter = AssetFilter { tenant: params.text("tenant"), global: params.flag("global"), kind, q: params.text("q") };
    let filter = params.finish(filter)?;
    Ok(Json(List::of(assets::list(&app, &filter, &paging.part(sort, descending))?, |a: Arc<Asset>| view(&a))))
}

/// Upload an asset
///
/// The body is the file itself; its bytes tell its kind. At most `limits.asset_size` bytes are taken; more are a 413 and nothing of them
/// remains.
#[utoipa::path(post, path = "/assets", tag = "assets", security(("token" = ["admin", "operator"])), params(NewAssetQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file."),
    responses((status = 201, description = "As it is stored.", body = AssetView)))]
pub(super) async fn upload(By(app): By, who: Caller, mut params: Params, request: Request) -> Result<Response, Problem> {
    let new = NewAssetQuery { name: params.text("name").unwrap_or_default(), tenant: params.text("tenant") };
    let new = params.finish(new)?;
    let bytes = pieces(request.into_body()).map_err(|stopped| Error::invalid("", stopped.to_string()));
    let asset = assets::add(&app, &who, &new.name, new.tenant.as_deref(), bytes).await.map_err(|e| problem(&app, e))?;
    Ok(created(&format!("/api/v1/assets/{}", asset.id), tagged(&asset)))
}

/// One asset
#[utoipa::path(get, path = "/assets/{asset}", tag = "assets", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("asset" = String, Path, description = "Id or name."), Owner),
    responses((status = 200, description = "The asset's description.", body = AssetView)))]
pub(super) async fn read(By(app): By, Key(asset): Key<String>, Owner { tenant }: Owner) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&*assets::read(&app, &asset, tenant.as_deref())?))
}

/// Download an asset
///
/// The bytes as they were uploaded, never for showing in a browser. A read-only token may not: they may hold a key.
#[utoipa::path(get, path = "/assets/{asset}/contents", tag = "assets", security(("token" = ["admin", "operator"])),
    params(("asset" = String, Path, description = "Id or name."), Owner),
    responses((status = 200, description = "The file.", body = Vec<u8>, content_type = "*/*")))]
pub(super) async fn contents(By(app): By, who: Caller, Key(asset): Key<String>, Owner { tenant }: Owner) -> Result<Response, Problem> {
    let (asset, file) = assets::contents(&app, &who, &asset, tenant.as_deref()).await?;
    // Names are letters, digits and . _ - only.
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", asset.name)),
        (header::CONTENT_LENGTH, asset.size.to_string()),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
    ];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

/// Replace an asset's file
///
/// The address that phones know stays: they have the new file when they load it again.
#[utoipa::path(put, path = "/assets/{asset}/contents", tag = "assets", security(("token" = ["admin", "operator"])),
    params(("asset" = String, Path, description = "Id or name."), Owner, Revision),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file."),
    responses((status = 200, description = "As it is now.", body = AssetView)))]
pub(super) async fn replace(
    By(app): By,
    who: Caller,
    Key(asset): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let bytes = pieces(request.into_body()).map_err(|stopped| Error::invalid("", stopped.to_string()));
    let asset = assets::replace(&app, &who, &asset, tenant.as_deref(), if_match, bytes).await.map_err(|e| problem(&app, e))?;
    Ok(tagged(&asset))
}

/// Delete an asset that nothing uses
#[utoipa::path(delete, path = "/assets/{asset}", tag = "assets", security(("token" = ["admin", "operator"])),
    params(("asset" = String, Path, description = "Id or name."), Owner, Revision),
    responses((status = 204, description = "It is gone.")))]
pub(super) async fn delete(
    By(app): By,
    who: Caller,
    Key(asset): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
) -> Result<StatusCode, Problem> {
    assets::delete(&app, &who, &asset, tenant.as_deref(), if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
