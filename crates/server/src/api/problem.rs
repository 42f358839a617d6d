//! Problem documents (RFC 9457): the one shape of every error of the API, and the one conversion from the domain's error.

use axum::{
    Json,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use offhook_core::{Error, Fault};
use serde::Serialize;
use utoipa::ToSchema;

use super::templates::TemplateCheckView;

/// What went wrong (RFC 9457). The media type is `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "/api/docs#problem-invalid", "title": "What was sent is wrong", "status": 422,
    "detail": "mac: \"12\" is not a MAC address", "faults": [{"field": "mac", "message": "\"12\" is not a MAC address"}]
}))]
pub struct Problem {
    /// Where this kind of problem is described; a reference relative to the server.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words; the same for all of a kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time, and what to do.
    pub detail: String,
    /// Every fault of what was sent, each with the field it is in; empty when the problem is not in what was sent.
    pub faults: Vec<ProblemFault>,
    /// What the check of templates saw, where that is why they are not saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Box<TemplateCheckView>>,
}

/// One thing wrong with what was sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemFault {
    /// Path of the field (`settings.lines.1.label`), name of the query parameter, or empty for the body as a whole.
    pub field: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// A kind of problem: its name in the documentation, status, title and meaning.
pub(super) struct Kind {
    pub name: &'static str,
    pub status: StatusCode,
    pub title: &'static str,
    pub meaning: &'static str,
}

macro_rules! kinds {
    ($($id:ident $name:literal $status:ident $title:literal $meaning:literal;)*) => {
        $(const $id: Kind = Kind { name: $name, status: StatusCode::$status, title: $title, meaning: $meaning };)*
        /// All kinds, for the documentation.
        pub(super) const KINDS: &[Kind] = &[$($id),*];
    };
}

kinds! {
    MALFORMED "malformed" BAD_REQUEST "The request cannot be read" "The body is not JSON, or a path or header is not text. The detail says where.";
    UNAUTHORIZED "unauthorized" UNAUTHORIZED "A valid token is needed" "Send `Authorization: Bearer <token>` with a token that exists and has not expired.";
    REFUSED "refused" FORBIDDEN "Refused" "The token's role does not allow it, or a rule of the server forbids it. The detail says what to do.";
    NOT_FOUND "not-found" NOT_FOUND "There is no such thing" "No resource or route has this address.";
    METHOD "method-not-allowed" METHOD_NOT_ALLOWED "Not by this method" "The address exists but does not know the method; `Allow` lists those it knows.";
    CONFLICT "conflict" CONFLICT "It conflicts with what is stored" "A name or MAC is in use, or the resource is still used; the detail names the users.";
    STALE "stale" PRECONDITION_FAILED "It was changed meanwhile" "`If-Match` names an older revision: read it again, then write.";
    TOO_LARGE "too-large" PAYLOAD_TOO_LARGE "The body is too large" "The detail says how much is allowed.";
    MEDIA "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE "The body has the wrong media type" "The detail says which one is expected.";
    INVALID "invalid" UNPROCESSABLE_ENTITY "What was sent is wrong" "Every fault is listed with the path of its field.";
    UNAVAILABLE "unavailable" SERVICE_UNAVAILABLE "Not available now" "A part of the server cannot answer; try again later. The log says why.";
    FULL "full" INSUFFICIENT_STORAGE "There is no room" "A table or a limit is full. The detail names it.";
    INTERNAL "internal" INTERNAL_SERVER_ERROR "A fault of the server" "The log says more.";
}

impl Problem {
    fn new(kind: &Kind, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/api/docs#problem-{}", kind.name),
            title: kind.title.to_owned(),
            status: kind.status.as_u16(),
            detail: detail.into(),
            faults: Vec::new(),
            check: None,
        }
    }

    /// A body, path or header that cannot be read.
    pub fn malformed(message: impl Into<String>) -> Self {
        let message = message.into();
        let faults = vec![ProblemFault { field: String::new(), message: message.clone() }];
        Self { faults, ..Self::new(&MALFORMED, message) }
    }

    /// No token, or none that is valid.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(&UNAUTHORIZED, detail)
    }

    /// More bytes than are allowed.
    pub fn too_large(limit: u64) -> Self {
        Self::new(&TOO_LARGE, format!("at most {limit} bytes are allowed here"))
    }

    /// Not the media type that is needed.
    pub fn media_type(expected: &str) -> Self {
        Self::new(&MEDIA, format!("send it as Content-Type: {expected}"))
    }

    /// The route exists, the method does not.
    pub fn method(method: &str, path: &str) -> Self {
        Self::new(&METHOD, format!("{path} does not know {method}"))
    }

    /// No route has this path.
    pub fn no_route(path: &str) -> Self {
        Self::new(&NOT_FOUND, format!("there is nothing at {path}; /api/docs lists what there is"))
    }

    /// An answer for operators only: what keeps the server from serving.
    pub fn not_ready(reasons: Vec<String>) -> Self {
        let detail = reasons.join("; ");
        let faults = reasons.into_iter().map(|message| ProblemFault { field: String::new(), message }).collect();
        Self { faults, ..Self::new(&UNAVAILABLE, detail) }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid(faults) => {
                let faults = faults.into_iter().map(|Fault { field, message }| ProblemFault { field, message }).collect();
                Self { faults, ..Self::new(&INVALID, detail) }
            }
            Error::NotFound { .. } => Self::new(&NOT_FOUND, detail),
            Error::Conflict(_) => Self::new(&CONFLICT, detail),
            Error::Stale { .. } => Self::new(&STALE, detail),
            Error::Refused(_) => Self::new(&REFUSED, detail),
            Error::Full(_) => Self::new(&FULL, detail),
            Error::Unavailable(why) => {
                tracing::warn!(%why, "the API could not answer");
                Self::new(&UNAVAILABLE, "a part of the server cannot answer now; try again later, the log says why")
            }
            Error::Internal(why) => {
                tracing::error!(%why, "a fault of the server");
                Self::new(&INTERNAL, "the fault is in the server; the log says more")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"offhook\""));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}

/// The answer to a path that no route has.
pub(super) async fn no_route(request: Request) -> Problem {
    Problem::no_route(request.uri().path())
}

/// The answer to a method that a route does not have.
pub(super) async fn no_method(request: Request) -> Problem {
    Problem::method(request.method().as_str(), request.uri().path())
}
