//! Requests that may be sent again: who took a key, and which answer was given for it.

use offhook_core::Result;
pub use offhook_store::{IdempotencyKey, KeyState};

use super::App;

/// Takes a key for an operation, or tells what became of it.
pub async fn take(app: &App, key: &IdempotencyKey, operation: &str) -> Result<KeyState> {
    app.store.take_key(key, operation).await
}

/// Says that the work goes on. What fails here is no fault of the work's: the key goes by itself.
pub async fn hold(app: &App, key: &IdempotencyKey) {
    let _ = app.store.hold_key(key).await;
}

/// Gives a key free: nothing was made. What fails here is no fault of the answer's: the key goes by itself.
pub async fn free(app: &App, key: &IdempotencyKey) {
    let _ = app.store.drop_key(key).await;
}

/// Keeps an answer; `sum` tells the body of the request, none is kept of an answer that is too long.
pub async fn keep(app: &App, key: &IdempotencyKey, sum: &str, answer: Option<&str>) {
    if let Err(error) = app.store.keep_answer(key, sum, answer).await {
        tracing::warn!(%error, "an answer was not kept for its Idempotency-Key");
    }
}
