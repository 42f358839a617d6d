//! Devices from lists and tables: `/api/v1/import/macs` and `/api/v1/devices:import`

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::Request,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use offhook_core::Error;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    body::{collect_within, pieces},
    jobs::{JobView, accepted},
    params::Params,
    problem::Problem,
};
use crate::app::{
    Caller,
    devices::import::{
        self, Form, LARGEST, Mode,
        macs::{self, Line, OUTCOMES, Outcome},
    },
};

/// The greatest list of MAC addresses in bytes.
const LIST: usize = 1024 * 1024;
/// So many lines of an unknown family name the models to choose from; the answer has them all anyway.
const NAMING: usize = 20;

/// Whose devices come.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MacsQuery {
    /// The tenant that they belong to [default: the token's own, else `default`].
    pub tenant: Option<String>,
}

/// What became of a list of MAC addresses.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"dry_run": false, "counts": {"created": 1, "exists": 0, "duplicate": 0, "bad": 0, "unknown_vendor": 0},
    "items": [{"line": 1, "mac": "00:15:65:aa:bb:cc", "outcome": "created", "device": "0192f0c1-8a5e-7cc3-b0a4-4d2f6e7a9b10",
               "model": "T46S", "label": "Front desk", "message": null, "models": []}], "models": []}))]
pub struct MacsView {
    /// Nothing was made.
    pub dry_run: bool,
    /// How many lines have each outcome.
    pub counts: BTreeMap<String, u64>,
    /// Each line that is no comment and not blank.
    pub items: Vec<MacLineView>,
    /// The models to choose from, when a line's family is unknown.
    pub models: Vec<String>,
}

/// A line.
#[derive(Debug, Serialize, ToSchema)]
pub struct MacLineView {
    /// From 1.
    pub line: u64,
    /// Its MAC address; null: it has none.
    #[schema(example = "00:15:65:aa:bb:cc")]
    pub mac: Option<String>,
    /// `created`, `exists`, `duplicate` (on an earlier line), `bad` or `unknown_vendor`.
    #[schema(pattern = "^(created|exists|duplicate|bad|unknown_vendor)$")]
    pub outcome: String,
    /// The device's id, when there is one that the token may know of.
    #[schema(format = "uuid")]
    pub device: Option<String>,
    /// The device's model.
    pub model: Option<String>,
    /// The device's label.
    pub label: Option<String>,
    /// What is wrong and what to do; null: nothing.
    pub message: Option<String>,
    /// The models to choose from where the family is unknown, on the first lines of which that is so.
    pub models: Vec<String>,
}

/// Import a list of MAC addresses
///
/// One MAC address a line, in any spelling; behind it may stand `,model,label,profile`. Blank lines and what follows a `#` are passed over.
/// What is there already stays as it is, so that the same list may be sent again. A line that fails takes no other along.
#[utoipa::path(post, path = "/import/macs", tag = "devices", security(("token" = ["admin", "operator", "installer"])), params(MacsQuery),
    request_body(content = Option<String>, content_type = "text/plain", description = "At most 1 MiB; more go by `/devices:import`.",
        example = "# second floor\n00:15:65:aa:bb:cc\n001565AABBCD,T46S,Front desk,reception\n"),
    responses((status = 200, description = "What became of each line.", body = MacsView)))]
pub(super) async fn macs(By(app): By, who: Caller, mut params: Params, request: Request) -> Result<impl IntoResponse, Problem> {
    let tenant = params.text("tenant");
    let tenant = params.finish(tenant)?;
    let bytes = collect_within(request.into_body(), LIST).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Problem::malformed("the body is no text in UTF-8"))?;
    let lines = macs::import(&app, &who, tenant, text).await?;
    let mut counts: BTreeMap<String, u64> = OUTCOMES.map(|o| (o.as_str().to_owned(), 0)).into();
    let models = if lines.iter().any(|l| l.outcome == Outcome::UnknownVendor) { macs::models(&app) } else { Vec::new() };
    let mut named = 0;
    let items = lines.into_iter().map(|line| {
        *counts.entry(line.outcome.as_str().to_owned()).or_default() += 1;
        named += usize::from(line.outcome == Outcome::UnknownVendor);
        let names = line.outcome == Outcome::UnknownVendor && named <= NAMING;
        view(line, who.dry_run, if names { models.clone() } else { Vec::new() })
    });
    let items = items.collect();
    Ok(Json(MacsView { dry_run: who.dry_run, counts, items, models }))
}

fn view(line: Line, dry_run: bool, models: Vec<String>) -> MacLineView {
    let device = line.device;
    // What would be made has no id yet.
    let id = device.as_ref().filter(|_| !(dry_run && line.outcome == Outcome::Created)).map(|d| d.id.to_string());
    MacLineView {
        line: line.line,
        mac: line.mac.map(|m| m.to_string()),
        outcome: line.outcome.as_str().to_owned(),
        device: id,
        model: device.as_ref().and_then(|d| d.model.clone()),
        label: device.map(|d| d.label).filter(|l| !l.is_empty()),
        message: line.message,
        models,
    }
}

/// How a file is taken.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DevicesQuery {
    /// What becomes of devices that are there already: `create` leaves them as they are, `upsert` changes what the file says of them.
    #[param(pattern = "^(create|upsert)$", default = "create")]
    pub mode: Option<String>,
}

/// Import devices
///
/// A table: `text/csv` with a row of column names (`mac`, `serial`, `uuid`, `tenant`, `vendor`, `model`, `pack`, `firmware`, `state`,
/// `label`, `location`, `profiles`, `tags`, and any setting by its path, as `lines.1.account` or `lines.1.local_port`). Words of a list stand
/// between `;`, `|` or `,`; an empty cell says nothing; accounts that a row names have to be there. Or documents: `application/x-ndjson`, a
/// device as for `POST /devices` on each line. The file is taken as a whole; then a job works through it, one line failing or not by
/// itself. It counts `created`, `changed`, `exists` and `failed`; its result has the first thousand faults: line, column, field, message.
#[utoipa::path(post, path = "/devices:import", tag = "devices", security(("token" = ["admin", "operator"])), params(DevicesQuery),
    request_body(
        content((String = "text/csv", example = "mac,model,label,lines.1.account\n00:15:65:aa:bb:cc,T46S,Front desk,1001\n"),
                (String = "application/x-ndjson", example = "{\"mac\": \"00:15:65:aa:bb:cc\", \"label\": \"Front desk\"}\n")),
        description = "At most 1 GiB and two million devices."),
    responses((status = 202, description = "The job.", body = JobView)))]
pub(super) async fn devices(By(app): By, who: Caller, mut params: Params, request: Request) -> Result<Response, Problem> {
    let mode = params.read("mode", "create or upsert", Mode::parse).unwrap_or_default();
    params.finish(())?;
    let form = form(request.headers()).ok_or_else(|| Problem::media_type("text/csv or application/x-ndjson"))?;
    let bytes = pieces(request.into_body()).map(|piece| piece.map_err(|stopped| Error::invalid("", stopped.to_string())));
    let job = import::import(&app, &who, (form, mode), bytes).await.map_err(|error| match error {
        Error::Full(why) if why.starts_with("the file") => Problem::too_large(LARGEST),
        error => Problem::from(error),
    })?;
    Ok(accepted(job))
}

fn form(headers: &HeaderMap) -> Option<Form> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match value.split(';').next()?.trim().to_ascii_lowercase().as_str() {
        "text/csv" => Some(Form::Csv),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Form::Ndjson),
        _ => None,
    }
}
