//! Health, readiness and metrics.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{params::NoParams, problem::Problem};
use crate::app::{App, Caller, readiness};

/// The operations of this file.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// Whether the process lives
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It does.", body = String, content_type = "text/plain")))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the process can serve
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "It can.", body = String, content_type = "text/plain"),
    (status = 503, description = "It cannot; each reason is a fault.", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn readyz(State(app): State<App>) -> Response {
    match readiness::check(&app).await {
        reasons if reasons.is_empty() => (StatusCode::OK, "ready\n").into_response(),
        reasons => Problem::not_ready(reasons).into_response(),
    }
}

/// Metrics for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "health", security(("token" = ["admin", "operator", "installer", "read-only"])), responses(
    (status = 200, description = "Text exposition format.", body = String, content_type = "application/openmetrics-text"),
))]
pub(super) async fn metrics(State(app): State<App>, who: Caller, _: NoParams) -> Result<Response, Problem> {
    who.must_be_of_all("metrics count what all tenants do")?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], (app.metrics)()).into_response())
}
