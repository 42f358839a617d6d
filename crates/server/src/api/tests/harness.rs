//! A whole server in process, and a small client for it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use offhook_core::{
    clock::{Clock, Entropy, Timestamp},
    request::{Request as PhoneRequest, Transport},
    token::Role,
};
use offhook_packs::Catalog;
use offhook_store::{Store, StoreOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{
    api,
    app::{App, jobs::Jobs, packs::PackLoader},
    config::Config,
    event::Metrics,
    pipeline::{Answer as PhoneAnswer, Parts, Pipeline},
};

/// A MAC address of a maker whose pack is built in.
pub const MAC: &str = "00:15:65:aa:bb:cc";

/// A clock that is moved by hand.
pub struct HandClock(AtomicI64);

impl HandClock {
    pub fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Bytes that never repeat and are the same in every run.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *byte = ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 56) as u8;
        }
    }
}

pub struct Server {
    pub app: App,
    pub router: Router,
    pub clock: Arc<HandClock>,
    pub admin: String,
    pub reader: String,
    writer: Mutex<Option<JoinHandle<()>>>,
    _dir: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With `OFFHOOK_…` variables.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut all = vec![("OFFHOOK_PHONES__TRUSTED_NETWORKS", "127.0.0.0/8,10.0.0.0/8")];
        all.extend(variables);
        let variables = all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let config = Arc::new(Config::load(None, variables, Some(dir.path()), &[]).unwrap());
        let start = Timestamp::parse("2026-11-21T04:00:00Z").unwrap();
        let clock = Arc::new(HandClock(AtomicI64::new(start.as_millis())));
        let entropy: Arc<dyn Entropy> = Arc::new(Counting(AtomicU64::new(1)));
        let catalog = Catalog::embedded();
        let options = StoreOptions { raw_secrets: catalog.raw_secrets().clone(), ..StoreOptions::in_dir(dir.path()) };
        let store = Store::open(options, clock.clone(), entropy.clone()).await.unwrap();
        let closing = CancellationToken::new();
        let metrics = Arc::new(Metrics::default());
        let (pipeline, writer) = Pipeline::new(Parts {
            config: &config,
            store: store.clone(),
            catalog,
            http: &[SocketAddr::from(([127, 0, 0, 1], 8667))],
            metrics: metrics.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            stop: closing.clone(),
        });
        let (_, admin) = store.create_token("the tests", Role::Admin, None).await.unwrap();
        let (_, reader) = store.create_token("a reader", Role::ReadOnly, None).await.unwrap();
        let packs = PackLoader::new(store.clone(), dir.path().join("packs"));
        let jobs = Jobs::new(clock.clone(), entropy.clone(), closing.clone());
        let metrics = Arc::new(move || metrics.text());
        let (templates, backups) = (Arc::default(), Arc::new(tokio::sync::Semaphore::new(1)));
        let app = App { config, pipeline, store, packs, jobs, clock: clock.clone(), entropy, metrics, templates, backups, closing };
        Self { router: api::router(app.clone()), app, clock, admin, reader, writer: Mutex::new(Some(writer)), _dir: dir }
    }

    /// What phones left is in the store afterwards. Once, and the server is stopping then.
    pub async fn write_down(&self) {
        self.app.closing.cancel();
        let writer = self.writer.lock().unwrap().take().unwrap();
        writer.await.unwrap();
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// The head of the answer alone, of one that does not end.
    pub async fn send_for_the_head(&self, request: Request<Body>) -> Answer {
        let (parts, _) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        Answer { status: parts.status, headers: parts.headers, bytes: Vec::new() }
    }

    /// As an admin, a file to a path below `/api/v1`.
    pub async fn upload(&self, path: &str, bytes: &[u8]) -> Answer {
        let request = Request::post(format!("/api/v1{path}")).header("authorization", format!("Bearer {}", self.admin));
        self.send(request.body(Body::from(bytes.to_vec())).unwrap()).await
    }

    /// As an admin, of a path below `/api/v1`.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_as(&self.admin, method, &format!("/api/v1{path}"), body).await
    }

    pub async fn call_as(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = body.map_or_else(Body::empty, |b| Body::from(b.to_string()));
        self.send(request.header("content-type", "application/json").body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None).await
    }

    /// A job as it is when it ended.
    pub async fn ended(&self, job: &Value) -> Value {
        let path = format!("/jobs/{}", job["id"].as_str().unwrap());
        loop {
            let job = self.get(&path).await.expect(200);
            if ["done", "failed", "cancelled"].contains(&job["state"].as_str().unwrap()) {
                return job;
            }
            tokio::task::yield_now().await;
        }
    }

    /// A phone asks over HTTP; what it got.
    pub async fn phone(&self, path: &str, user_agent: &str, ip: &str) -> PhoneAnswer {
        let mut request = PhoneRequest::new(Transport::Http, ip.parse::<IpAddr>().unwrap());
        request.path = Some(path.to_owned());
        request.headers = vec![("user-agent".to_owned(), user_agent.to_owned())];
        let answered = self.app.pipeline.answer(request).await;
        let answer = answered.answer().clone();
        let (status, bytes) = match &answer {
            PhoneAnswer::File(file) => (200, file.body.len() as u64),
            _ => (404, 0),
        };
        answered.finish("GET", status, bytes, status == 200);
        answer
    }
}

/// What the API answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body, after a look at the status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        if self.bytes.is_empty() { Value::Null } else { serde_json::from_slice(&self.bytes).unwrap_or(Value::Null) }
    }

    /// The problem of that status; its shape is checked.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Value {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        assert_eq!(problem["status"], status);
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|t| !t.is_empty()), "{problem}");
        }
        for fault in problem["faults"].as_array().unwrap() {
            assert!(fault["field"].is_string() && fault["message"].as_str().is_some_and(|m| !m.is_empty()), "{problem}");
        }
        problem
    }

    /// The fields of the faults of a problem.
    #[track_caller]
    pub fn faults(&self, status: u16) -> Vec<String> {
        self.problem(status)["faults"].as_array().unwrap().iter().map(|f| f["field"].as_str().unwrap().to_owned()).collect()
    }

    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
