//! `/api/v1/packs`

use axum::{
    Json,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt;
use offhook_core::Error;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    body::pieces,
    jobs::{JobView, accepted},
    listing::{List, Paging, sort},
    params::{Key, NoParams, Params},
    problem::Problem,
};
use crate::app::{
    Caller,
    packs::{self, ARCHIVE, Offer, SORTS, Shown, Wanted},
};

/// A pack in use: what Offhook knows of one family of telephones.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackView {
    /// Its id.
    #[schema(example = "acme")]
    pub id: String,
    /// Its version. Several versions of one id may be there.
    pub version: String,
    /// For people.
    pub name: String,
    /// The family.
    pub vendor: String,
    /// `current`, or `eol`: not offered to who does not have it.
    #[schema(pattern = "^(current|eol)$")]
    pub status: String,
    /// `built-in`, `folder`, `archive` or `index`.
    pub source: String,
    /// It serves devices that are pinned to no version.
    pub serving: bool,
    /// How many models it knows.
    pub models: usize,
    /// How many devices it serves.
    pub devices: u64,
    /// How many overrides lie over its templates.
    pub overrides: usize,
    /// SHA-256 over its files.
    pub digest: String,
    /// When it was installed; null: it came with the program or lies in the folder.
    #[schema(format = "date-time")]
    pub installed_at: Option<String>,
    /// The label of the token that installed it.
    pub installed_by: Option<String>,
}

/// A pack that the index offers.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfferView {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// For people.
    pub name: String,
    /// `current` or `eol`.
    pub status: String,
    /// Bytes of the archive.
    pub size: u64,
    /// The version that serves now; null: none.
    pub present: Option<String>,
    /// It is newer than what serves.
    pub newer: bool,
}

/// A model of a pack.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelView {
    /// Its name.
    pub name: String,
    /// Other spellings.
    pub aliases: Vec<String>,
    /// Lines that may be registered.
    pub accounts: u32,
}

/// A file of a pack that phones ask for.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackFileView {
    /// Its name in the pack.
    pub name: String,
    /// What phones ask for, with placeholders; null: an expression.
    pub path: Option<String>,
    /// What it is for.
    #[schema(value_type = String)]
    pub kind: Value,
    /// It holds credentials.
    pub credentials: bool,
    /// Where its bytes come from.
    #[schema(value_type = String)]
    pub source: Value,
    /// Its absence is normal.
    pub optional: bool,
    /// Only for these models; empty: all.
    pub models: Vec<String>,
}

/// A pack that is to be installed by its name.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"id": "acme", "version": "2.1.0"}))]
pub struct PackInstall {
    /// The pack. A built-in one that was removed is used again; any other comes from the index.
    pub id: String,
    /// Its version or the beginning of it; left out: the newest.
    pub version: Option<String>,
}

/// Which packs.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PackQuery {
    /// The order: `id`; `-` before it turns it.
    #[param(pattern = "^-?id$")]
    pub sort: Option<String>,
    /// Text that stands in id, name or vendor, letter case ignored.
    pub q: Option<String>,
}

/// How to change packs.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PackChangeQuery {
    /// Also when devices would fail by it.
    #[param(value_type = Option<bool>)]
    pub force: bool,
}

fn wanted(mut params: Params) -> Result<Wanted, Problem> {
    let wanted = Wanted { force: params.flag("force"), ..Wanted::default() };
    Ok(params.finish(wanted)?)
}

fn view(shown: Shown) -> PackView {
    let pack = &shown.pack;
    PackView {
        id: pack.id().to_owned(),
        version: pack.version().to_owned(),
        name: pack.name().to_owned(),
        vendor: pack.vendor().to_owned(),
        status: packs::status(pack).to_owned(),
        source: shown.source.to_owned(),
        serving: shown.serving,
        models: pack.models().count(),
        devices: shown.devices,
        overrides: shown.overrides,
        digest: pack.digest().iter().map(|b| format!("{b:02x}")).collect(),
        installed_at: shown.installed.as_ref().map(|i| i.installed_at.to_string()),
        installed_by: shown.installed.map(|i| i.installed_by),
    }
}

fn offer(offer: Offer) -> OfferView {
    let Offer { pack, present, newer } = offer;
    OfferView { id: pack.id, version: pack.version, name: pack.name, status: pack.status, size: pack.size, present, newer }
}

/// List packs
///
/// Those in use, every version.
#[utoipa::path(get, path = "/packs", tag = "packs", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, PackQuery),
    responses((status = 200, description = "One page.", body = List<PackView>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let (sort, descending) = sort(&mut params, SORTS);
    let q = params.text("q");
    let q = params.finish(q)?;
    Ok(Json(List::of(packs::list(&app, q.as_deref(), &paging.part(sort, descending)).await?, view)))
}

/// Packs that the index offers
///
/// The index is fetched, its signature checked. Packs at the end of their life are offered only to who has them.
#[utoipa::path(get, path = "/packs/installable", tag = "packs", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("all" = Option<bool>, Query, description = "Every version, and those at the end of their life too.")),
    responses((status = 200, description = "All of them.", body = List<OfferView>)))]
pub(super) async fn installable(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let all = params.flag("all");
    let all = params.finish(all)?;
    let items = packs::offers(&app, all).await?.into_iter().map(offer).collect();
    Ok(Json(List { items, next_cursor: None }))
}

/// Install a pack
///
/// From an archive (zip, tar, tar.gz; one pack, at most 32 MiB), or by its name as a JSON document. What is wrong with an archive is a 422 with
/// file and line. Then a job looks at what would change for devices that it serves, and installs it; nothing is restarted.
#[utoipa::path(post, path = "/packs", tag = "packs", security(("token" = ["admin"])), params(PackChangeQuery),
    request_body(content((PackInstall = "application/json"), (Vec<u8> = "application/octet-stream")), description = "The archive, or its name."),
    responses((status = 202, description = "The job.", body = JobView)))]
pub(super) async fn install(By(app): By, who: Caller, params: Params, request: Request) -> Result<Response, Problem> {
    let wanted = wanted(params)?;
    who.may_write()?;
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let bytes = whole(request).await?;
    let job = if media.starts_with("application/json") {
        let document: Value = serde_json::from_slice(&bytes).map_err(|e| Problem::malformed(format!("the body is not JSON: {e}")))?;
        packs::install_named(&app, &who, &key_of(&document)?, wanted).await?
    } else {
        packs::install(&app, &who, bytes, wanted).await?
    };
    Ok(accepted(job))
}

fn key_of(document: &Value) -> Result<String, Problem> {
    let mut fields = crate::app::fields::Fields::of(document.clone())?;
    fields.require("id");
    let id = fields.word("id").unwrap_or_default();
    let version = fields.word("version");
    fields.check()?;
    Ok(version.map_or(id.clone(), |version| format!("{id}@{version}")))
}

async fn whole(request: Request) -> Result<Vec<u8>, Problem> {
    let mut body = pieces(request.into_body());
    let mut bytes = Vec::new();
    while let Some(piece) = body.try_next().await.map_err(|stopped| Error::invalid("", stopped.to_string()))? {
        if bytes.len() + piece.len() > ARCHIVE {
            return Err(Problem::too_large(ARCHIVE as u64));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// One pack
#[utoipa::path(get, path = "/packs/{pack}", tag = "packs", security(("token" = ["admin", "operator", "installer", "read-only"])), params(("pack" = String, Path, description = "`id` or `id@version`.")),
    responses((status = 200, description = "The pack.", body = PackView)))]
pub(super) async fn read(By(app): By, Key(pack): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    Ok(Json(view(packs::read(&app, &pack).await?)))
}

/// Uninstall a pack
///
/// `id` takes all its versions, `id@version` one. A built-in one is hidden until it is installed again. Overrides of its templates stay. One that
/// devices need is a 409 unless forced.
#[utoipa::path(delete, path = "/packs/{pack}", tag = "packs", security(("token" = ["admin"])),
    params(("pack" = String, Path, description = "`id` or `id@version`."), ("force" = Option<bool>, Query, description = "Also when devices need it.")),
    responses((status = 204, description = "It serves nobody any more.")))]
pub(super) async fn remove(By(app): By, who: Caller, Key(pack): Key<String>, mut params: Params) -> Result<StatusCode, Problem> {
    let force = params.flag("force");
    let force = params.finish(force)?;
    packs::remove(&app, &who, &pack, force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Upgrade a pack
///
/// To the newest version of the index, after a look at what changes for its devices.
#[utoipa::path(post, path = "/packs/{pack}/upgrade", tag = "packs", security(("token" = ["admin"])),
    params(("pack" = String, Path, description = "Its id."), PackChangeQuery),
    responses((status = 202, description = "The job.", body = JobView)))]
pub(super) async fn upgrade(By(app): By, who: Caller, Key(pack): Key<String>, params: Params) -> Result<Response, Problem> {
    let wanted = wanted(params)?;
    Ok(accepted(packs::upgrade(&app, &who, &pack, wanted).await?))
}

/// Models of a pack
#[utoipa::path(get, path = "/packs/{pack}/models", tag = "packs", security(("token" = ["admin", "operator", "installer", "read-only"])), params(("pack" = String, Path, description = "`id` or `id@version`.")),
    responses((status = 200, description = "All of them.", body = List<ModelView>)))]
pub(super) async fn models(By(app): By, Key(pack): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    let pack = packs::find(&app, &pack)?;
    let model = |m: &offhook_packs::Model| ModelView { name: m.name.clone(), aliases: m.aliases.clone(), accounts: m.accounts };
    Ok(Json(List { items: pack.models().map(model).collect(), next_cursor: None }))
}

/// Files of a pack
#[utoipa::path(get, path = "/packs/{pack}/files", tag = "packs", security(("token" = ["admin", "operator", "installer", "read-only"])), params(("pack" = String, Path, description = "`id` or `id@version`.")),
    responses((status = 200, description = "All that phones ask for.", body = List<PackFileView>)))]
pub(super) async fn files(By(app): By, Key(pack): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    let pack = packs::find(&app, &pack)?;
    let file = |f: &offhook_packs::manifest::FileSpec| PackFileView {
        name: f.name.clone(),
        path: f.path.clone(),
        kind: serde_json::to_value(f.kind).unwrap_or_default(),
        credentials: f.credentials,
        source: format!("{:?}", f.source).to_lowercase().into(),
        optional: f.optional,
        models: f.models.clone(),
    };
    Ok(Json(List { items: pack.files().iter().map(file).collect(), next_cursor: None }))
}
