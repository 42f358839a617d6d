//! `Idempotency-Key` of what makes something: a second request with the same key, caller, operation and body gets the first one's answer, so
//! that whoever did not hear an answer may ask again. Answers of failures are not kept: nothing was made, and the key is free.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use offhook_core::Error;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{body::pieces, problem::Problem};
use crate::app::{
    App, Caller,
    idempotency::{self, IdempotencyKey, KeyState},
};

/// The header.
pub(super) const KEY: &str = "Idempotency-Key";
/// Stands in an answer that was given before.
pub(super) const REPLAYED: &str = "Idempotency-Replayed";
/// The longest key.
const LONGEST: usize = 255;
/// The greatest answer that is kept, in bytes.
const ANSWER: usize = 4 * 1024 * 1024;
/// How often it is said that the work goes on.
const HOLD: Duration = Duration::from_secs(30);
/// Headers that are part of an answer.
const HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

/// Whether an operation takes the header: what is sent to it makes or starts something.
pub(super) fn takes_key(method: &Method, path: &str) -> bool {
    method == Method::POST && !path.ends_with("/simulate") && !path.ends_with("check")
}

/// An answer, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Passes a request on, or answers it as it was answered before.
pub(super) async fn once(app: &App, caller: &Caller, request: Request, next: Next) -> Response {
    let name = match name(request.headers()) {
        Ok(Some(name)) if takes_key(request.method(), request.uri().path()) && !caller.dry_run => name,
        Ok(_) => return next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    let key = IdempotencyKey { token: caller.token, name };
    let operation = request.uri().path_and_query().map(|p| hex(&Sha256::digest(p.as_str()))).unwrap_or_default();
    match idempotency::take(app, &key, &operation).await {
        Err(error) => Problem::from(error).into_response(),
        Ok(KeyState::Taken) => {
            // Whoever goes away meanwhile asks again: what was begun comes to its end.
            let work = tokio::spawn(first(app.clone(), key, request, next));
            work.await.unwrap_or_else(|_| Problem::from(Error::Internal("a request broke off".to_owned())).into_response())
        }
        Ok(KeyState::Busy) => {
            Problem::from(Error::Conflict("the first request with this Idempotency-Key is still at work: ask again later".to_owned()))
                .into_response()
        }
        Ok(KeyState::Other) => used_otherwise("operation"),
        Ok(KeyState::Answered { body, answer }) => again(request.into_body(), &body, answer).await,
    }
}

/// The key of a request: 1 to 255 visible ASCII characters.
fn name(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let good = |text: &&str| !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|b| (b'!'..=b'~').contains(&b));
    let text = value.to_str().ok().filter(good);
    text.map(|t| Some(t.to_owned()))
        .ok_or_else(|| Problem::malformed(format!("{KEY} must be 1 to {LONGEST} visible ASCII characters, such as a UUID")))
}

/// Does the work, and keeps its answer.
async fn first(app: App, key: IdempotencyKey, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let request = Request::from_parts(parts, watched(body, seen.clone()));
    let mut work = Box::pin(next.run(request));
    let response = loop {
        tokio::select! {
            response = &mut work => break response,
            () = tokio::time::sleep(HOLD) => idempotency::hold(&app, &key).await,
        }
    };
    if !response.status().is_success() {
        idempotency::free(&app, &key).await;
        return response;
    }
    let (parts, body) = response.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Problem::from(Error::Internal("an answer broke off".to_owned())).into_response(),
    };
    let sum = seen.lock().unwrap_or_else(PoisonError::into_inner).sum();
    let kept = (body.len() <= ANSWER).then(|| kept(parts.status, &parts.headers, &body)).flatten();
    idempotency::keep(&app, &key, &sum, kept.as_deref()).await;
    Response::from_parts(parts, Body::from(body))
}

fn kept(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Option<String> {
    let text = |name: &HeaderName| Some((name.as_str().to_owned(), headers.get(name)?.to_str().ok()?.to_owned()));
    let kept = Kept { status: status.as_u16(), headers: HEADERS.iter().filter_map(text).collect(), body: STANDARD.encode(body) };
    serde_json::to_string(&kept).ok()
}

/// The answer once more, when the body is the same.
async fn again(body: Body, first: &str, answer: Option<String>) -> Response {
    let mut seen = Seen::default();
    let mut pieces = pieces(body);
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(bytes) => seen.take(&bytes),
            Err(stopped) => return Problem::malformed(stopped.to_string()).into_response(),
        }
    }
    if seen.sum() != first {
        return used_otherwise("body");
    }
    let Some(kept) = answer.and_then(|text| serde_json::from_str::<Kept>(&text).ok()) else {
        let says = "the first request with this Idempotency-Key was carried out; its answer was too large to be kept";
        return Problem::from(Error::Conflict(says.to_owned())).into_response();
    };
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = (status, STANDARD.decode(kept.body).unwrap_or_default()).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in kept.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn used_otherwise(what: &str) -> Response {
    Problem::from(Error::invalid(KEY, format!("this key was used for another {what} within the last day: take a new one"))).into_response()
}

/// What was read of a body.
#[derive(Default)]
struct Seen(Sha256);

impl Seen {
    fn take(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn sum(&self) -> String {
        hex(&self.0.clone().finalize())
    }
}

/// A body whose bytes are noted as they pass.
fn watched(body: Body, seen: Arc<Mutex<Seen>>) -> Body {
    Body::from_stream(body.into_data_stream().inspect(move |piece| {
        if let Ok(bytes) = piece {
            seen.lock().unwrap_or_else(PoisonError::into_inner).take(bytes);
        }
    }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
