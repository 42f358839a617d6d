//! The phone face over HTTP/1.1: the translation between HTTP and the pipeline.
//!
//! GET and HEAD ask for a file, PUT and POST send one; nothing else exists here. Connections, paths, conditions and ranges are in the files beside; who may have what is the
//! pipeline's business, and no admin route lives on these listeners.

mod conditional;
pub mod connections;
mod forwarded;
pub(crate) mod path;
mod receive;

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request as HttpRequest, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderMap, HeaderValue},
    service::service_fn,
};
use offhook_core::{
    access::canonical,
    request::{Request, Transport, text_of},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use connections::HttpOptions;

use crate::{
    listen::{self, BindError},
    pipeline::{Answer, File, Pipeline},
};

/// Bound listeners, ready to serve.
#[derive(Debug)]
pub struct HttpServer {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

impl HttpServer {
    /// Binds every address, or says which one cannot be bound and what to do.
    pub fn bind(addresses: &[SocketAddr]) -> Result<Self, BindError> {
        Ok(Self::on(addresses.iter().map(|a| listen::tcp(*a)).collect::<Result<_, _>>()?))
    }

    /// On listeners that are bound already.
    pub fn on(listeners: Vec<TcpListener>) -> Self {
        let addresses = listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
        Self { listeners, addresses }
    }

    /// The addresses really bound.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `stop`, then lets running requests end; idle connections are closed at once.
    pub async fn serve(self, pipeline: Pipeline, options: HttpOptions, stop: CancellationToken) {
        let face = Arc::new(Face { pipeline });
        let service = move |peer, local| {
            let face = face.clone();
            service_fn(move |request| {
                let face = face.clone();
                async move { Ok::<_, Infallible>(face.respond(request, peer, local).await) }
            })
        };
        connections::serve(self.listeners, options, stop, service).await;
    }
}

struct Face {
    pipeline: Pipeline,
}

impl Face {
    async fn respond(&self, http: HttpRequest<Incoming>, peer: SocketAddr, local: Option<SocketAddr>) -> Response<Full<Bytes>> {
        let source = forwarded::source(canonical(peer.ip()), http.headers(), &self.pipeline.trusted_proxies());
        let mut request = Request::new(Transport::Http, source);
        request.path = Some(path::decode(http.uri().path()));
        request.query = http.uri().query().map(str::to_owned);
        request.local = local;
        request.headers = headers(http.headers(), http.uri().host());
        request.writes = matches!(*http.method(), Method::PUT | Method::POST);
        let known = request.writes || matches!(*http.method(), Method::GET | Method::HEAD);
        let answered = if known { self.pipeline.answer(request).await } else { self.pipeline.refuse_method(request) };
        if let Answer::Take(taking) = answered.answer() {
            let (taking, (parts, body)) = (taking.clone(), http.into_parts());
            let status = receive::take(answered, taking, &parts.method, &parts.headers, body).await;
            return received(status);
        }
        let mut response = respond(answered.answer(), http.method(), http.headers());
        if answered.writes() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            let (parts, body) = http.into_parts();
            answered.finish(parts.method.as_str(), response.status().as_u16(), response.body().size_hint_exact(), false);
            receive::pass_over(body, &parts.headers).await;
            return response;
        }
        let (status, bytes) = (response.status(), response.body().size_hint_exact());
        let whole = http.method() == Method::GET && has_all(answered.answer(), status, bytes);
        answered.finish(http.method().as_str(), status.as_u16(), bytes, whole);
        response
    }
}

/// Whether the phone has the whole file after this answer.
fn has_all(answer: &Answer, status: StatusCode, bytes: u64) -> bool {
    match (answer, status) {
        (_, StatusCode::OK | StatusCode::NOT_MODIFIED) => true,
        (Answer::File(file), StatusCode::PARTIAL_CONTENT) => bytes == file.body.len() as u64,
        _ => false,
    }
}

/// The headers, as text. A Host that stands in an absolute request target counts as the header.
fn headers(headers: &HeaderMap, target_host: Option<&str>) -> Vec<(String, String)> {
    let mut list: Vec<(String, String)> = headers
        .iter()
        .filter(|(name, _)| !matches!(**name, header::AUTHORIZATION | header::COOKIE | header::PROXY_AUTHORIZATION))
        .map(|(name, value)| (name.as_str().to_owned(), text_of(value.as_bytes())))
        .collect();
    if let Some(host) = target_host {
        list.retain(|(name, _)| name != "host");
        list.push(("host".into(), host.into()));
    }
    list
}

fn respond(answer: &Answer, method: &Method, asked: &HeaderMap) -> Response<Full<Bytes>> {
    match answer {
        Answer::File(file) => file_response(file, method, asked),
        // Never answered from here: it is taken.
        Answer::Take(_) | Answer::NotFound => plain(StatusCode::NOT_FOUND, "not found\n", method),
        Answer::MethodNotAllowed => {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET, HEAD, PUT and POST\n", method);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, PUT, POST"));
            // Whatever body was announced is not read.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
        Answer::Failed => plain(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be made now\n", method),
        Answer::Busy => {
            let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "busy\n", method);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
    }
}

/// What a phone hears of what it sent. 201 says nothing of what is kept.
fn received(status: u16) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let text = match status {
        StatusCode::CREATED => "",
        StatusCode::PAYLOAD_TOO_LARGE => "too large\n",
        StatusCode::REQUEST_TIMEOUT => "incomplete\n",
        _ => "busy\n",
    };
    let mut response = plain(status, text, &Method::PUT);
    if !status.is_success() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn plain(status: StatusCode, text: &'static str, method: &Method) -> Response<Full<Bytes>> {
    let mut response = Response::new(body(Bytes::from_static(text.as_bytes()), method));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
    response
}

fn file_response(file: &File, method: &Method, asked: &HeaderMap) -> Response<Full<Bytes>> {
    let etag = format!("\"{}\"", file.etag);
    let outcome = conditional::evaluate(asked, &etag, file.last_modified, file.body.len() as u64, method == Method::GET);
    let mut response = Response::new(Full::default());
    let headers = response.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::ETAG, &etag);
    set(header::LAST_MODIFIED, &file.last_modified.http_date());
    // A configuration is for one phone and for now: nobody on the way may keep it.
    set(header::CACHE_CONTROL, "private, no-cache");
    match outcome {
        conditional::Outcome::NotModified => *response.status_mut() = StatusCode::NOT_MODIFIED,
        conditional::Outcome::BadRange => {
            set(header::CONTENT_RANGE, &format!("bytes */{}", file.body.len()));
            set(header::CONTENT_LENGTH, "0");
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
        }
        conditional::Outcome::Whole => {
            set(header::CONTENT_TYPE, &file.content_type);
            set(header::ACCEPT_RANGES, "bytes");
            set(header::CONTENT_LENGTH, &file.body.len().to_string());
            *response.body_mut() = body(file.body.clone(), method);
        }
        conditional::Outcome::Part { first, last } => {
            let part = file.body.slice(first as usize..=last as usize);
            set(header::CONTENT_TYPE, &file.content_type);
            set(header::CONTENT_RANGE, &format!("bytes {first}-{last}/{}", file.body.len()));
            set(header::CONTENT_LENGTH, &part.len().to_string());
            *response.body_mut() = body(part, method);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
    }
    response
}

fn body(bytes: Bytes, method: &Method) -> Full<Bytes> {
    Full::new(if method == Method::HEAD { Bytes::new() } else { bytes })
}

/// The size of a body that lies in memory.
trait ExactSize {
    fn size_hint_exact(&self) -> u64;
}

impl ExactSize for Full<Bytes> {
    fn size_hint_exact(&self) -> u64 {
        hyper::body::Body::size_hint(self).exact().unwrap_or(0)
    }
}
