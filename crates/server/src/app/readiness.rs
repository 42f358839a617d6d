//! Whether this process can serve.

use super::App;

/// Why it cannot serve, in words that anybody may read; empty: it can.
pub async fn check(app: &App) -> Vec<String> {
    let mut reasons = Vec::new();
    if app.closing.is_cancelled() {
        reasons.push("the server is stopping".to_owned());
    }
    if let Err(why) = app.store.health().await {
        tracing::warn!(%why, "the store is not healthy");
        reasons.push("the store does not answer: the log says why".to_owned());
    }
    reasons
}
