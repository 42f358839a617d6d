//! Who calls: the bearer token of a request becomes a [`Caller`], whose role must be one that the operation is for. Only the two health
//! paths are open.

use std::net::SocketAddr;

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{etag, idempotency, openapi, problem::Problem, roles};
use crate::app::{App, Caller, tokens};

/// Stands in the answer of what was only tried.
pub(super) const DRY_RUN: &str = "Offhook-Dry-Run";
/// Paths that anybody may ask.
const OPEN: &[&str] = &["/healthz", "/readyz"];
/// Pages for a browser, which asks its user for a name and a password: the token is the password, the name does not
/// matter. They only read, so a browser that sends the password by itself does no harm.
const FOR_BROWSERS: &[&str] = &["/api/docs", "/api/v1/openapi.json"];

/// Lets a request through that shows a valid token, with its caller; marks every answer as not to be stored.
pub async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let browser = FOR_BROWSERS.contains(&path);
    let response = if OPEN.contains(&path) {
        next.run(request).await
    } else {
        match caller(&app, request.headers(), browser).await {
            Ok(caller) => {
                if let Err(problem) = may_call(&caller, &request) {
                    return marked(problem.into_response());
                }
                let from = request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_canonical());
                let dry_run = match take_dry_run(&mut request) {
                    Ok(dry_run) => dry_run,
                    Err(problem) => return marked(problem.into_response()),
                };
                let caller = Caller { from, dry_run, ..caller };
                request.extensions_mut().insert(caller.clone());
                let known = request.headers().get(header::IF_NONE_MATCH).filter(|_| request.method().is_safe()).cloned();
                let mut response = etag::unless_known(known, idempotency::once(&app, &caller, request, next).await);
                if dry_run {
                    response.headers_mut().insert(DRY_RUN, HeaderValue::from_static("true"));
                }
                response
            }
            Err(problem) => refuse(problem, browser),
        }
    };
    marked(response)
}

/// Not to be stored, and nothing but what it says it is.
fn marked(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Whether the caller's role is one of those that the operation declares. What is no operation is answered by the router.
fn may_call(caller: &Caller, request: &Request) -> Result<(), Problem> {
    let Some(path) = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) else { return Ok(()) };
    let Some(roles) = roles::of(request.method(), path).filter(|_| !FOR_BROWSERS.contains(&path)) else { return Ok(()) };
    if roles.contains(&caller.role) {
        return Ok(());
    }
    let (roles, own) = (roles::in_words(roles), caller.role.as_str());
    Err(offhook_core::Error::Refused(format!("this needs a token with the role {roles}; this one is {own}")).into())
}

async fn caller(app: &App, headers: &HeaderMap, browser: bool) -> Result<Caller, Problem> {
    let token = token_of(headers, browser)?;
    let caller = tokens::authenticate(app, &token).await?;
    caller.ok_or_else(|| Problem::unauthorized("the token is unknown, revoked or expired"))
}

fn token_of(headers: &HeaderMap, browser: bool) -> Result<String, Problem> {
    let missing = || Problem::unauthorized("send the header Authorization: Bearer <token>");
    let value = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).ok_or_else(missing)?;
    let (scheme, rest) = value.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(rest.trim().to_owned());
    }
    if browser && scheme.eq_ignore_ascii_case("basic") {
        let bytes = STANDARD.decode(rest.trim()).map_err(|_| missing())?;
        let text = String::from_utf8(bytes).map_err(|_| missing())?;
        return text.split_once(':').map(|(_, password)| password.to_owned()).ok_or_else(missing);
    }
    Err(missing())
}

fn refuse(problem: Problem, browser: bool) -> Response {
    let mut response = problem.into_response();
    if browser && response.headers().contains_key(header::WWW_AUTHENTICATE) {
        let basic = HeaderValue::from_static("Basic realm=\"offhook: any name, the token as password\"");
        response.headers_mut().append(header::WWW_AUTHENTICATE, basic);
    }
    response
}

/// `dry_run=true` in the query of what writes: every operation knows it, so it is read in one place and taken out of the query.
fn take_dry_run(request: &mut Request) -> Result<bool, Problem> {
    // What writes nothing cannot be tried: who looks at secrets with it is told of all the same.
    let path = request.extensions().get::<MatchedPath>().map_or_else(|| request.uri().path(), MatchedPath::as_str);
    let writes = openapi::writes(path, &request.method().as_str().to_lowercase());
    let query = request.uri().query().unwrap_or_default();
    if request.method().is_safe() || !query.split('&').any(|pair| is_dry_run(&pair)) {
        return Ok(false);
    }
    let (given, rest): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_dry_run);
    let dry_run = match given.as_slice() {
        given if given.iter().all(|pair| *pair == "dry_run=true") => true,
        given if given.iter().all(|pair| *pair == "dry_run=false") => false,
        _ => return Err(offhook_core::Error::invalid("dry_run", "must be true or false").into()),
    };
    let path = request.uri().path();
    let text = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    *request.uri_mut() = text.parse().map_err(|_| Problem::malformed("the query cannot be read"))?;
    Ok(dry_run && writes)
}

fn is_dry_run(pair: &&str) -> bool {
    pair.split('=').next() == Some("dry_run")
}

/// The far end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The application acting for the caller of this request.
pub struct By(pub App);

impl FromRequestParts<App> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self(app.by(&Caller::from_request_parts(parts, app).await?)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::unauthorized("send the header Authorization: Bearer <token>"))
    }
}
