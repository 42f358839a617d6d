//! `/api/v1/templates`: the templates of packs and the overrides over them.

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use offhook_core::{Error, template::TemplateOverride};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    body::Document,
    etag::{IfMatch, Revision, Tagged},
    listing::{List, Paging, sort},
    params::{Key, NoParams, Params},
    problem::Problem,
};
use crate::app::{
    Caller,
    templates::{self, Checked, Copied, Copying, Layer, Named, Refused, SORTS, Saved, Shown, TemplateFilter},
};

/// A template of a pack, or an override.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateView {
    /// `pack` for a pack's own, `site` or `tenant:NAME` for an override.
    #[schema(example = "site")]
    pub scope: String,
    /// Id of the pack, without version: an override holds for all its versions.
    #[schema(example = "acme")]
    pub pack: String,
    /// Unique with scope and pack, letter case ignored: a template of the pack, `<model>.tpl`, or a file as phones ask for it with `.tpl`.
    #[schema(example = "base.tpl")]
    pub name: String,
    /// Its id; null for a pack's own.
    #[schema(format = "uuid")]
    pub id: Option<String>,
    /// What it stands in the place of: `site`, `pack`, or null for a name that neither has.
    pub replaces: Option<String>,
    /// Version of the pack that an override was made for.
    pub base_version: Option<String>,
    /// Version of the pack that is in use; null: the pack is not installed.
    pub pack_version: Option<String>,
    /// The pack's own text of that name is another than the one that the override was made for.
    pub stale: bool,
    /// The model whose files it makes, where the name is a model's.
    pub model: Option<String>,
    /// The devices whose file it makes, where the name is a file's.
    pub devices: Vec<NamedDeviceView>,
    /// Characters of the text.
    pub size: usize,
    /// Who wrote it last: the label of the token.
    pub author: Option<String>,
    /// Grows by one with each change; the ETag. Null for a pack's own.
    pub revision: Option<u64>,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: Option<String>,
    /// When it was last changed.
    #[schema(format = "date-time")]
    pub updated_at: Option<String>,
}

/// A template with its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateSourceView {
    /// What it is.
    #[serde(flatten)]
    pub template: TemplateView,
    /// The text.
    pub source: String,
    /// An override beside the pack's text; null when the pack has none of that name.
    pub report: Option<TemplateReportView>,
}

/// An override beside the pack's text that it was made for and the one of today.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateReportView {
    /// Version of the pack that the override was made for.
    pub base_version: Option<String>,
    /// What the override changes of that, as a unified diff.
    pub override_diff: String,
    /// What the pack changed since, as a unified diff.
    pub pack_diff: String,
    /// Both changes in one text. To accept it, save it with `base_version` the pack's version of today.
    pub merged: String,
    /// The override builds on the pack's text of its own name (`{% extends "@pack/NAME" %}`), so that it has in it what the pack changes.
    pub extends: bool,
    /// No line was changed by both. Else such lines stand between `<<<<<<<` and `>>>>>>>` in the merged text.
    pub clean: bool,
}

/// A device that is named by a template, a fault or a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamedDeviceView {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// Its MAC address.
    pub mac: Option<String>,
    /// For people.
    pub label: String,
}

/// A template that fails, and for whom.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateFaultView {
    /// Id of the pack.
    pub pack: String,
    /// The template, with its layer when that is not the pack.
    pub template: String,
    /// From 1; 0 when unknown.
    pub line: usize,
    /// What stands there.
    pub snippet: String,
    /// What is wrong.
    pub message: String,
    /// The first ten devices whose file it is.
    pub devices: Vec<NamedDeviceView>,
    /// How many devices there are.
    pub count: usize,
    /// The first ten models whose sample settings it fails with.
    pub models: Vec<String>,
    /// How many models there are.
    pub model_count: usize,
}

/// One change, as several devices get it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateChangeView {
    /// Id of the pack.
    pub pack: String,
    /// The file, by its name in the pack.
    pub file: String,
    /// Unified, of the first device, secrets masked.
    pub diff: String,
    /// The first ten devices that get it.
    pub devices: Vec<NamedDeviceView>,
    /// How many devices there are.
    pub count: usize,
}

/// What changed templates would do. Devices are rendered before and after: up to 2,000 of each model and at least one of every
/// combination of layers, for 20 seconds at most; models with sample settings for as long again. What was left out is told.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateCheckView {
    /// Nothing fails by it: it may be saved.
    pub ok: bool,
    /// What would fail by it.
    pub faults: Vec<TemplateFaultView>,
    /// What fails already, and not by it.
    pub standing: Vec<TemplateFaultView>,
    /// What phones would get, by distinct change, the most common first.
    pub changes: Vec<TemplateChangeView>,
    /// Distinct changes that are not shown.
    pub more_changes: usize,
    /// Devices whose files may be made of these templates.
    pub touched: usize,
    /// Those that were rendered.
    pub rendered: usize,
    /// Those that were not.
    pub not_rendered: usize,
    /// Those that would get something else.
    pub changed: usize,
    /// Models that were rendered with sample settings.
    pub models: usize,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// What may be written of an override.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"source": "{% extends \"@pack/base.tpl\" %}\n"}))]
pub struct TemplateWrite {
    /// The text. It stands in the place of the pack's, or extends it as `@pack/NAME`.
    pub source: String,
    /// Version of the pack that the text is made for: that of today, or the stored one. Left out, the stored one stays, and a new
    /// override is made for today's.
    pub base_version: Option<String>,
}

/// One override as it is to be.
#[derive(Debug, ToSchema)]
pub struct TemplateChangeWrite {
    /// `site` or `tenant:NAME`.
    pub scope: String,
    /// Id of the pack.
    pub pack: String,
    /// Name of the template.
    pub name: String,
    /// The text; null deletes the override.
    #[schema(required)]
    pub source: Option<String>,
    /// The revision that was read: another one is a 412. 0: there must be none yet.
    pub revision: Option<u64>,
    /// As for a single one.
    pub base_version: Option<String>,
}

/// Changes that belong together.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"changes": [{"scope": "site", "pack": "acme", "name": "base.tpl", "source": "{% extends \"@pack/base.tpl\" %}\n"}]}))]
pub struct TemplateChanges {
    /// 1 to 1000.
    pub changes: Vec<TemplateChangeWrite>,
    /// Do not mask secrets in what phones would get; of a check alone. It needs the role admin or operator.
    pub reveal: Option<bool>,
}

/// An override that was saved, and what it does.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateSavedAnswer {
    /// As it is stored.
    #[serde(flatten)]
    pub template: TemplateSourceView,
    /// What it does to phones.
    pub check: TemplateCheckView,
}

/// One of several changes that were made.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateAppliedView {
    /// For whom.
    pub scope: String,
    /// Id of the pack.
    pub pack: String,
    /// Name of the template.
    pub name: String,
    /// Its revision now; null: it is deleted.
    pub revision: Option<u64>,
}

/// Changes that were made.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplatesAppliedAnswer {
    /// In the order they were sent.
    pub items: Vec<TemplateAppliedView>,
    /// What they do to phones.
    pub check: TemplateCheckView,
}

/// One end of a copy.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateCopyEnd {
    /// Id of the pack.
    pub pack: String,
    /// `site` or `tenant:NAME`; at the beginning also `pack`, for its own templates. Left out: all overrides, each for whom it is now.
    pub scope: Option<String>,
}

/// What is copied where.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"from": {"pack": "acme"}, "to": {"pack": "acme-2"}, "names": ["base.tpl"]}))]
pub struct TemplateCopyWrite {
    /// Where they are.
    pub from: TemplateCopyEnd,
    /// Where they come.
    pub to: TemplateCopyEnd,
    /// Only these; left out: all.
    pub names: Option<Vec<String>>,
    /// In the place of those that are there and differ, which is a 409 else.
    pub overwrite: Option<bool>,
    /// Only tell what would be done.
    pub dry_run: Option<bool>,
}

/// One template of a copy.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateCopiedView {
    /// Where it comes from.
    pub from: TemplateCopyEnd,
    /// For whom it is.
    pub scope: String,
    /// Id of the pack that gets it.
    pub pack: String,
    /// Its name.
    pub name: String,
    /// `copied`, `same` (the text is there already) or `conflict` (another text is there).
    pub outcome: String,
}

/// What became of a copy.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplatesCopiedAnswer {
    /// Each template.
    pub items: Vec<TemplateCopiedView>,
    /// What it does to phones; null when nothing is copied.
    pub check: Option<TemplateCheckView>,
}

/// Which templates.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TemplateQuery {
    /// The order: `name`, `pack` or `updated_at`; `-` before it for the greatest first.
    #[param(pattern = "^-?(name|pack|updated_at)$")]
    pub sort: Option<String>,
    /// Of this pack.
    pub pack: Option<String>,
    /// `pack`, `site`, `tenant:NAME`, or `overrides` for those of all scopes.
    pub scope: Option<String>,
    /// Only overrides under which the pack changed.
    pub stale: Option<bool>,
    /// Text that stands in the name, letter case ignored.
    pub q: Option<String>,
}

/// Only when there is none yet.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct NoneYet {
    /// `*`: an override that is there already is a 409.
    #[param(rename = "If-None-Match", pattern = "^\\*$")]
    pub if_none_match: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for NoneYet {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = |headers: &HeaderMap| headers.get(header::IF_NONE_MATCH).map(|v| v.to_str().unwrap_or_default().trim().to_owned());
        match value(&parts.headers) {
            Some(other) if other != "*" => Err(Problem::malformed("If-None-Match must be *")),
            if_none_match => Ok(Self { if_none_match }),
        }
    }
}

fn view(shown: &Shown) -> TemplateView {
    let stored = shown.stored.as_deref();
    let of = |get: fn(&TemplateOverride) -> String| stored.map(get);
    TemplateView {
        scope: shown.layer.to_string(),
        pack: shown.pack.clone(),
        name: shown.name.clone(),
        id: of(|o| o.id.to_string()),
        replaces: shown.replaces.map(str::to_owned),
        base_version: stored.and_then(|o| o.base_version.clone()),
        pack_version: shown.pack_version.clone(),
        stale: shown.stale(),
        model: shown.model.clone(),
        devices: devices(&shown.devices),
        size: shown.source.chars().count(),
        author: of(|o| o.author.clone()),
        revision: stored.map(|o| o.revision),
        created_at: of(|o| o.created_at.to_string()),
        updated_at: of(|o| o.updated_at.to_string()),
    }
}

fn source_view(shown: &Shown) -> TemplateSourceView {
    let report = templates::report(shown).map(|r| TemplateReportView {
        base_version: shown.stored.as_ref().and_then(|o| o.base_version.clone()),
        override_diff: r.override_diff,
        pack_diff: r.pack_diff,
        merged: r.merged,
        clean: r.clean,
        extends: r.extends,
    });
    TemplateSourceView { template: view(shown), source: shown.source.clone(), report }
}

fn devices(named: &[Named]) -> Vec<NamedDeviceView> {
    let view = |n: &Named| NamedDeviceView { id: n.id.to_string(), mac: n.mac.map(|m| m.to_string()), label: n.label.clone() };
    named.iter().map(view).collect()
}

/// What a check saw, as it is shown.
fn check_view(checked: Checked) -> TemplateCheckView {
    let fault = |f: &templates::Fault| TemplateFaultView {
        pack: f.pack.clone(),
        template: f.fault.template.clone(),
        line: f.fault.line,
        snippet: f.fault.snippet.clone(),
        message: f.fault.message.clone(),
        devices: devices(&f.devices),
        count: f.count,
        models: first_models(f).to_vec(),
        model_count: f.models.len(),
    };
    let change = |c: templates::Changed| TemplateChangeView {
        pack: c.pack,
        file: c.file,
        diff: c.diff,
        devices: devices(&c.devices),
        count: c.count,
    };
    TemplateCheckView {
        ok: checked.ok(),
        faults: checked.faults.iter().map(fault).collect(),
        standing: checked.standing.iter().map(fault).collect(),
        changes: checked.changes.into_iter().map(change).collect(),
        more_changes: checked.more_changes,
        touched: checked.touched,
        rendered: checked.rendered,
        not_rendered: checked.touched.saturating_sub(checked.rendered),
        changed: checked.changed,
        models: checked.models,
        notes: checked.notes,
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Error(error) => error.into(),
            Refused::Check(checked) => {
                let faults = checked.faults.iter().map(fault_text).collect();
                Self { check: Some(Box::new(check_view(*checked))), ..Error::Invalid(faults).into() }
            }
        }
    }
}

/// So many models of a fault are named.
const MODELS_NAMED: usize = 10;

fn first_models(fault: &templates::Fault) -> &[String] {
    fault.models.get(..MODELS_NAMED).unwrap_or(&fault.models)
}

/// `model T1`, `17 models: T1, T2 …`
fn models(fault: &templates::Fault) -> String {
    let named = first_models(fault).join(", ");
    match fault.models.len() {
        1 => format!("model {named}"),
        n if n > MODELS_NAMED => format!("{n} models: {named} …"),
        n => format!("{n} models: {named}"),
    }
}

/// A fault in one line: where, what is wrong, what stands there, and whom it concerns.
fn fault_text(fault: &templates::Fault) -> offhook_core::Fault {
    let place = &fault.fault;
    let field = if place.line > 0 { format!("{}:{}", place.template, place.line) } else { place.template.clone() };
    let snippet = if place.snippet.is_empty() { String::new() } else { format!(": {}", place.snippet) };
    let names: Vec<String> = fault.devices.iter().map(|d| d.mac.map_or_else(|| d.id.to_string(), |m| m.to_string())).collect();
    let more = if fault.count > names.len() { " …" } else { "" };
    let whom = match fault.count {
        0 if fault.models.is_empty() => "no device yet: nothing is made of it".to_owned(),
        0 => format!("no device yet; {}", models(fault)),
        1 => format!("device {}", names.join(", ")),
        n => format!("{n} devices: {}{more}", names.join(", ")),
    };
    offhook_core::Fault::new(field, format!("{}{snippet} ({whom})", place.message))
}

fn layer(scope: &str) -> Result<Layer, Problem> {
    let layer = Layer::parse(scope);
    layer.ok_or_else(|| Error::invalid("scope", format!("{scope:?} is not pack, site or tenant:NAME")).into())
}

/// List templates
///
/// Those of packs and overrides, without their text.
#[utoipa::path(get, path = "/templates", tag = "templates", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, TemplateQuery),
    responses((status = 200, description = "One page.", body = List<TemplateView>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let (sort, descending) = sort(&mut params, SORTS);
    let scope = params.read("scope", "pack, site, tenant:NAME or overrides", |text| {
        if text == "overrides" { Some(None) } else { Layer::parse(text).map(Some) }
    });
    let filter = TemplateFilter {
        pack: params.text("pack"),
        overrides: matches!(scope, Some(None)),
        layer: scope.flatten(),
        stale: params.flag("stale"),
        q: params.text("q"),
    };
    let filter = params.finish(filter)?;
    let listed = templates::list(&app, &filter, &paging.part(sort, descending)).await?;
    Ok(Json(List::of(listed, |s| view(&s))))
}

/// One template
///
/// With its text, and, for an override, what it changes, what the pack changed since it was made, and both merged.
#[utoipa::path(get, path = "/templates/{scope}/{pack}/{*name}", tag = "templates", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("scope" = String, Path, description = "`pack`, `site` or `tenant:NAME`."), ("pack" = String, Path, description = "Id of the pack."), ("name" = String, Path, description = "Name of the template.")),
    responses((status = 200, description = "The template.", body = TemplateSourceView)))]
pub(super) async fn read(By(app): By, Key((scope, pack, name)): Key<(String, String, String)>, _: NoParams) -> Result<Response, Problem> {
    let shown = templates::read(&app, &layer(&scope)?, &pack, &name).await?;
    let body = source_view(&shown);
    Ok(match body.template.revision {
        Some(revision) => Tagged(StatusCode::OK, revision, body).into_response(),
        None => Json(body).into_response(),
    })
}

/// Save an override
///
/// It is made, or put in the place of the one that is there, when everything that it touches still renders; else the answer is a 422 that
/// names template, line and devices, and nothing is saved.
#[utoipa::path(put, path = "/templates/{scope}/{pack}/{*name}", tag = "templates", security(("token" = ["admin", "operator"])), request_body = TemplateWrite,
    params(("scope" = String, Path, description = "`site` or `tenant:NAME`."), ("pack" = String, Path, description = "Id of the pack."), ("name" = String, Path, description = "Name of the template."), Revision, NoneYet),
    responses((status = 200, description = "As it is now.", body = TemplateSavedAnswer), (status = 201, description = "As it was made.", body = TemplateSavedAnswer)))]
pub(super) async fn replace(
    By(app): By,
    who: Caller,
    Key((scope, pack, name)): Key<(String, String, String)>,
    IfMatch(if_match): IfMatch,
    none_yet: NoneYet,
    _: NoParams,
    Document(document): Document,
) -> Result<Response, Problem> {
    who.may_write()?;
    let revision = if none_yet.if_none_match.is_some() { Some(0) } else { if_match };
    let Saved { items, check } = templates::put(&app, &who, &layer(&scope)?, &pack, &name, revision, document).await?;
    let shown = items.into_iter().next().and_then(|(_, shown)| shown);
    let shown = shown.ok_or_else(|| Error::Internal("a saved template is not there".to_owned()))?;
    let body = TemplateSavedAnswer { template: source_view(&shown), check: check_view(check) };
    let revision = body.template.template.revision.unwrap_or(1);
    let status = if revision == 1 { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Tagged(status, revision, body).into_response())
}

/// Delete an override
///
/// Phones get what it stood in the place of. It is refused with a 422 when something would not render any more.
#[utoipa::path(delete, path = "/templates/{scope}/{pack}/{*name}", tag = "templates", security(("token" = ["admin", "operator"])),
    params(("scope" = String, Path, description = "`site` or `tenant:NAME`."), ("pack" = String, Path, description = "Id of the pack."), ("name" = String, Path, description = "Name of the template."), Revision),
    responses((status = 204, description = "It is gone.")))]
pub(super) async fn delete(
    By(app): By,
    who: Caller,
    Key((scope, pack, name)): Key<(String, String, String)>,
    IfMatch(if_match): IfMatch,
    _: NoParams,
) -> Result<StatusCode, Problem> {
    who.may_write()?;
    templates::delete(&app, &who, &layer(&scope)?, &pack, &name, if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell what changed overrides would do
///
/// Nothing is saved. It needs the right to write all the same: a template is a program that runs here.
#[utoipa::path(post, path = "/templates:check", tag = "templates", security(("token" = ["admin", "operator"])), request_body = TemplateChanges,
    responses((status = 200, description = "What it would do.", body = TemplateCheckView)))]
pub(super) async fn check(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<impl IntoResponse, Problem> {
    who.may_write()?;
    let (changes, reveal) = templates::read_changes(document)?;
    Ok(Json(check_view(templates::check(&app, &who, changes, reveal).await?)))
}

/// Save and delete several overrides
///
/// All or none, checked together.
#[utoipa::path(post, path = "/templates:apply", tag = "templates", security(("token" = ["admin", "operator"])), request_body = TemplateChanges,
    responses((status = 200, description = "All are made.", body = TemplatesAppliedAnswer)))]
pub(super) async fn apply(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<impl IntoResponse, Problem> {
    who.may_write()?;
    let (changes, _) = templates::read_changes(document)?;
    let Saved { items, check } = templates::apply(&app, &who, changes).await?;
    let item = |(change, shown): (templates::Change, Option<Shown>)| TemplateAppliedView {
        scope: change.scope.to_string(),
        pack: change.pack,
        name: change.name,
        revision: shown.and_then(|s| s.stored.map(|o| o.revision)),
    };
    Ok(Json(TemplatesAppliedAnswer { items: items.into_iter().map(item).collect(), check: check_view(check) }))
}

/// Copy overrides to another pack or scope
///
/// All or none, checked together. What they were made for comes along, so that each copy's report tells how the packs differ.
#[utoipa::path(post, path = "/templates:copy", tag = "templates", security(("token" = ["admin", "operator"])), request_body = TemplateCopyWrite,
    responses((status = 200, description = "What became of each.", body = TemplatesCopiedAnswer)))]
pub(super) async fn copy(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<impl IntoResponse, Problem> {
    who.may_write()?;
    let copying = Copying::read(document)?;
    let (from, to) = (copying.from.clone(), copying.to.clone());
    let (items, check) = templates::copy(&app, &who, copying).await?;
    let item = |c: Copied| TemplateCopiedView {
        from: TemplateCopyEnd { pack: from.clone(), scope: Some(c.from.to_string()) },
        scope: c.to.to_string(),
        pack: to.clone(),
        name: c.name,
        outcome: c.outcome.as_str().to_owned(),
    };
    Ok(Json(TemplatesCopiedAnswer { items: items.into_iter().map(item).collect(), check: check.map(check_view) }))
}
