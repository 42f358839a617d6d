//! `/api/v1/audit`

use axum::{Json, response::IntoResponse};
use offhook_core::{Id, clock::Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    listing::{List, Paging},
    params::{Key, NoParams, Params},
    problem::Problem,
};
use crate::app::audit::{self, AuditEntry, AuditFilter, FieldChange, Who};

/// One field that differs.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldChangeView {
    /// Where: `label`, `lines.1.label`, `enforced.time.zone`.
    pub path: String,
    /// What stood there; null: nothing. A mask on both sides: a secret changed.
    pub before: Value,
    /// What stands there now; null: nothing.
    pub after: Value,
}

impl From<FieldChange> for FieldChangeView {
    fn from(change: FieldChange) -> Self {
        Self { path: change.path, before: change.before, after: change.after }
    }
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub struct ByView {
    /// The token that was shown.
    #[schema(format = "uuid")]
    pub token: String,
    /// What the token is for.
    pub label: String,
    /// The address that the call came from.
    pub from: Option<String>,
}

impl ByView {
    /// As it is shown.
    pub fn of(by: &Who) -> Self {
        Self { token: by.token.to_string(), label: by.label.clone(), from: by.from.map(|ip| ip.to_string()) }
    }
}

/// One entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Its id; ids grow with time.
    #[schema(format = "uuid")]
    pub id: String,
    /// When.
    #[schema(format = "date-time")]
    pub at: String,
    /// Who.
    pub by: ByView,
    /// `create`, `update`, `delete`, `restore`; `install`, `uninstall` of packs; `sync`, `reveal`, `start`, `cancel`, `backup`.
    pub action: String,
    /// `device`, `profile`, `account`, `tenant`, `site`, `template`, `address-map`, `asset`, `phonebook`, `firmware`, `pack`, `token`,
    /// `upload`, `job` or `store` (a backup, a restore of everything).
    pub noun: String,
    /// Id of the thing; `site` for the site, the pack's id for a pack, the kind of a job.
    pub subject: String,
    /// What it was called: the MAC address of a device, `scope/pack/name` of a template.
    pub name: String,
    /// Its tenant; null: it is no tenant's.
    pub tenant: Option<String>,
    /// The revision that was made; null: the thing has none.
    pub revision: Option<u64>,
    /// What else there is to say.
    pub detail: String,
    /// What changed; long values are told by their size. Secrets are masked on both sides.
    pub changes: Vec<FieldChangeView>,
    /// How many changes more there were.
    pub more_changes: u64,
}

/// Which entries. Every field given must fit.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// About such things.
    pub noun: Option<String>,
    /// About this one: its id, the MAC address of a device, or what it was called.
    pub subject: Option<String>,
    /// Of this token, by id.
    pub token: Option<String>,
    /// About what is this tenant's.
    pub tenant: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// Not before this moment.
    #[param(format = "date-time")]
    pub since: Option<String>,
    /// Before this moment.
    #[param(format = "date-time")]
    pub until: Option<String>,
}

fn view(entry: AuditEntry) -> AuditView {
    AuditView {
        id: entry.id.to_string(),
        at: entry.at.to_string(),
        by: ByView::of(&entry.by),
        action: entry.action,
        noun: entry.noun,
        subject: entry.subject,
        name: entry.name,
        tenant: entry.tenant,
        revision: entry.revision,
        detail: entry.detail,
        changes: entry.changes.into_iter().map(FieldChangeView::from).collect(),
        more_changes: entry.more,
    }
}

/// List the audit log, newest first
#[utoipa::path(get, path = "/audit", tag = "audit", security(("token" = ["admin", "operator", "read-only"])), params(Paging, AuditQuery),
    responses((status = 200, description = "One page.", body = List<AuditView>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    const TIME: &str = "a time in RFC 3339, such as 2030-01-01T00:00:00Z";
    let mut filter = AuditFilter {
        tenant: params.text("tenant"),
        noun: params.text("noun"),
        token: params.read("token", "an id", Id::parse),
        action: params.text("action"),
        since: params.read("since", TIME, Timestamp::parse),
        until: params.read("until", TIME, Timestamp::parse),
        subject: None,
        name: None,
    };
    if let Some(key) = params.text("subject") {
        audit::about(&mut filter, &key);
    }
    let filter = params.finish(filter)?;
    Ok(Json(List::of(audit::list(&app, &filter, &paging.page((), true)).await?, view)))
}

/// One entry of the audit log
#[utoipa::path(get, path = "/audit/{id}", tag = "audit", security(("token" = ["admin", "operator", "read-only"])),
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 200, description = "The entry.", body = AuditView)))]
pub(super) async fn read(By(app): By, Key(id): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    Ok(Json(view(audit::read(&app, &id).await?)))
}
