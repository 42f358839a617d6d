//! `/api/v1/backup`, `/api/v1/restore`

use axum::{
    Json,
    body::Body,
    extract::Request,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    body::pieces,
    jobs::{self, JobView},
    params::{NoParams, Params},
    problem::Problem,
};
use crate::app::{
    Caller,
    backup::{self, Manifest},
};

/// What a backup is to hold.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BackupQuery {
    /// The key that secrets are sealed with too. Whoever has such a file can read every password.
    #[param(value_type = Option<bool>)]
    pub with_key: bool,
}

/// What an archive says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupView {
    /// The program that wrote it.
    #[schema(example = "offhook 0.1.0")]
    pub program: String,
    /// When.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// The newest step of its schema.
    pub schema: i64,
    /// Whether it holds its key.
    pub with_key: bool,
    /// Rows of all tables.
    pub rows: u64,
    /// Stored files.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
}

fn view(m: Manifest) -> BackupView {
    let rows = m.tables.values().map(|t| t.rows).sum();
    BackupView {
        program: m.program,
        created_at: m.created_at,
        schema: m.schema,
        with_key: m.with_key,
        rows,
        files: m.blobs,
        file_bytes: m.blob_bytes,
    }
}

/// Make a backup
///
/// One archive of everything as it is at this moment: every table and stored file; neutral of the database. It comes while it is made: an answer that
/// breaks off is no backup, and a restore knows it. Without `with_key` the secrets in it open with this server's key only.
#[utoipa::path(get, path = "/backup", tag = "backup", security(("token" = ["admin"])), params(BackupQuery),
    responses((status = 200, description = "A gzipped tar archive.", body = Vec<u8>, content_type = "application/gzip")))]
pub(super) async fn save(By(app): By, who: Caller, mut params: Params) -> Result<Response, Problem> {
    let query = BackupQuery { with_key: params.flag("with_key") };
    let query = params.finish(query)?;
    let pieces = backup::save(&app, &who, query.with_key).await?;
    let headers =
        [(header::CONTENT_TYPE, "application/gzip"), (header::CONTENT_DISPOSITION, "attachment; filename=\"offhook-backup.tar.gz\"")];
    let body = stream::unfold(pieces, |mut pieces| async move { pieces.recv().await.map(|piece| (piece, pieces)) });
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Put a backup back
///
/// The body is the archive. It is taken whole and looked at first; then a job puts all of it in the place of everything that is stored, as one write: a
/// phone gets all of before or all of the archive. Tokens are those of the archive, and the one that asked. With `dry_run=true` the archive is only
/// looked at, and what it says of itself is the answer.
#[utoipa::path(post, path = "/restore", tag = "backup", security(("token" = ["admin"])),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The archive."),
    responses(
        (status = 200, description = "On trial: what the archive says of itself.", body = BackupView),
        (status = 202, description = "The job.", body = JobView),
    ))]
pub(super) async fn restore(By(app): By, who: Caller, _: NoParams, request: Request) -> Result<Response, Problem> {
    let (manifest, job) = backup::restore(&app, &who, pieces(request.into_body())).await?;
    Ok(match job {
        Some(job) => jobs::accepted(job),
        None => Json(view(manifest)).into_response(),
    })
}
