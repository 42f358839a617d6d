//! `/api/v1/devices/{device}/uploads`

use axum::{
    Json,
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use offhook_core::upload::Upload;
use serde::Serialize;
use tokio_util::io::ReaderStream;
use utoipa::ToSchema;

use super::super::{
    listing::{List, Paging},
    params::{Key, NoParams, Params},
    problem::Problem,
};
use crate::api::auth::By;
use crate::app::{Caller, devices::uploads};

/// A file that a device sent. Nothing looks into it, and no phone gets it.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadView {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// What its pack calls such files.
    pub name: String,
    /// What the phone calls it.
    pub file: String,
    /// `log`, `settings`, `contacts`, `calls` or `other`.
    #[schema(pattern = "^(log|settings|contacts|calls|other)$")]
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: String,
    /// When it came.
    #[schema(format = "date-time")]
    pub at: String,
    /// From where.
    pub ip: String,
    /// `http`, `https` or `tftp`.
    pub transport: String,
}

fn view(upload: Upload) -> UploadView {
    UploadView {
        id: upload.id.to_string(),
        name: upload.name,
        file: upload.file,
        kind: upload.kind.as_str().to_owned(),
        size: upload.size,
        sha256: upload.sha256,
        at: upload.at.to_string(),
        ip: upload.ip.to_string(),
        transport: upload.transport.to_string(),
    }
}

/// List what a device sent
#[utoipa::path(get, operation_id = "devices_uploads", path = "/devices/{device}/uploads", tag = "devices", security(("token" = ["admin", "operator", "installer", "read-only"])), params(("device" = String, Path, description = "Id or MAC address."), Paging),
    responses((status = 200, description = "One page, the newest first.", body = List<UploadView>)))]
pub(in crate::api) async fn list(By(app): By, Key(device): Key<String>, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    params.finish(())?;
    Ok(Json(List::of(uploads::list(&app, &device, &paging.part("id", true)).await?, view)))
}

/// What a device sent, itself
///
/// It may hold secrets: only an admin gets it.
#[utoipa::path(get, operation_id = "devices_upload", path = "/devices/{device}/uploads/{upload}", tag = "devices", security(("token" = ["admin", "operator"])),
    params(("device" = String, Path, description = "Id or MAC address."), ("upload" = String, Path, description = "Id, or the file's name for its newest version.")),
    responses((status = 200, description = "The bytes as they came.", body = Vec<u8>, content_type = "application/octet-stream")))]
pub(in crate::api) async fn read(
    By(app): By,
    who: Caller,
    Key((device, upload)): Key<(String, String)>,
    _: NoParams,
) -> Result<Response, Problem> {
    let (upload, file) = uploads::read(&app, &who, &device, &upload).await?;
    let mut response = Response::new(Body::from_stream(ReaderStream::new(file)));
    let headers = response.headers_mut();
    // A phone wrote it: a browser must neither show nor guess what it is.
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(upload.size));
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name: String = upload.file.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// Delete what a device sent
#[utoipa::path(delete, operation_id = "devices_upload_delete", path = "/devices/{device}/uploads/{upload}", tag = "devices", security(("token" = ["admin", "operator"])),
    params(("device" = String, Path, description = "Id or MAC address."), ("upload" = String, Path, description = "Id, or the file's name for its newest version.")),
    responses((status = 204, description = "It is gone.")))]
pub(in crate::api) async fn delete(
    By(app): By,
    who: Caller,
    Key((device, upload)): Key<(String, String)>,
    _: NoParams,
) -> Result<StatusCode, Problem> {
    uploads::delete(&app, &who, &device, &upload).await?;
    Ok(StatusCode::NO_CONTENT)
}
