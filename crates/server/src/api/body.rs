//! Request bodies: JSON documents with limits, read as plain values. What their fields mean is the use case's business.

use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use futures_util::{StreamExt, stream, stream::BoxStream};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use tokio::time::timeout;

use super::problem::Problem;
use crate::json;

/// The greatest JSON body.
pub const LIMIT: usize = 1024 * 1024;
/// How long a JSON body may take, and each piece of a larger one.
const PATIENCE: Duration = Duration::from_secs(30);

/// The greatest body of a phone book.
const LARGE: usize = 16 * 1024 * 1024;

/// A JSON body, bounded in size ([`LIMIT`]), depth and number of values.
#[derive(Debug)]
pub struct Document(pub Value);

impl<S: Send + Sync> FromRequest<S> for Document {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(Problem::media_type("application/json"));
        }
        let bytes = collect(body, LIMIT, PATIENCE).await?;
        parse(&bytes).map(Self)
    }
}

/// A JSON body that may be as large as a phone book.
#[derive(Debug)]
pub struct LargeDocument(pub Value);

impl<S: Send + Sync> FromRequest<S> for LargeDocument {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(Problem::media_type("application/json"));
        }
        let bytes = large(body).await?;
        parse(&bytes).map(Self)
    }
}

/// A whole body that may be as large as a phone book.
pub async fn large(body: Body) -> Result<Bytes, Problem> {
    collect(body, LARGE, PATIENCE).await
}

/// A whole body of at most so many bytes.
pub async fn collect_within(body: Body, limit: usize) -> Result<Bytes, Problem> {
    collect(body, limit, PATIENCE).await
}

async fn collect(body: Body, limit: usize, patience: Duration) -> Result<Bytes, Problem> {
    let whole = timeout(patience, Limited::new(body, limit).collect()).await;
    let whole = whole.map_err(|_| Problem::malformed(Stopped::Silent.to_string()))?;
    whole.map(|c| c.to_bytes()).map_err(|e| {
        if e.is::<LengthLimitError>() { Problem::too_large(limit as u64) } else { Problem::malformed(Stopped::Ended.to_string()) }
    })
}

/// Why a body is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The connection ended, or the length was a lie.
    Ended,
    /// Nothing came for too long.
    Silent,
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended => f.write_str("the body ended before it was whole"),
            Self::Silent => write!(f, "the body did not come within {} s", PATIENCE.as_secs()),
        }
    }
}

/// A body piece by piece, for what is too large for memory. Each piece has to come in time; nothing follows an error.
pub fn pieces(body: Body) -> BoxStream<'static, Result<Bytes, Stopped>> {
    pieces_within(body, PATIENCE)
}

fn pieces_within(body: Body, patience: Duration) -> BoxStream<'static, Result<Bytes, Stopped>> {
    let next = move |data: Option<BodyDataStream>| async move {
        let mut data = data?;
        match timeout(patience, data.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some(data))),
            Ok(Some(Err(_))) => Some((Err(Stopped::Ended), None)),
            Err(_) => Some((Err(Stopped::Silent), None)),
        }
    };
    stream::unfold(Some(body.into_data_stream()), next).boxed()
}

/// No media type at all is taken as JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The document of a body; the problem tells where it is wrong.
fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.is_empty() {
        return Err(Problem::malformed("a JSON body is needed"));
    }
    json::read(bytes).map_err(|fault| Problem::malformed(format!("the body is not JSON that can be read: {fault}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn read(body: impl Into<Body>, media: &str) -> Result<Value, Problem> {
        let request = Request::builder().header("content-type", media).body(body.into()).unwrap();
        Document::from_request(request, &()).await.map(|d| d.0)
    }

    #[tokio::test]
    async fn bad_json_says_where() {
        let problem = read("{\n  \"a\": 1,\n  b\n}", "application/json").await.unwrap_err();
        assert_eq!(problem.status, 400);
        assert!(problem.detail.contains("line 3, column 3"), "{}", problem.detail);
    }

    #[tokio::test]
    async fn depth_size_and_type_are_limited() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert_eq!(read(deep, "application/json").await.unwrap_err().status, 400);
        assert_eq!(read(vec![b' '; LIMIT + 1], "application/json").await.unwrap_err().status, 413);
        assert_eq!(read("{}", "text/plain").await.unwrap_err().status, 415);
        assert_eq!(read("{}", "application/merge-patch+json; charset=utf-8").await.unwrap(), serde_json::json!({}));
        assert_eq!(read("", "application/json").await.unwrap_err().status, 400);
    }

    #[tokio::test]
    async fn who_falls_silent_is_not_waited_for() {
        let stalled = || Body::from_stream(stream::iter([Ok::<_, std::io::Error>("{")]).chain(stream::pending()));
        let problem = collect(stalled(), LIMIT, Duration::from_millis(10)).await.unwrap_err();
        assert_eq!((problem.status, problem.detail.as_str()), (400, "the body did not come within 30 s"));
        let told: Vec<_> = pieces_within(stalled(), Duration::from_millis(10)).collect().await;
        assert_eq!(told, [Ok(Bytes::from_static(b"{")), Err(Stopped::Silent)]);
    }
}
