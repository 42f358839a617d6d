//! Revisions as entity tags: `ETag: "7"` out, `If-Match: "7"` in (RFC 9110, sections 8.8.3 and 13.1.1).

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::IntoParams;

use super::problem::Problem;

/// The revision that `If-Match` names; `*` and no header name none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(&parts.headers).map(Self)
    }
}

/// The header, as it is described.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Revision {
    /// The revision that is to be changed, in quotes; another one is a 412.
    #[param(rename = "If-Match")]
    pub if_match: Option<String>,
}

fn read(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).and_then(|t| t.parse().ok());
    number.map(Some).ok_or_else(|| Problem::malformed("If-Match must be a revision in quotes, such as \"7\", or *"))
}

/// Nothing but the tag when the reader has that state already (`If-None-Match`, RFC 9110, section 13.1.2).
pub fn unless_known(known: Option<HeaderValue>, response: Response) -> Response {
    let tag = response.headers().get(header::ETAG).and_then(|t| t.to_str().ok());
    let known = known.as_ref().and_then(|k| k.to_str().ok()).unwrap_or_default();
    let same = |tag: &str| known.split(',').map(str::trim).any(|k| k == "*" || k.trim_start_matches("W/") == tag);
    if response.status() != StatusCode::OK || !tag.is_some_and(same) {
        return response;
    }
    let tag = response.headers().get(header::ETAG).cloned();
    let mut unchanged = StatusCode::NOT_MODIFIED.into_response();
    if let Some(tag) = tag {
        unchanged.headers_mut().insert(header::ETAG, tag);
    }
    unchanged
}

/// A resource with its revision as the ETag.
#[derive(Debug)]
pub struct Tagged<T>(pub StatusCode, pub u64, pub T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let Self(status, revision, body) = self;
        let mut response = (status, Json(body)).into_response();
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{revision}\"")) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// A resource that was made: 201 with its address.
pub fn created<T: IntoResponse>(location: &str, body: T) -> Response {
    let mut response = body.into_response();
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn if_match_is_a_quoted_revision() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, HeaderValue::from_static(text));
            read(&headers)
        };
        assert_eq!(of("\"7\"").unwrap(), Some(7));
        assert_eq!(of("*").unwrap(), None);
        for bad in ["7", "W/\"7\"", "\"x\"", "\"\""] {
            assert_eq!(of(bad).unwrap_err().status, 400, "{bad}");
        }
        assert_eq!(read(&HeaderMap::new()).unwrap(), None);
    }
}
