//! `/api/v1/devices`

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use offhook_core::device::{State as DeviceState, Sync};

use super::{
    auth::By,
    body::Document,
    etag::{IfMatch, Revision, created},
    jobs::{JobView, accepted},
    listing::{List, Paging, sort},
    params::{Key, NoParams, Params},
    problem::Problem,
    requests::{self, RequestView},
};
use crate::app::{
    Caller,
    devices::{self, CheckedFile, DeviceFilter, DeviceSort},
};

pub mod uploads;
mod views;

pub use views::*;
use views::{file_view, notes, sync_name, tagged, view};

/// List devices
#[utoipa::path(get, path = "/devices", tag = "devices", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, DeviceQuery),
    responses((status = 200, description = "One page.", body = List<DeviceView>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let names = [DeviceSort::Created, DeviceSort::Mac, DeviceSort::Label, DeviceSort::Model, DeviceSort::LastSeen, DeviceSort::Updated];
    let (name, descending) = sort(&mut params, &names.map(DeviceSort::as_str));
    let filter = DeviceFilter {
        tenant: params.text("tenant"),
        state: params.read("state", "pending, ready or disabled", DeviceState::parse),
        vendor: params.text("vendor"),
        model: params.text("model"),
        pack: params.text("pack"),
        any_version_of: None,
        profile: params.text("profile"),
        tag: params.text("tag"),
        sync: params.read("sync", "never, current or outdated", |text| {
            [Sync::Never, Sync::Current, Sync::Outdated].into_iter().find(|s| sync_name(*s) == text)
        }),
        q: params.text("q"),
    };
    let filter = params.finish(filter)?;
    let page = paging.page(DeviceSort::parse(name).unwrap_or_default(), descending);
    let listed = devices::list(&app, &filter, &page).await?;
    Ok(Json(List::of(listed, |shown| view(&app, shown))))
}

/// Create a device
#[utoipa::path(post, path = "/devices", tag = "devices", security(("token" = ["admin", "operator"])), request_body = DeviceWrite,
    responses((status = 201, description = "As it was made.", body = DeviceView)))]
pub(super) async fn create(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<Response, Problem> {
    let shown = devices::create(&app, &who, document).await?;
    Ok(created(&format!("/api/v1/devices/{}", shown.device.id), tagged(&app, shown)))
}

/// One device
#[utoipa::path(get, path = "/devices/{device}", tag = "devices", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("device" = String, Path, description = "Id or MAC address.")),
    responses((status = 200, description = "The device.", body = DeviceView)))]
pub(super) async fn read(By(app): By, Key(device): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, devices::read(&app, &device).await?))
}

/// Replace a device
///
/// What is left out is empty afterwards; state and tenant stay.
#[utoipa::path(put, path = "/devices/{device}", tag = "devices", security(("token" = ["admin", "operator"])), request_body = DeviceWrite,
    params(("device" = String, Path, description = "Id or MAC address."), Revision),
    responses((status = 200, description = "As it is now.", body = DeviceView)))]
pub(super) async fn replace(
    By(app): By,
    who: Caller,
    Key(device): Key<String>,
    IfMatch(if_match): IfMatch,
    _: NoParams,
    Document(document): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, devices::replace(&app, &who, &device, if_match, document).await?))
}

/// Change a device
///
/// `{"state": "ready"}` approves it, after the policy's checks.
#[utoipa::path(patch, path = "/devices/{device}", tag = "devices", security(("token" = ["admin", "operator", "installer"])), request_body(content = DeviceWrite, content_type = "application/merge-patch+json"),
    params(("device" = String, Path, description = "Id or MAC address."), Revision),
    responses((status = 200, description = "As it is now.", body = DeviceView)))]
pub(super) async fn patch(
    By(app): By,
    who: Caller,
    Key(device): Key<String>,
    IfMatch(if_match): IfMatch,
    _: NoParams,
    Document(patch): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&app, devices::patch(&app, &who, &device, if_match, patch).await?))
}

/// Delete a device
#[utoipa::path(delete, path = "/devices/{device}", tag = "devices", security(("token" = ["admin", "operator"])),
    params(("device" = String, Path, description = "Id or MAC address."), Revision),
    responses((status = 204, description = "It is gone.")))]
pub(super) async fn delete(
    By(app): By,
    who: Caller,
    Key(device): Key<String>,
    IfMatch(if_match): IfMatch,
    _: NoParams,
) -> Result<StatusCode, Problem> {
    devices::delete(&app, &who, &device, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Effective settings of a device
#[utoipa::path(get, path = "/devices/{device}/settings", tag = "devices", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("device" = String, Path, description = "Id or MAC address."), Explain, Reveal),
    responses((status = 200, description = "What all layers together give.", body = EffectiveView)))]
pub(super) async fn settings(By(app): By, who: Caller, Key(device): Key<String>, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let (explain, reveal) = (params.flag("explain"), params.flag("reveal"));
    params.finish(())?;
    let explanation = devices::explain(&app, &who, &device, reveal).await?;
    let settings = devices::tree(&explanation);
    let value = |e: offhook_core::settings::Explained| ExplainedView {
        path: e.path.to_string(),
        value: e.value,
        layer: e.layer,
        account: e.account,
        overridden: e.overridden,
        address_maps: e.address_maps,
    };
    let values = explain.then(|| explanation.values.into_iter().map(value).collect());
    Ok(Json(EffectiveView { layers: explanation.layers, settings, values, notes: notes(explanation.notes) }))
}

/// Every file that a device may ask for
#[utoipa::path(get, path = "/devices/{device}/files", tag = "devices", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("device" = String, Path, description = "Id or MAC address.")),
    responses((status = 200, description = "Each file.", body = DeviceFiles)))]
pub(super) async fn files(By(app): By, Key(device): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    let files = devices::files(&app, &device).await?;
    Ok(Json(DeviceFiles { items: files.into_iter().map(file_view).collect() }))
}

/// Preview of one file of a device
///
/// The bytes as the phone would get them, with secrets masked unless `reveal=true`.
#[utoipa::path(get, path = "/devices/{device}/files/{*path}", tag = "devices", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("device" = String, Path, description = "Id or MAC address."), ("path" = String, Path, description = "As the phone asks for it, without the leading slash; slashes within may stand."), Reveal),
    responses((status = 200, description = "The file; its media type is the file's own.", body = Vec<u8>, content_type = "*/*")))]
pub(super) async fn preview(
    By(app): By,
    who: Caller,
    Key((device, path)): Key<(String, String)>,
    mut params: Params,
) -> Result<Response, Problem> {
    let reveal = params.flag("reveal");
    params.finish(())?;
    let preview = devices::preview(&app, &who, &device, &format!("/{}", path.trim_start_matches('/')), reveal).await?;
    // A file is data for phones: a browser must not run anything in it.
    let headers = [(header::CONTENT_TYPE, preview.content_type.as_ref()), (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'")];
    Ok((headers, preview.bytes).into_response())
}

/// Render all files of a device
///
/// Nothing is stored: a read-only token may ask.
#[utoipa::path(post, path = "/devices/{device}/check", tag = "devices", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("device" = String, Path, description = "Id or MAC address.")),
    responses((status = 200, description = "What each file gave.", body = CheckView)))]
pub(super) async fn check(By(app): By, Key(device): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    let checked = devices::check(&app, &device).await?;
    let file = |f: CheckedFile| CheckedFileView { file: file_view(f.file), notes: notes(f.notes), error: f.error };
    Ok(Json(CheckView {
        ok: checked.ok,
        policy: checked.policy,
        notes: notes(checked.notes),
        files: checked.files.into_iter().map(file).collect(),
    }))
}

/// Make a device read its files again
///
/// A SIP NOTIFY straight to where the phone was last seen. The job tells what it answered and what that means.
#[utoipa::path(post, path = "/devices/{device}/sync", tag = "devices", security(("token" = ["admin", "operator", "installer"])), request_body = SyncOrder,
    params(("device" = String, Path, description = "Id or MAC address.")),
    responses((status = 202, description = "The job.", body = JobView)))]
pub(super) async fn sync(
    By(app): By,
    who: Caller,
    Key(device): Key<String>,
    _: NoParams,
    Document(document): Document,
) -> Result<Response, Problem> {
    Ok(accepted(devices::sync(&app, &who, &device, document).await?))
}

/// Change many devices
///
/// Every device that fits the selector is changed, told, or deleted, in small writes, so that phones are served meanwhile. The job counts
/// `changed`, `unchanged`, `not_changed`, `deleted`, `taken` and `not_taken`; its result has the first hundred devices with what changed
/// (`changes`: path, before, after, masks for secrets) and the first hundred with faults. A dry run tells the same and changes nothing.
/// `{"all": true}` as selector is every device; an empty selector is refused.
#[utoipa::path(post, path = "/devices:bulk", tag = "devices", security(("token" = ["admin", "operator"])), request_body = BulkOrder,
    responses((status = 202, description = "The job.", body = JobView)))]
pub(super) async fn bulk(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<Response, Problem> {
    Ok(accepted(devices::bulk(&app, &who, document).await?))
}

/// Recent requests of a device, newest first
#[utoipa::path(get, path = "/devices/{device}/requests", tag = "devices", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("device" = String, Path, description = "Id or MAC address."), Paging, requests::DeviceRequestQuery),
    responses((status = 200, description = "One page.", body = List<RequestView>)))]
pub(super) async fn requests(By(app): By, Key(device): Key<String>, params: Params) -> Result<impl IntoResponse, Problem> {
    let device = devices::find(&app, &device).await?;
    requests::page(&app, params, Some(device.id)).await
}
