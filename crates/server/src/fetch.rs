//! Downloads: one `http` or `https` URL into a file without a name, bounded in size and time. What it is for, and whether the bytes are
//! the right ones, is its caller's business ([`Fetched::verify`]).
//!
//! Who may cause one: administrators only, and only for addresses that the configuration, an installed pack or a signed index
//! names; never a phone, a tenant or a template. A private address is therefore allowed: a firmware server inside the house is the usual case.
//! What such a server answers is never shown, only compared with the sum that is expected of it; of an error, the status alone is told.
//! Credentials in the address go to that server as Basic authentication; neither they nor the query stand in errors or logs.

use std::{fmt, io, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{self, HeaderMap},
};
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncRead, AsyncSeekExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use crate::tls;

/// How often an answer may say that the thing is elsewhere.
const REDIRECTS: usize = 5;
/// How long name, connection and handshake may take.
const CONNECT: Duration = Duration::from_secs(15);

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// Most bytes.
    pub bytes: u64,
    /// Longest time without a byte, the one before the first included.
    pub idle: Duration,
    /// Longest time for all of it.
    pub total: Duration,
}

impl FetchLimits {
    /// So many bytes in half an hour, never silent for half a minute.
    pub fn of(bytes: u64) -> Self {
        Self { bytes, idle: Duration::from_secs(30), total: Duration::from_secs(1800) }
    }
}

/// How far it is: bytes that came, and bytes in all when the server says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetching {
    /// Came so far.
    pub done: u64,
    /// In all, as the server announced.
    pub total: Option<u64>,
}

/// What came: a file that has no name and goes when this is dropped.
#[derive(Debug)]
pub struct Fetched {
    file: std::fs::File,
    size: u64,
    sha256: String,
}

/// Why there is nothing.
#[derive(Debug)]
pub struct FetchError {
    /// The address without credentials and query.
    at: String,
    why: Why,
}

/// What went wrong, for [`FetchError`].
#[derive(Debug)]
pub enum Why {
    /// No URL, or another scheme than http and https.
    Url(String),
    /// Name, connection or TLS.
    Unreachable(String),
    /// Any answer but 200.
    Status(u16),
    /// A redirect from https to http.
    Downgrade,
    /// More than a few redirects.
    Redirects,
    /// More bytes than the limit.
    TooLarge(u64),
    /// No byte for so long.
    Silent(Duration),
    /// Not done in time.
    Slow(Duration),
    /// It broke off.
    Broken(String),
    /// This machine's disk.
    Disk(String),
    /// Not what was expected: what, expected, came.
    Other(&'static str, String, String),
}

impl FetchError {
    /// What went wrong.
    pub fn why(&self) -> &Why {
        &self.why
    }
}

impl std::error::Error for FetchError {}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.at;
        match &self.why {
            Why::Url(why) => write!(f, "{at}: {why}; write an http:// or https:// address"),
            Why::Unreachable(why) => write!(f, "{at} is not reachable: {why}"),
            Why::Status(404 | 410) => write!(f, "{at}: the server has no such file (any more)"),
            Why::Status(401 | 403) => write!(f, "{at}: the server does not give it to everybody; download it by hand and add the file"),
            Why::Status(status) => write!(f, "{at}: the server answered with status {status}"),
            Why::Downgrade => write!(f, "{at}: the server points from https to http, which is not followed"),
            Why::Redirects => write!(f, "{at}: the server points from address to address, more than {REDIRECTS} times"),
            Why::TooLarge(most) => write!(f, "{at}: more than {most} bytes"),
            Why::Silent(idle) => write!(f, "{at}: nothing came for {} seconds", idle.as_secs_f32()),
            Why::Slow(total) => write!(f, "{at}: not done after {} seconds", total.as_secs_f32()),
            Why::Broken(why) => write!(f, "{at}: the download broke off: {why}"),
            Why::Disk(why) => write!(f, "{at}: the data directory's disk says: {why}"),
            Why::Other(what, expected, came) => {
                write!(f, "{at}: the file is not the expected one: its {what} is {came} instead of {expected}; nothing of it was kept")
            }
        }
    }
}

/// Fetches. The file lies in `folder` without a name. Dropping the future cancels, and nothing remains.
///
/// # Errors
/// [`FetchError`]: in words for a person, without secrets.
pub async fn fetch(url: &str, limits: FetchLimits, folder: &Path, progress: impl FnMut(Fetching)) -> Result<Fetched, FetchError> {
    let parsed = Url::parse(url).map_err(|e| FetchError { at: "the address".into(), why: Why::Url(e.to_string()) })?;
    let at = shown(&parsed);
    let error = |why| FetchError { at: at.clone(), why };
    match timeout(limits.total, follow(parsed, limits, folder, progress)).await {
        Ok(result) => result.map_err(error),
        Err(_) => Err(error(Why::Slow(limits.total))),
    }
}

impl Fetched {
    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256, lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The file, at its beginning.
    pub fn into_file(self) -> std::fs::File {
        self.file
    }

    /// All bytes, for what is small by its limit.
    ///
    /// # Errors
    /// The disk's.
    pub fn into_bytes(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut self.file, &mut bytes)?;
        Ok(bytes)
    }

    /// The same file, when it has that size and sum (any letter case); the error names `url`.
    ///
    /// # Errors
    /// [`Why::Other`].
    pub fn verify(self, url: &str, size: u64, sha256: &str) -> Result<Self, FetchError> {
        let at = || Url::parse(url).map_or_else(|_| "the address".to_owned(), |u| shown(&u));
        if self.size != size {
            return Err(FetchError { at: at(), why: Why::Other("size", size.to_string(), self.size.to_string()) });
        }
        if !self.sha256.eq_ignore_ascii_case(sha256) {
            return Err(FetchError { at: at(), why: Why::Other("SHA-256", sha256.to_lowercase(), self.sha256) });
        }
        Ok(self)
    }
}

/// An address as people may see it.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Only addresses without a host refuse these.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

async fn follow(mut url: Url, limits: FetchLimits, folder: &Path, progress: impl FnMut(Fetching)) -> Result<Fetched, Why> {
    for _ in 0..=REDIRECTS {
        let response = get(&url, limits).await?;
        match response.status() {
            StatusCode::OK => return receive(response, limits, folder, progress).await,
            status if status.is_redirection() => url = target(&url, response.headers()).ok_or(Why::Status(status.as_u16()))??,
            status => return Err(Why::Status(status.as_u16())),
        }
    }
    Err(Why::Redirects)
}

/// Where a redirect points; none when it does not say.
fn target(from: &Url, headers: &HeaderMap) -> Option<Result<Url, Why>> {
    let location = headers.get(header::LOCATION)?.to_str().ok()?;
    let to = from.join(location).ok()?;
    Some(if from.scheme() == "https" && to.scheme() == "http" { Err(Why::Downgrade) } else { Ok(to) })
}

async fn get(url: &Url, limits: FetchLimits) -> Result<Response<Incoming>, Why> {
    let secure = match url.scheme() {
        "https" => true,
        "http" => false,
        other => return Err(Why::Url(format!("{other}: is not supported"))),
    };
    let host = url.host_str().ok_or_else(|| Why::Url("it has no host".into()))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let request = request(url)?;
    let unreachable = |error: io::Error| Why::Unreachable(error.to_string());
    let connect = async {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, port)).await?;
        io::Result::Ok(stream)
    };
    let stream = timeout(CONNECT, connect).await.map_err(|_| Why::Silent(CONNECT))?.map_err(unreachable)?;
    let answer = async {
        if secure {
            let handshake = tls::Client::new().map_err(unreachable)?;
            let stream = timeout(CONNECT, handshake.connect(host, stream)).await.map_err(|_| Why::Silent(CONNECT))?.map_err(unreachable)?;
            send(stream, request).await
        } else {
            send(stream, request).await
        }
    };
    timeout(CONNECT + limits.idle, answer).await.map_err(|_| Why::Silent(limits.idle))?
}

async fn send<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>, Why>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| Why::Broken(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Ends when the answer is read or dropped.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(broken)
}

fn request(url: &Url) -> Result<Request<Empty<Bytes>>, Why> {
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let authority = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let mut request = Request::get(target)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, concat!("offhook/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "*/*")
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close");
    if !url.username().is_empty() || url.password().is_some() {
        let plain = |text: &str| crate::http::path::decode(text);
        let pair = format!("{}:{}", plain(url.username()), plain(url.password().unwrap_or_default()));
        request = request.header(header::AUTHORIZATION, format!("Basic {}", BASE64.encode(pair)));
    }
    request.body(Empty::new()).map_err(|e| Why::Url(e.to_string()))
}

async fn receive(
    response: Response<Incoming>,
    limits: FetchLimits,
    folder: &Path,
    mut progress: impl FnMut(Fetching),
) -> Result<Fetched, Why> {
    let disk = |error: io::Error| Why::Disk(error.to_string());
    let total = response.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if total.is_some_and(|t| t > limits.bytes) {
        return Err(Why::TooLarge(limits.bytes));
    }
    let mut file = tokio::fs::File::from_std(tempfile::tempfile_in(folder).map_err(disk)?);
    let (mut body, mut sum, mut done) = (response.into_body(), Sha256::new(), 0u64);
    progress(Fetching { done, total });
    while let Some(frame) = timeout(limits.idle, body.frame()).await.map_err(|_| Why::Silent(limits.idle))? {
        let Ok(data) = frame.map_err(|e| Why::Broken(e.to_string()))?.into_data() else { continue };
        done += data.len() as u64;
        if done > limits.bytes {
            return Err(Why::TooLarge(limits.bytes));
        }
        sum.update(&data);
        file.write_all(&data).await.map_err(disk)?;
        progress(Fetching { done, total });
    }
    file.flush().await.map_err(disk)?;
    file.rewind().await.map_err(disk)?;
    let sha256 = sum.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Ok(Fetched { file: file.into_std().await, size: done, sha256 })
}

#[cfg(test)]
mod tests;
