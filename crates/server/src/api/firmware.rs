//! `/api/v1/firmware`

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt;
use offhook_core::{Error, firmware::Firmware};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    body::pieces,
    etag::created,
    listing::{List, Paging, sort},
    params::{Key, NoParams, Params},
    problem::Problem,
};
use crate::app::{
    App, Caller,
    firmware::{self, FirmwareFilter, SORTS},
};

/// A firmware file, served to phones under its name.
#[derive(Debug, Serialize, ToSchema)]
pub struct FirmwareView {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// The name phones ask for, without folders. Unique, letter case ignored.
    pub name: String,
    /// The pack it belongs to; the pack says which models ask for it.
    pub pack: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
    /// When it was added.
    #[schema(format = "date-time")]
    pub created_at: String,
}

/// Which files.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FirmwareQuery {
    /// The order: `name`, `size` or `created_at`; `-` before it for the greatest first.
    #[param(pattern = "^-?(name|size|created_at)$")]
    pub sort: Option<String>,
    /// Of this pack.
    pub pack: Option<String>,
    /// Text that stands in the name, letter case ignored.
    pub q: Option<String>,
}

/// What an upload is.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UploadQuery {
    /// The name phones ask for, without folders.
    #[param(example = "P0S3-8-12-00.sb2")]
    pub name: String,
    /// The pack it belongs to; left out: the one whose phones ask for that name.
    pub pack: Option<String>,
}

fn view(firmware: Firmware) -> FirmwareView {
    FirmwareView {
        id: firmware.id.to_string(),
        name: firmware.name,
        pack: firmware.pack,
        size: firmware.size,
        sha256: firmware.sha256,
        created_at: firmware.created_at.to_string(),
    }
}

/// List firmware
#[utoipa::path(get, path = "/firmware", tag = "firmware", params(Paging, FirmwareQuery),
    responses((status = 200, description = "One page.", body = List<FirmwareView>)))]
pub(super) async fn list(State(app): State<App>, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let (sort, descending) = sort(&mut params, SORTS);
    let filter = FirmwareFilter { pack: params.text("pack"), q: params.text("q") };
    let filter = params.finish(filter)?;
    Ok(Json(List::of(firmware::list(&app, &filter, &paging.part(sort, descending))?, view)))
}

/// Upload firmware
///
/// The body is the file itself. At most `limits.firmware_size` bytes are taken; more are a 413 and nothing of them remains.
#[utoipa::path(post, path = "/firmware", tag = "firmware", params(UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file."),
    responses((status = 201, description = "As it is stored.", body = FirmwareView)))]
pub(super) async fn upload(State(app): State<App>, who: Caller, mut params: Params, request: Request) -> Result<Response, Problem> {
    let upload = UploadQuery { name: params.text("name").unwrap_or_default(), pack: params.text("pack") };
    let upload = params.finish(upload)?;
    let bytes = pieces(request.into_body()).map_err(|stopped| Error::invalid("", stopped.to_string()));
    let added = firmware::add(&app, who, &upload.name, upload.pack.as_deref(), bytes).await;
    let firmware = added.map_err(|error| match error {
        Error::Full(_) => Problem::too_large(app.config.limits.firmware_size),
        error => Problem::from(error),
    })?;
    Ok(created(&format!("/api/v1/firmware/{}", firmware.id), Json(view(firmware))))
}

/// One firmware file
#[utoipa::path(get, path = "/firmware/{firmware}", tag = "firmware", params(("firmware" = String, Path, description = "Id or name.")),
    responses((status = 200, description = "The file's description.", body = FirmwareView)))]
pub(super) async fn read(State(app): State<App>, Key(firmware): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    Ok(Json(view(firmware::read(&app, &firmware)?)))
}

/// Delete a firmware file
#[utoipa::path(delete, path = "/firmware/{firmware}", tag = "firmware", params(("firmware" = String, Path, description = "Id or name.")),
    responses((status = 204, description = "It is gone.")))]
pub(super) async fn delete(State(app): State<App>, who: Caller, Key(firmware): Key<String>, _: NoParams) -> Result<StatusCode, Problem> {
    firmware::delete(&app, who, &firmware).await?;
    Ok(StatusCode::NO_CONTENT)
}
