//! `/api/v1/jobs`

use std::collections::BTreeMap;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    listing::{List, Paging},
    params::{Key, NoParams, Params},
    problem::Problem,
};
use crate::app::{
    Caller,
    jobs::{self, Job, JobFilter},
};

/// Long work that somebody started.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobView {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// What kind of work.
    #[schema(example = "pack-install")]
    pub kind: String,
    /// What it works on, for people.
    pub subject: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    #[schema(pattern = "^(queued|running|done|failed|cancelled)$")]
    pub state: String,
    /// How far it is.
    pub progress: ProgressView,
    /// What was counted under way, by name.
    pub counts: BTreeMap<String, u64>,
    /// What went wrong, the first ones and the last.
    pub errors: Vec<JobErrorView>,
    /// How many errors are not shown.
    pub more_errors: u64,
    /// What came of it, by the kind of work; null before it is done.
    #[schema(value_type = Option<Object>)]
    pub result: Value,
    /// When it was asked for.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When it began; null: it waits for its turn.
    #[schema(format = "date-time")]
    pub started_at: Option<String>,
    /// When it ended; null: it goes on.
    #[schema(format = "date-time")]
    pub ended_at: Option<String>,
}

/// How far a job is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProgressView {
    /// So many are done.
    pub done: u64,
    /// Of so many; null: nobody knows.
    pub total: Option<u64>,
    /// What is counted: `bytes`, `devices` …; empty before the work knows.
    pub unit: String,
}

/// One thing that went wrong in a job.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobErrorView {
    /// What it is about: a device, a file; may be empty.
    pub subject: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Which jobs. The newest come first.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobQuery {
    /// In this state: `queued`, `running`, `done`, `failed` or `cancelled`.
    #[param(pattern = "^(queued|running|done|failed|cancelled)$")]
    pub state: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
}

fn view(job: Job) -> JobView {
    JobView {
        id: job.id.to_string(),
        kind: job.kind.to_owned(),
        subject: job.subject,
        state: job.state.name().to_owned(),
        progress: ProgressView { done: job.progress.done, total: job.progress.total, unit: job.progress.unit.to_owned() },
        counts: job.counts.into_iter().map(|(name, n)| (name.to_owned(), n)).collect(),
        errors: job.errors.into_iter().map(|e| JobErrorView { subject: e.subject, message: e.message }).collect(),
        more_errors: job.more_errors,
        result: job.result,
        created_at: job.created_at.to_string(),
        started_at: job.started_at.map(|t| t.to_string()),
        ended_at: job.ended_at.map(|t| t.to_string()),
    }
}

/// The answer to what became a job: 202 with where to look.
pub(super) fn accepted(job: Job) -> Response {
    let location = format!("/api/v1/jobs/{}", job.id);
    let mut response = (StatusCode::ACCEPTED, Json(view(job))).into_response();
    if let Ok(value) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// List jobs
#[utoipa::path(get, path = "/jobs", tag = "jobs", security(("token" = ["admin", "operator", "installer", "read-only"])), params(Paging, JobQuery),
    responses((status = 200, description = "One page, the newest first.", body = List<JobView>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let state = params.read("state", "queued, running, done, failed or cancelled", jobs::State::parse);
    let filter = JobFilter { state, kind: params.text("kind") };
    let filter = params.finish(filter)?;
    Ok(Json(List::of(jobs::list(&app, &filter, paging.part("id", true))?, view)))
}

/// One job
#[utoipa::path(get, path = "/jobs/{job}", tag = "jobs", security(("token" = ["admin", "operator", "installer", "read-only"])), params(("job" = String, Path, description = "Its id.")),
    responses((status = 200, description = "How far it is and what came of it.", body = JobView)))]
pub(super) async fn read(By(app): By, Key(job): Key<String>, _: NoParams) -> Result<impl IntoResponse, Problem> {
    Ok(Json(view(jobs::read(&app, &job)?)))
}

/// Cancel a job
///
/// It stops where it waits; what it did stays done. One that ended already is forgotten.
#[utoipa::path(delete, path = "/jobs/{job}", tag = "jobs", security(("token" = ["admin", "operator"])), params(("job" = String, Path, description = "Its id.")),
    responses((status = 204, description = "It is asked to stop, or forgotten.")))]
pub(super) async fn cancel(By(app): By, who: Caller, Key(job): Key<String>, _: NoParams) -> Result<StatusCode, Problem> {
    jobs::cancel(&app, &who, &job).await?;
    Ok(StatusCode::NO_CONTENT)
}
