//! The REST API: `/api/v1`, health and metrics, on the admin listener. It turns HTTP into calls of [`crate::app`] and
//! errors into problem documents, and decides nothing.

use axum::Router;

use crate::app::App;

/// Everything that the admin listener answers.
pub fn router(app: App) -> Router {
    Router::new().with_state(app)
}
