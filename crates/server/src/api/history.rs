//! Versions of devices, profiles, accounts, tenants, the site and template overrides, under the thing they are of; and `/api/v1/deleted`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use offhook_core::{Error, template::Scope};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    audit::{ByView, FieldChangeView},
    auth::By,
    body::Document,
    etag::{IfMatch, Revision, Tagged},
    listing::{List, Paging},
    params::{Key, NoParams, Owner, Params},
    problem::Problem,
};
use crate::app::{
    App, Caller,
    fields::Fields,
    history::{self, Deleted, DeletedFilter, Noun, Shown, Subject},
};

/// A version of a thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    /// `device`, `profile`, `account`, `tenant`, `site` or `template`.
    pub noun: String,
    /// Id of the thing; `site` for the site.
    pub id: String,
    /// What it was called: the MAC address of a device, `scope/pack/name` of a template.
    pub name: String,
    /// Its tenant then; null: it was no tenant's.
    pub tenant: Option<String>,
    /// Its revision.
    pub revision: u64,
    /// It is what is stored now.
    pub present: bool,
    /// When it was made so.
    #[schema(format = "date-time")]
    pub at: String,
    /// Who made it so; null: the server itself, or it is not known any more.
    pub by: Option<ByView>,
    /// The revision that it is compared with; null: it is compared with nothing.
    pub against: Option<u64>,
    /// What has to be done to that one to get this one. Secrets are masked on both sides.
    pub changes: Vec<FieldChangeView>,
    /// Of a template: the two texts as a unified diff.
    pub diff: Option<String>,
}

/// A version with its whole document.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionDocument {
    /// The version.
    #[serde(flatten)]
    pub version: VersionView,
    /// The thing as it was, spelled as it is written. Secrets are masked.
    #[schema(value_type = Object)]
    pub document: Value,
}

/// Something that was deleted and can be brought back.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedView {
    /// `device`, `profile`, `account`, `tenant` or `template`.
    pub noun: String,
    /// Its id.
    pub id: String,
    /// What it was called: the MAC address of a device, `scope/pack/name` of a template.
    pub name: String,
    /// Its tenant; null: it was no tenant's.
    pub tenant: Option<String>,
    /// Its last revision.
    pub revision: u64,
    /// When it was deleted.
    #[schema(format = "date-time")]
    pub at: String,
    /// By whom; null: by the server itself.
    pub by: Option<ByView>,
}

/// Which deleted things. They come as they were deleted, what went last first.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeletedQuery {
    /// `device`, `profile`, `account`, `tenant` or `template`.
    pub noun: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
}

/// What a version is compared with.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Against {
    /// The revision to compare with; left out: what is stored now.
    pub against: Option<u64>,
}

/// Which template override.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TemplatePlace {
    /// `site` or `tenant:NAME`.
    pub scope: String,
    /// Id of the pack.
    pub pack: String,
    /// Name of the template.
    pub name: String,
}

/// Which version of a template override.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TemplateRevision {
    /// Its revision.
    pub revision: u64,
}

/// The version of a template override that is to come back.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"scope": "site", "pack": "acme", "name": "base.tpl", "revision": 3}))]
pub struct TemplateRestore {
    /// `site` or `tenant:NAME`.
    pub scope: String,
    /// Id of the pack.
    pub pack: String,
    /// Name of the template.
    pub name: String,
    /// The revision; left out: the one before the present, or the last one of what was deleted.
    pub revision: Option<u64>,
}

fn view(shown: Shown) -> VersionView {
    let thing = &shown.version.thing;
    VersionView {
        noun: shown.noun().as_str().to_owned(),
        id: thing.id(),
        name: thing.name(),
        tenant: thing.tenant(),
        revision: thing.revision(),
        present: shown.version.present,
        at: thing.updated_at().to_string(),
        by: shown.version.by.as_ref().map(ByView::of),
        against: shown.against,
        changes: shown.changes.into_iter().map(FieldChangeView::from).collect(),
        diff: shown.diff,
    }
}

fn document(app: &App, shown: Shown) -> VersionDocument {
    let document = shown.version.thing.masked(app.pipeline.catalog().raw_secrets());
    VersionDocument { version: view(shown), document }
}

/// Its ETag is the revision of the version itself.
fn tagged(app: &App, shown: Shown) -> Tagged<VersionDocument> {
    Tagged(StatusCode::OK, shown.version.thing.revision(), document(app, shown))
}

async fn listed(app: &App, subject: Subject, mut params: Params) -> Result<Json<List<VersionView>>, Problem> {
    let paging = Paging::read(&mut params);
    params.finish(())?;
    let below = paging.cursor.as_deref().map(|c| c.parse().map_err(|_| Error::invalid("cursor", "this is no cursor of this list")));
    let below = below.transpose()?;
    let limit = u32::try_from(paging.limit).unwrap_or(u32::MAX);
    let (items, next) = history::list(app, &subject, below, limit).await?;
    Ok(Json(List { items: items.into_iter().map(view).collect(), next_cursor: next.map(|n| n.to_string()) }))
}

async fn one(app: &App, subject: Subject, revision: u64, mut params: Params) -> Result<Tagged<VersionDocument>, Problem> {
    let against = params.read("against", "a revision", |text| text.parse().ok());
    params.finish(())?;
    Ok(tagged(app, history::read(app, &subject, revision, against).await?))
}

/// A revision in a path: whatever is none is a version that is not there.
fn number(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Error::not_found("version", text).into())
}

async fn back(app: &App, who: &Caller, subject: Subject, revision: Option<u64>, if_match: Option<u64>) -> Result<Response, Problem> {
    let shown = history::restore(app, who, &subject, revision, if_match).await?;
    Ok(tagged(app, shown).into_response())
}

/// The three operations of a noun that is found by a key and, by its name, in a tenant.
macro_rules! versions {
    ($module:ident, $noun:expr, $tag:literal, $key:literal, $described:literal, $list:literal, $one:literal, $restore:literal,
     [$($role:literal),*]) => {
        pub(super) mod $module {
            use super::*;

            /// Versions, newest first
            ///
            /// The present one too, each with what it changed and who made it.
            #[utoipa::path(get, path = $list, tag = $tag, security(("token" = ["admin", "operator", "installer", "read-only"])),
                params(($key = String, Path, description = $described), Owner, Paging),
                responses((status = 200, description = "One page.", body = List<VersionView>)))]
            pub(crate) async fn history(By(app): By, Key(key): Key<String>, mut params: Params) -> Result<impl IntoResponse, Problem> {
                let tenant = params.text("tenant");
                listed(&app, Subject::of($noun, key, tenant), params).await
            }

            /// One version
            ///
            /// The whole document as it was, and how it differs from what is stored now, or from another version.
            #[utoipa::path(get, path = $one, tag = $tag, security(("token" = ["admin", "operator", "installer", "read-only"])),
                params(($key = String, Path, description = $described), ("revision" = u64, Path, description = "The revision."), Owner, Against),
                responses((status = 200, description = "The version.", body = VersionDocument)))]
            pub(crate) async fn version(
                By(app): By,
                Key((key, revision)): Key<(String, String)>,
                mut params: Params,
            ) -> Result<impl IntoResponse, Problem> {
                let tenant = params.text("tenant");
                one(&app, Subject::of($noun, key, tenant), number(&revision)?, params).await
            }

            /// Bring a version back
            ///
            /// As a new revision, after the checks of a replacement. What was deleted comes back under its id.
            #[utoipa::path(post, path = $restore, tag = $tag, security($(("token" = [$role])),*),
                params(($key = String, Path, description = $described), ("revision" = u64, Path, description = "The revision."), Owner, Revision),
                responses((status = 200, description = "As it is now, compared with the version that was asked for.", body = VersionDocument)))]
            pub(crate) async fn restore(
                By(app): By,
                who: Caller,
                Key((key, revision)): Key<(String, String)>,
                IfMatch(if_match): IfMatch,
                owner: Owner,
            ) -> Result<Response, Problem> {
                back(&app, &who, Subject::of($noun, key, owner.tenant), Some(number(&revision)?), if_match).await
            }
        }
    };
}

versions!(
    devices,
    Noun::Device,
    "devices",
    "device",
    "Id or MAC address, also of a deleted one.",
    "/devices/{device}/history",
    "/devices/{device}/history/{revision}",
    "/devices/{device}/history/{revision}/restore",
    ["admin", "operator"]
);
versions!(
    profiles,
    Noun::Profile,
    "profiles",
    "profile",
    "Id or name, also of a deleted one.",
    "/profiles/{profile}/history",
    "/profiles/{profile}/history/{revision}",
    "/profiles/{profile}/history/{revision}/restore",
    ["admin", "operator"]
);
versions!(
    accounts,
    Noun::Account,
    "accounts",
    "account",
    "Id or name, also of a deleted one.",
    "/accounts/{account}/history",
    "/accounts/{account}/history/{revision}",
    "/accounts/{account}/history/{revision}/restore",
    ["admin", "operator"]
);
versions!(
    tenants,
    Noun::Tenant,
    "tenants",
    "tenant",
    "Id or name, also of a deleted one.",
    "/tenants/{tenant}/history",
    "/tenants/{tenant}/history/{revision}",
    "/tenants/{tenant}/history/{revision}/restore",
    ["admin"]
);

pub(super) mod site {
    use super::*;
    use crate::app::site::FOR_ALL;

    fn subject() -> Subject {
        Subject::of(Noun::Site, "site", None)
    }

    /// Versions of the site, newest first
    ///
    /// The present one too, each with what it changed and who made it.
    #[utoipa::path(get, path = "/site/history", tag = "site", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging),
        responses((status = 200, description = "One page.", body = List<VersionView>)))]
    pub(crate) async fn history(By(app): By, who: Caller, params: Params) -> Result<impl IntoResponse, Problem> {
        who.must_be_of_all(FOR_ALL)?;
        listed(&app, subject(), params).await
    }

    /// One version of the site
    #[utoipa::path(get, path = "/site/history/{revision}", tag = "site", security(("token" = ["admin", "operator", "installer", "read-only"])),
        params(("revision" = u64, Path, description = "The revision."), Against),
        responses((status = 200, description = "The version.", body = VersionDocument)))]
    pub(crate) async fn version(
        By(app): By,
        who: Caller,
        Key(revision): Key<String>,
        params: Params,
    ) -> Result<impl IntoResponse, Problem> {
        who.must_be_of_all(FOR_ALL)?;
        one(&app, subject(), number(&revision)?, params).await
    }

    /// Bring a version of the site back
    #[utoipa::path(post, path = "/site/history/{revision}/restore", tag = "site", security(("token" = ["admin"])),
        params(("revision" = u64, Path, description = "The revision."), Revision),
        responses((status = 200, description = "As it is now, compared with the version that was asked for.", body = VersionDocument)))]
    pub(crate) async fn restore(
        By(app): By,
        who: Caller,
        Key(revision): Key<String>,
        IfMatch(if_match): IfMatch,
        _: NoParams,
    ) -> Result<Response, Problem> {
        who.must_be_of_all(FOR_ALL)?;
        back(&app, &who, subject(), Some(number(&revision)?), if_match).await
    }
}

pub(super) mod templates {
    use super::*;

    fn scope(text: &str) -> Option<Scope> {
        Scope::parse(text)
    }

    const SCOPES: &str = "site or tenant:NAME";

    /// What is missing is told when the parameters are finished.
    fn subject(params: &mut Params) -> Subject {
        let of = params.needed("scope", SCOPES);
        let of = params.read("scope", SCOPES, scope).filter(|_| !of.is_empty()).unwrap_or(Scope::Site);
        let (pack, name) = (params.needed("pack", ""), params.needed("name", ""));
        Subject::template(&of, &pack, &name)
    }

    /// Versions of a template override, newest first
    ///
    /// The present one too, each with what it changed and who made it.
    #[utoipa::path(get, path = "/templates:history", tag = "templates", security(("token" = ["admin", "operator", "installer", "read-only"])),
        params(TemplatePlace, Paging),
        responses((status = 200, description = "One page.", body = List<VersionView>)))]
    pub(crate) async fn history(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
        let subject = subject(&mut params);
        listed(&app, subject, params).await
    }

    /// One version of a template override
    #[utoipa::path(get, path = "/templates:version", tag = "templates", security(("token" = ["admin", "operator", "installer", "read-only"])),
        params(TemplatePlace, TemplateRevision, Against),
        responses((status = 200, description = "The version.", body = VersionDocument)))]
    pub(crate) async fn version(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
        let subject = subject(&mut params);
        let revision = params.needed("revision", "a revision");
        let revision = params.read("revision", "a revision", |text| text.parse().ok()).filter(|_| !revision.is_empty()).unwrap_or_default();
        one(&app, subject, revision, params).await
    }

    /// Bring a version of a template override back
    ///
    /// When everything that it touches still renders.
    #[utoipa::path(post, path = "/templates:restore", tag = "templates", security(("token" = ["admin"]), ("token" = ["operator"])),
        request_body = TemplateRestore, params(Revision),
        responses((status = 200, description = "As it is now, compared with the version that was asked for.", body = VersionDocument)))]
    pub(crate) async fn restore(
        By(app): By,
        who: Caller,
        IfMatch(if_match): IfMatch,
        _: NoParams,
        Document(document): Document,
    ) -> Result<Response, Problem> {
        let mut fields = Fields::of(document)?;
        ["scope", "pack", "name"].into_iter().for_each(|name| fields.require(name));
        let of = fields.read("scope", SCOPES, |v| v.as_str().and_then(scope));
        let (pack, name) = (fields.word("pack"), fields.word("name"));
        let revision = fields.read("revision", "a revision", Value::as_u64);
        fields.check()?;
        let subject = Subject::template(&of.unwrap_or(Scope::Site), &pack.unwrap_or_default(), &name.unwrap_or_default());
        back(&app, &who, subject, revision, if_match).await
    }
}

/// List what was deleted
///
/// What can be brought back, what went last first.
#[utoipa::path(get, path = "/deleted", tag = "history", security(("token" = ["admin", "operator", "read-only"])), params(Paging, DeletedQuery),
    responses((status = 200, description = "One page.", body = List<DeletedView>)))]
pub(super) async fn deleted(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let filter = DeletedFilter {
        noun: params.read("noun", "device, profile, account, tenant or template", Noun::parse),
        tenant: params.text("tenant"),
    };
    let filter = params.finish(filter)?;
    let view = |d: Deleted| DeletedView {
        noun: d.noun.as_str().to_owned(),
        id: d.id,
        name: d.name,
        tenant: d.tenant,
        revision: d.revision,
        at: d.at.to_string(),
        by: d.by.as_ref().map(ByView::of),
    };
    Ok(Json(List::of(history::deleted(&app, &filter, &paging.page((), true)).await?, view)))
}

/// Every operation.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(devices::history))
        .routes(routes!(devices::version))
        .routes(routes!(devices::restore))
        .routes(routes!(profiles::history))
        .routes(routes!(profiles::version))
        .routes(routes!(profiles::restore))
        .routes(routes!(accounts::history))
        .routes(routes!(accounts::version))
        .routes(routes!(accounts::restore))
        .routes(routes!(tenants::history))
        .routes(routes!(tenants::version))
        .routes(routes!(tenants::restore))
        .routes(routes!(site::history))
        .routes(routes!(site::version))
        .routes(routes!(site::restore))
        .routes(routes!(templates::history))
        .routes(routes!(templates::version))
        .routes(routes!(templates::restore))
        .routes(routes!(deleted))
}
