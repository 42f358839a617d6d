//! The client of the REST API: where the server is, which token to show, and answers or failures.

use std::{
    cell::Cell,
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use offhook_core::clock::Timestamp;
use reqwest::{Method, RequestBuilder, Response, Url, header};
use serde_json::Value;

use crate::failure::{Failure, Outcome};

const DEFAULT_DATA_DIR: &str = "./offhook-data";
/// Where the package of a distribution keeps it.
const INSTALLED_DATA_DIR: &str = "/var/lib/offhook";
/// A whole answer takes no longer than this, an upload of firmware included.
const PATIENCE: Duration = Duration::from_secs(300);

/// Options of every command that talks to a server.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Server and output")]
pub struct Connection {
    /// Address of the server's API, such as http://127.0.0.1:8666
    #[arg(long, global = true, value_name = "URL", env = "OFFHOOK_URL", hide_env = true)]
    pub url: Option<String>,
    /// Token to show; better kept in OFFHOOK_TOKEN than typed
    #[arg(long, global = true, value_name = "TOKEN", env = "OFFHOOK_TOKEN", hide_env = true, hide_env_values = true)]
    pub token: Option<String>,
    /// Data folder of a server on this machine, where address and token are found when not given
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Print the server's answer as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

impl Connection {
    fn data_dir(&self) -> PathBuf {
        let variable = || env::var_os("OFFHOOK_DATA_DIR").map(PathBuf::from);
        self.data_dir.clone().or_else(variable).unwrap_or_else(|| {
            let installed = !Path::new(DEFAULT_DATA_DIR).exists() && Path::new(INSTALLED_DATA_DIR).join("listeners.json").exists();
            if installed { INSTALLED_DATA_DIR } else { DEFAULT_DATA_DIR }.into()
        })
    }

    /// Where the API is.
    ///
    /// # Errors
    /// Nothing tells it.
    pub fn server(&self) -> Outcome<Url> {
        let text = match &self.url {
            Some(url) => url.clone(),
            None => local_server(&self.data_dir())?,
        };
        let url = Url::parse(&text).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
        if let Some(url) = url.as_ref().filter(|u| u.scheme() == "https") {
            let host = url.host_str().unwrap_or_default();
            return Err(Failure::Usage(format!(
                "the API is spoken to over plain HTTP, which is for this machine: {url} cannot be asked\n\
                 Go there by SSH, and ask the near end of the tunnel:\n\
                 ssh -N -L 8666:127.0.0.1:8666 {host}\n\
                 offhook … --url http://127.0.0.1:8666"
            )));
        }
        url.ok_or_else(|| Failure::Usage(format!("{text:?} is no http:// URL; write it like http://127.0.0.1:8666")))
    }

    /// The token, and where it came from.
    fn credential(&self, server: &Url) -> Outcome<String> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        // A token of this machine is not shown to another one.
        let here = server.host_str().is_some_and(|h| {
            let address = h.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
            h == "localhost" || address.is_ok_and(|a| a.is_loopback())
        });
        if self.url.is_some() && !here {
            return Err(Failure::Refused(format!("no token for {server}: set OFFHOOK_TOKEN or give --token")));
        }
        let file = self.data_dir().join("admin.token");
        match fs::read_to_string(&file) {
            Ok(token) => Ok(token.trim().to_owned()),
            Err(error) => Err(Failure::Refused(format!(
                "no token: {} cannot be read ({error})\nSet OFFHOOK_TOKEN, give --token, or name the server's folder with --data-dir.",
                file.display()
            ))),
        }
    }
}

fn local_server(data_dir: &Path) -> Outcome<String> {
    let file = data_dir.join("listeners.json");
    let text = fs::read_to_string(&file).map_err(|error| {
        Failure::Unreachable(format!(
            "no server is known: {} cannot be read ({error})\n\
             Start one here with `offhook serve`, or say where it is: --url URL or OFFHOOK_URL, or --data-dir DIR.",
            file.display()
        ))
    })?;
    let listeners: Value = serde_json::from_str(&text).unwrap_or_default();
    let first = listeners.get("admin").and_then(|a| a.get(0)).and_then(Value::as_str);
    let address = first.and_then(|a| a.parse::<SocketAddr>().ok()).ok_or_else(|| {
        Failure::Unreachable(format!("{} names no admin address: that server has no role \"admin\"; use --url", file.display()))
    })?;
    let host = match address.ip() {
        ip if ip.is_unspecified() && ip.is_ipv4() => "127.0.0.1".to_owned(),
        ip if ip.is_unspecified() => "[::1]".to_owned(),
        ip if ip.is_ipv6() => format!("[{ip}]"),
        ip => ip.to_string(),
    };
    Ok(format!("http://{host}:{}", address.port()))
}

/// A client of one server.
pub struct Client {
    http: reqwest::Client,
    server: Url,
    token: String,
    now: Cell<Option<Timestamp>>,
    /// Writes are only tried.
    dry: Cell<bool>,
    /// Changes hold for this revision only.
    revision: Cell<Option<u64>>,
}

/// Query parameters; those without a value are not sent.
pub type Query<'a> = &'a [(&'a str, Option<String>)];

impl Client {
    /// Finds server and token. Nothing is sent yet.
    pub fn new(connection: &Connection) -> Outcome<Self> {
        let server = connection.server()?;
        let token = connection.credential(&server)?;
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(5)).no_proxy().build();
        let http = http.map_err(|e| Failure::Failed(format!("no HTTP client: {e}")))?;
        Ok(Self { http, server, token, now: Cell::new(None), dry: Cell::new(false), revision: Cell::new(None) })
    }

    /// The time of the newest answer, by the server's clock.
    pub fn now(&self) -> Option<Timestamp> {
        self.now.get()
    }

    /// Where the server is.
    pub fn address(&self) -> String {
        self.server.as_str().trim_end_matches('/').to_owned()
    }

    /// Whether it can serve, as it says to everybody.
    pub async fn is_ready(&self) -> Outcome<bool> {
        let mut url = self.server.clone();
        url.set_path("/readyz");
        let answer = self.http.get(url).timeout(Duration::from_secs(5)).send().await.map_err(|e| self.unreachable(&e))?;
        Ok(answer.status().is_success())
    }

    /// From now on writes are only tried: the server checks and answers them as if made, and keeps nothing.
    pub fn only_try(&self) {
        self.dry.set(true);
    }

    /// From now on changes are made of this revision only; of another one they fail (412).
    pub fn only_of(&self, revision: u64) {
        self.revision.set(Some(revision));
    }

    /// `/api/v1/` and the segments, each escaped.
    fn request(&self, method: Method, segments: &[&str], query: Query<'_>) -> RequestBuilder {
        let mut url = self.server.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]).extend(segments);
        }
        let mut pairs: Vec<(&str, &str)> = query.iter().filter_map(|(n, v)| Some((*n, v.as_deref()?))).collect();
        if self.dry.get() && method != Method::GET && !pairs.contains(&("dry_run", "true")) {
            pairs.push(("dry_run", "true"));
        }
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        let changes = [Method::PATCH, Method::PUT, Method::DELETE].contains(&method);
        let request = self.http.request(method, url).bearer_auth(&self.token).header(header::ACCEPT, "application/json");
        match self.revision.get().filter(|_| changes) {
            Some(revision) => request.header(header::IF_MATCH, format!("\"{revision}\"")),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Outcome<Response> {
        let answer = request.send().await.map_err(|e| self.unreachable(&e))?;
        let date = answer.headers().get(header::DATE).and_then(|d| d.to_str().ok());
        self.now.set(date.and_then(Timestamp::parse_http_date));
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let path = answer.url().path().to_owned();
        let problem = answer.json::<Value>().await.unwrap_or_default();
        Err(Failure::of_problem(status.as_u16(), problem, &path))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let server = self.server.as_str().trim_end_matches('/');
        if error.is_timeout() && !error.is_connect() {
            return Failure::Unreachable(format!(
                "{server} did not finish its answer within {} s\nWhat was asked may still be done there: look before you ask again.",
                PATIENCE.as_secs()
            ));
        }
        Failure::Unreachable(format!(
            "{server} does not answer: {cause}\nIs `offhook serve` running there? Another address is given with --url or OFFHOOK_URL."
        ))
    }

    async fn value(&self, request: RequestBuilder) -> Outcome<Value> {
        let bytes = self.bytes(request).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes)
            .map_err(|_| Failure::Failed(format!("{} does not answer as Offhook does: is it its admin address?", self.server)))
    }

    async fn bytes(&self, request: RequestBuilder) -> Outcome<Vec<u8>> {
        let answer = self.send(request.timeout(PATIENCE)).await?;
        answer.bytes().await.map(|b| b.to_vec()).map_err(|e| self.unreachable(&e))
    }

    /// GET, as JSON.
    pub async fn get(&self, segments: &[&str], query: Query<'_>) -> Outcome<Value> {
        self.value(self.request(Method::GET, segments, query)).await
    }

    /// GET, as JSON; none when there is no such thing.
    pub async fn find(&self, segments: &[&str]) -> Outcome<Option<Value>> {
        match self.get(segments, &[]).await {
            Ok(value) => Ok(Some(value)),
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// GET, as bytes.
    pub async fn download(&self, segments: &[&str], query: Query<'_>) -> Outcome<Vec<u8>> {
        self.bytes(self.request(Method::GET, segments, query).header(header::ACCEPT, "*/*")).await
    }

    /// What it counts, as text.
    pub async fn metrics(&self) -> Outcome<Vec<u8>> {
        let mut url = self.server.clone();
        url.set_path("/metrics");
        self.bytes(self.http.get(url).bearer_auth(&self.token)).await
    }

    /// GET of a stream of events, after the one of that id.
    pub async fn stream(&self, segments: &[&str], query: Query<'_>, after: Option<&str>) -> Outcome<Response> {
        let request = self.request(Method::GET, segments, query).header(header::ACCEPT, "text/event-stream");
        self.send(match after {
            Some(id) => request.header("last-event-id", id),
            None => request,
        })
        .await
    }

    /// POST of a document.
    pub async fn post(&self, segments: &[&str], query: Query<'_>, body: &Value) -> Outcome<Value> {
        self.value(self.request(Method::POST, segments, query).json(body)).await
    }

    /// POST that changes what is there: of the revision that was asked for only.
    pub async fn change(&self, segments: &[&str], query: Query<'_>, body: &Value) -> Outcome<Value> {
        let request = self.request(Method::POST, segments, query);
        let request = if body.is_null() { request } else { request.json(body) };
        self.value(match self.revision.get() {
            Some(revision) => request.header(header::IF_MATCH, format!("\"{revision}\"")),
            None => request,
        })
        .await
    }

    /// JSON merge patch (RFC 7396).
    pub async fn patch(&self, segments: &[&str], query: Query<'_>, body: &Value) -> Outcome<Value> {
        let request = self.request(Method::PATCH, segments, query).json(body);
        self.value(request.header(header::CONTENT_TYPE, "application/merge-patch+json")).await
    }

    /// POST of bytes.
    pub async fn post_bytes(&self, segments: &[&str], query: Query<'_>, bytes: Vec<u8>) -> Outcome<Value> {
        let request = self.request(Method::POST, segments, query).header(header::CONTENT_TYPE, "application/octet-stream");
        self.value(request.body(bytes)).await
    }

    /// PUT of bytes.
    pub async fn put_bytes(&self, segments: &[&str], query: Query<'_>, bytes: Vec<u8>) -> Outcome<Value> {
        let request = self.request(Method::PUT, segments, query).header(header::CONTENT_TYPE, "application/octet-stream");
        self.value(request.body(bytes)).await
    }

    /// DELETE.
    pub async fn delete(&self, segments: &[&str], query: Query<'_>) -> Outcome<Value> {
        self.value(self.request(Method::DELETE, segments, query)).await
    }

    /// POST of a file as what it is; `-` is standard input.
    pub async fn post_file(&self, segments: &[&str], query: Query<'_>, file: &Path, media_type: &'static str) -> Outcome<Value> {
        let cannot = |e: std::io::Error| Failure::Failed(format!("{} cannot be read: {e}", file.display()));
        let request = self.request(Method::POST, segments, query).header(header::CONTENT_TYPE, media_type);
        if file == Path::new("-") {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes).map_err(cannot)?;
            return self.value(request.body(bytes)).await;
        }
        let open = tokio::fs::File::open(file).await.map_err(cannot)?;
        let about = open.metadata().await.map_err(cannot)?;
        if !about.is_file() {
            return Err(Failure::Failed(format!("{} is no file", file.display())));
        }
        self.value(request.header(header::CONTENT_LENGTH, about.len()).body(open)).await
    }

    /// POST of a file, piece by piece.
    pub async fn upload(&self, segments: &[&str], query: Query<'_>, file: &Path) -> Outcome<Value> {
        self.post_file(segments, query, file, "application/octet-stream").await
    }

    /// Pages of a list until there are `limit` items: `{items, next_cursor}`.
    pub async fn list(&self, segments: &[&str], query: Query<'_>, limit: usize) -> Outcome<Value> {
        let (mut items, mut cursor) = (Vec::new(), None);
        loop {
            let ask = limit.saturating_sub(items.len()).clamp(1, 500);
            let mut all: Vec<(&str, Option<String>)> = query.to_vec();
            all.extend([("limit", Some(ask.to_string())), ("cursor", cursor)]);
            let page = self.get(segments, &all).await?;
            items.extend(page.get("items").and_then(Value::as_array).cloned().unwrap_or_default());
            cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() || items.len() >= limit {
                return Ok(serde_json::json!({ "items": items, "next_cursor": cursor }));
            }
        }
    }
}
