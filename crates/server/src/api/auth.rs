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

use super::{problem::Problem, roles};
use crate::app::{App, Caller, tokens};

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
                let dry_run = take_dry_run(&mut request);
                request.extensions_mut().insert(Caller { from, dry_run, ..caller });
                next.run(request).await
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
fn take_dry_run(request: &mut Request) -> bool {
    const WORDS: &str = "dry_run=true";
    let query = request.uri().query().unwrap_or_default();
    if request.method().is_safe() || !query.split('&').any(|pair| pair == WORDS) {
        return false;
    }
    let rest: Vec<&str> = query.split('&').filter(|pair| *pair != WORDS).collect();
    let path = request.uri().path();
    let text = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    match text.parse() {
        Ok(uri) => {
            *request.uri_mut() = uri;
            true
        }
        // What was a query stays one without a pair; were it not so, the operation would refuse the parameter.
        Err(_) => false,
    }
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
