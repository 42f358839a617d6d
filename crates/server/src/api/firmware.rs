//! `/api/v1/firmware`

use axum::{
    Json,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt;
use offhook_core::{Error, firmware::Firmware};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    body::{Document, pieces},
    etag::created,
    jobs::{self, JobView},
    listing::{List, Paging, sort},
    params::{Key, NoParams, Params},
    problem::Problem,
};
use crate::app::{
    Caller,
    firmware::{
        self, FirmwareFilter, SORTS,
        assignment::{self, Assignment, AssignmentFilter},
        catalogue::{self, CatalogueFilter, Offered},
    },
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
#[utoipa::path(get, path = "/firmware", tag = "firmware", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, FirmwareQuery),
    responses((status = 200, description = "One page.", body = List<FirmwareView>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let (sort, descending) = sort(&mut params, SORTS);
    let filter = FirmwareFilter { pack: params.text("pack"), q: params.text("q") };
    let filter = params.finish(filter)?;
    Ok(Json(List::of(firmware::list(&app, &filter, &paging.part(sort, descending))?, view)))
}

/// Upload firmware
///
/// The body is the file itself. At most `limits.firmware_size` bytes are taken; more are a 413 and nothing of them remains.
#[utoipa::path(post, path = "/firmware", tag = "firmware", security(("token" = ["admin"])), params(UploadQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file."),
    responses((status = 201, description = "As it is stored.", body = FirmwareView)))]
pub(super) async fn upload(By(app): By, who: Caller, mut params: Params, request: Request) -> Result<Response, Problem> {
    let upload = UploadQuery { name: params.text("name").unwrap_or_default(), pack: params.text("pack") };
    let upload = params.finish(upload)?;
    let bytes = pieces(request.into_body()).map_err(|stopped| Error::invalid("", stopped.to_string()));
    let added = firmware::add(&app, &who, &upload.name, upload.pack.as_deref(), bytes).await;
    let firmware = added.map_err(|error| match error {
        Error::Full(_) => Problem::too_large(app.config.limits.firmware_size),
        error => Problem::from(error),
    })?;
    Ok(created(&format!("/api/v1/firmware/{}", firmware.id), Json(view(firmware))))
}

/// One firmware file
#[utoipa::path(get, path = "/firmware/{firmware}", tag = "firmware", security(("token" = ["admin", "operator", "installer", "read-only"])), params(("firmware" = String, Path, description = "Id or name.")),
    responses((status = 200, description = "The file's description.", body = FirmwareView)))]
pub(super) async fn read(By(app): By, Key(firmware): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    Ok(Json(view(firmware::read(&app, &firmware)?)))
}

/// Delete a firmware file
#[utoipa::path(delete, path = "/firmware/{firmware}", tag = "firmware", security(("token" = ["admin"])), params(("firmware" = String, Path, description = "Id or name.")),
    responses((status = 204, description = "It is gone.")))]
pub(super) async fn delete(By(app): By, who: Caller, Key(firmware): Key<String>, _: NoParams) -> Result<StatusCode, Problem> {
    firmware::delete(&app, &who, &firmware).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What packs and the index list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CatalogueQuery {
    /// Of this pack.
    pub pack: Option<String>,
    /// For this model, in any spelling.
    pub model: Option<String>,
    /// Read the index first; without it, an index that was read in the last ten minutes counts.
    #[param(value_type = Option<bool>)]
    pub refresh: bool,
}

/// Firmware that can be fetched.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfferedView {
    /// The pack it is for.
    pub pack: String,
    /// Who lists it: `pack` or `index`.
    #[schema(pattern = "^(pack|index)$")]
    pub source: String,
    /// What `provisioning.firmware.version` takes.
    pub version: String,
    /// Only for these; empty: all.
    pub models: Vec<String>,
    /// For people.
    pub title: String,
    /// Where it comes from.
    pub url: String,
    /// Bytes of the download.
    pub size: u64,
    /// SHA-256 of the download.
    pub sha256: String,
    /// Names of the files that are stored at the end.
    pub files: Vec<String>,
    /// All of them are stored.
    pub stored: bool,
    /// Those that are not.
    pub missing: Vec<String>,
}

fn offered(offered: Offered) -> OfferedView {
    let Offered { entry, source, missing } = offered;
    OfferedView {
        pack: entry.pack,
        source: source.to_owned(),
        version: entry.version,
        models: entry.models,
        title: entry.title,
        url: entry.url,
        size: entry.size,
        sha256: entry.sha256,
        files: entry.files,
        stored: missing.is_empty(),
        missing,
    }
}

/// List firmware that can be fetched
///
/// What the packs list and what the signed index lists for packs that are there. An index that cannot be read, or whose signature is not
/// that of the pinned key, is left out here and told with `refresh`.
#[utoipa::path(get, path = "/firmware/catalogue", tag = "firmware", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, CatalogueQuery),
    responses((status = 200, description = "One page, by pack and version.", body = List<OfferedView>)))]
pub(super) async fn catalogue(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let filter = CatalogueFilter { pack: params.text("pack"), model: params.text("model"), refresh: params.flag("refresh") };
    let filter = params.finish(filter)?;
    Ok(Json(List::of(catalogue::catalogue(&app, &filter, &paging.part("pack", false)).await?, offered)))
}

/// What is to be fetched.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"pack": "acme", "version": "1.2.3"}))]
#[allow(dead_code)]
pub struct FetchRequest {
    /// The pack that lists it.
    pub pack: String,
    /// The version, as the catalogue spells it.
    pub version: String,
    /// Where a version is listed for several groups of models: one of its models.
    pub model: Option<String>,
}

/// Fetch firmware from where the catalogue says
///
/// A job: the download is compared with the size and the SHA-256 of the catalogue and unpacked; then all of its files are stored, or none. A file that
/// is stored already with the same bytes stays.
#[utoipa::path(post, path = "/firmware:fetch", tag = "firmware", security(("token" = ["admin"])), request_body = FetchRequest,
    responses((status = 202, description = "The job.", body = JobView)))]
pub(super) async fn fetch(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<Response, Problem> {
    Ok(jobs::accepted(catalogue::fetch(&app, &who, document).await?))
}

/// What an archive is for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UnpackQuery {
    /// Only files that phones of this pack ask for; left out: of any pack.
    pub pack: Option<String>,
}

/// What came out of an archive.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnpackedView {
    /// What is stored.
    pub items: Vec<FirmwareView>,
    /// What no pack knows as firmware.
    pub skipped: Vec<String>,
}

/// Upload an archive of firmware
///
/// The body is a zip, tar or tar.gz. Those of its files that phones ask for as firmware are stored under their names without folders, all or none.
#[utoipa::path(post, path = "/firmware:unpack", tag = "firmware", security(("token" = ["admin"])), params(UnpackQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The archive."),
    responses((status = 200, description = "What was stored and what was not.", body = UnpackedView)))]
pub(super) async fn unpack(By(app): By, who: Caller, mut params: Params, request: Request) -> Result<impl IntoResponse, Problem> {
    let pack = params.text("pack");
    let pack = params.finish(pack)?;
    let bytes = pieces(request.into_body()).map_err(|stopped| Error::invalid("", stopped.to_string()));
    let unpacked = catalogue::add_archive(&app, &who, pack.as_deref(), bytes).await.map_err(|error| match error {
        Error::Full(_) => Problem::too_large(app.config.limits.firmware_size),
        error => Problem::from(error),
    })?;
    Ok(Json(UnpackedView { items: unpacked.stored.into_iter().map(view).collect(), skipped: unpacked.skipped }))
}

/// A layer that names a firmware version.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssignmentView {
    /// `profile`, `tenant` or `site`; `tenant, enforced` and `site, enforced`.
    pub layer: String,
    /// The profile, when it is one.
    pub profile: Option<String>,
    /// The tenant it is for; null: every one.
    pub tenant: Option<String>,
    /// The pack it matches; null: whoever has the layer.
    pub pack: Option<String>,
    /// The model it matches; null: any.
    pub model: Option<String>,
    /// The version.
    pub version: String,
    /// `never`, `upgrade`, `exact` or `ask`; null: the layer does not say.
    pub policy: Option<String>,
    /// The stored files that it needs.
    pub files: Vec<String>,
    /// Those that are not stored: until they are, it is offered to nobody.
    pub missing: Vec<String>,
}

fn assignment_view(a: Assignment) -> AssignmentView {
    let Assignment { layer, profile, tenant, pack, model, version, policy, files, missing } = a;
    AssignmentView { layer, profile, tenant, pack, model, version, policy, files, missing }
}

/// Several assignments.
#[derive(Debug, Serialize, ToSchema)]
pub struct AssignedView {
    /// As they are now.
    pub items: Vec<AssignmentView>,
}

/// Which assignments.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AssignmentQuery {
    /// For this pack.
    pub pack: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
}

/// List which firmware is for whom
///
/// Every profile, tenant and the site that names a version. A device's own settings are not among them.
#[utoipa::path(get, path = "/firmware/assignments", tag = "firmware", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, AssignmentQuery),
    responses((status = 200, description = "One page.", body = List<AssignmentView>)))]
pub(super) async fn assignments(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let filter = AssignmentFilter { pack: params.text("pack"), tenant: params.text("tenant") };
    let filter = params.finish(filter)?;
    Ok(Json(List::of(assignment::list(&app, &filter, &paging.part("layer", false))?, assignment_view)))
}

/// What is assigned.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"version": "1.2.3", "policy": "upgrade", "pack": "acme", "models": ["X1"]}))]
#[allow(dead_code)]
pub struct AssignRequest {
    /// The version.
    pub version: String,
    /// `never`, `upgrade`, `exact` or `ask`; left out: a profile keeps what it has.
    pub policy: Option<String>,
    /// For phones of this pack.
    pub pack: Option<String>,
    /// Only these models of it.
    #[schema(default = json!([]))]
    pub models: Option<Vec<String>>,
    /// Only phones of this tenant.
    pub tenant: Option<String>,
    /// Instead of `pack`: for whoever has this profile.
    pub profile: Option<String>,
}

/// Assign firmware
///
/// Makes a profile that matches pack and model (`firmware-<pack>[-<model>]`), or patches it or the profile that is named: it sets
/// `provisioning.firmware.version` and `.policy`.
#[utoipa::path(post, path = "/firmware:assign", tag = "firmware", security(("token" = ["admin", "operator"])), request_body = AssignRequest,
    responses((status = 200, description = "What is assigned now.", body = AssignedView)))]
pub(super) async fn assign(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<impl IntoResponse, Problem> {
    let items = assignment::assign(&app, &who, document).await?;
    Ok(Json(AssignedView { items: items.into_iter().map(assignment_view).collect() }))
}

/// What is taken back.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"pack": "acme", "models": ["X1"]}))]
#[allow(dead_code)]
pub struct UnassignRequest {
    /// From phones of this pack.
    pub pack: Option<String>,
    /// Only from these models of it.
    #[schema(default = json!([]))]
    pub models: Option<Vec<String>>,
    /// Only from phones of this tenant.
    pub tenant: Option<String>,
    /// Instead of `pack`: from this profile.
    pub profile: Option<String>,
}

/// The profiles that were changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnassignedView {
    /// Their names. Those that stood for nothing else are gone.
    pub profiles: Vec<String>,
}

/// Take an assignment back
#[utoipa::path(post, path = "/firmware:unassign", tag = "firmware", security(("token" = ["admin", "operator"])), request_body = UnassignRequest,
    responses((status = 200, description = "The profiles that were changed.", body = UnassignedView)))]
pub(super) async fn unassign(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<impl IntoResponse, Problem> {
    Ok(Json(UnassignedView { profiles: assignment::unassign(&app, &who, document).await? }))
}
