//! Real clients: curl over HTTP, and four of TFTP that have little in common. Also what the API answered.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::Value;
use tokio::runtime::Runtime;

/// What came over HTTP.
#[derive(Clone, Debug)]
pub struct Http {
    /// The status code.
    pub status: u16,
    /// Names in lower case; of repeated ones the last.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Http {
    /// Sends a request and reads the whole answer.
    #[must_use]
    pub fn of(request: reqwest::RequestBuilder) -> Self {
        runtime().block_on(async {
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            let headers = answer.headers().iter();
            let headers = headers.map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned())).collect();
            Self { status, headers, body: answer.bytes().await.unwrap().to_vec() }
        })
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, or null when there is none.
    #[must_use]
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The JSON of a success; anything else fails the test.
    #[must_use]
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text());
        self.json()
    }
}

/// Where asynchronous calls of the tests run.
#[must_use]
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
}

/// Runs a client; its Debian package is named when it is missing.
fn run(package: &str, program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output();
    output.unwrap_or_else(|e| panic!("{program}: {e}. This test needs the Debian package {package}"))
}

/// Fetches with curl over HTTP; `options` are curl's own, such as `-H`, `-A`, `--interface 127.0.0.2`.
#[must_use]
pub fn curl(url: &str, options: &[&str]) -> Http {
    let folder = tempfile::tempdir().unwrap();
    let (head, body) = (folder.path().join("head"), folder.path().join("body"));
    let ours = ["-sS", "--max-time", "20", "--noproxy", "*", "--path-as-is", "-D", text(&head), "-o", text(&body)];
    let output = run("curl", "curl", &[&ours[..], options, &[url]].concat());
    assert!(output.status.success(), "curl {options:?} {url}: {output:?}");
    let head = std::fs::read(&head).unwrap();
    let head = String::from_utf8_lossy(&head);
    // After an interim answer (100) comes another head.
    let last = head.trim_end().split("\r\n\r\n").last().unwrap();
    let (first, rest) = last.split_once("\r\n").unwrap_or((last, ""));
    let status = first.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("no status: {head}"));
    let headers = rest.lines().filter_map(|l| l.split_once(':')).map(|(n, v)| (n.to_lowercase(), v.trim().to_owned())).collect();
    Http { status, headers, body: std::fs::read(&body).unwrap_or_default() }
}

/// What came over TFTP: the bytes, or what the client said instead.
pub type Fetched = Result<Vec<u8>, String>;

/// The TFTP clients. Phones are like each of them in something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tftp {
    /// tftp-hpa: no options but blksize when told.
    Hpa,
    /// atftp: any option.
    Atftp,
    /// The client of routers and installers: asks for a block size.
    Busybox,
    /// tsize, blksize and timeout in each request.
    Curl,
}

impl Tftp {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hpa, Self::Atftp, Self::Busybox, Self::Curl];

    /// Fetches a file in octet mode with the client's usual options.
    pub fn fetch(self, server: SocketAddr, name: &str) -> Fetched {
        self.fetch_with(server, name, &[])
    }

    /// The same with further arguments of that client (hpa takes none).
    pub fn fetch_with(self, server: SocketAddr, name: &str, options: &[&str]) -> Fetched {
        let folder = tempfile::tempdir().unwrap();
        let local = folder.path().join("fetched");
        let (host, port, file) = (server.ip().to_string(), server.port().to_string(), text(&local));
        let output = match self {
            Self::Hpa => run("tftp-hpa", "tftp", &["-m", "binary", &host, &port, "-c", "get", name, file]),
            Self::Atftp => run("atftp", "atftp", &[&["--get", "-r", name, "-l", file], options, &[&host, &port]].concat()),
            Self::Busybox => run("busybox", "busybox", &[&["tftp", "-g", "-r", name, "-l", file], options, &[&host, &port]].concat()),
            Self::Curl => {
                let url = format!("tftp://{server}/{name}");
                run("curl", "curl", &[&["-sS", "--max-time", "20", "-o", file], options, &[&url]].concat())
            }
        };
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // tftp-hpa ends well after an error, and says it.
        if output.status.success() && !said.contains("Error code") && !said.contains("timed out") {
            // A client that got nothing may leave no file.
            Ok(std::fs::read(&local).unwrap_or_default())
        } else {
            Err(said)
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}
