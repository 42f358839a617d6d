//! The real server as a child process: started, asked, killed, started again on the same data. Its log is kept, shown when
//! a test fails, and searched for secrets when it ends.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    clients::Http,
    files_below,
    postgres::{self, Database},
    root,
};

/// How long anything may take that happens at once: a start, an end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program under test: the variable `OFFHOOK_BIN`, else it is built beside the tests.
#[must_use]
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(given) = std::env::var_os("OFFHOOK_BIN") {
            return given.into();
        }
        // This program stands in <target>/<profile>/deps/.
        let here = std::env::current_exe().unwrap();
        let profile = here.ancestors().nth(2).unwrap();
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
        cargo.args(["build", "--quiet", "--locked", "--package", "offhook", "--target-dir"]).arg(profile.parent().unwrap());
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.current_dir(root()).status().unwrap().success(), "the server does not build");
        profile.join("offhook")
    })
}

/// What `listeners.json` says.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Listeners {
    /// REST API, health, metrics.
    #[serde(default)]
    pub admin: Vec<SocketAddr>,
    /// HTTP for phones.
    #[serde(default)]
    pub http: Vec<SocketAddr>,
    /// TFTP for phones.
    #[serde(default)]
    pub tftp: Vec<SocketAddr>,
}

/// A server to be: free ports of 127.0.0.1, an empty data folder, and whatever a test sets beside that.
pub struct Setup {
    variables: BTreeMap<String, String>,
    /// Where the store is no file of the data folder.
    database: Option<Arc<Database>>,
    home: TempDir,
}

impl Default for Setup {
    fn default() -> Self {
        let home = tempfile::Builder::new().prefix("offhook-test-").tempdir().unwrap();
        let setup = Self { variables: BTreeMap::new(), database: None, home };
        let setup = if postgres::wanted() { setup.on(&Arc::new(Database::new())) } else { setup };
        setup.set("admin.listen", "127.0.0.1:0").set("phones.http.listen", "127.0.0.1:0").set("phones.tftp.listen", "127.0.0.1:0")
    }
}

impl Setup {
    /// A key of the configuration, such as `phones.auto_create`, and its value.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.variables.insert(format!("OFFHOOK_{}", key.to_uppercase().replace('.', "__")), value.to_owned());
        self
    }

    /// On this database of PostgreSQL.
    #[must_use]
    pub fn on(mut self, database: &Arc<Database>) -> Self {
        self.database = Some(database.clone());
        self.set("store.url", &database.url())
    }

    /// One more node on the database of a server: with its key, and its token to speak to it.
    #[must_use]
    pub fn beside(server: &Server) -> Self {
        let mut setup = Self::default();
        setup.database.clone_from(&server.setup.database);
        setup.variables.insert("OFFHOOK_STORE__URL".to_owned(), server.setup.variables["OFFHOOK_STORE__URL"].clone());
        fs::create_dir_all(setup.data()).unwrap();
        for name in ["secret.key", "admin.token"] {
            fs::copy(server.data().join(name), setup.data().join(name)).unwrap();
        }
        setup
    }

    /// A variable of the environment that is no key of the configuration.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The data folder, to put files there before the start.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Starts it and waits until it listens.
    #[must_use]
    pub fn start(self) -> Server {
        let mut server = Server { setup: self, child: None, listeners: Listeners::default(), secrets: Vec::new() };
        server.start_again();
        server
    }

    /// Runs it where it must not start: how it ended and what it said.
    #[must_use]
    pub fn refuse(self) -> (ExitStatus, String) {
        let mut child = self.spawn();
        let status = wait(&mut child).unwrap_or_else(|| {
            child.kill().unwrap();
            panic!("it started after all:\n{}", self.log());
        });
        (status, self.log())
    }

    fn log_file(&self) -> PathBuf {
        self.home.path().join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The program with nothing of the caller's own configuration.
    fn command(&self) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("OFFHOOK_")) {
            command.env_remove(name);
        }
        command.current_dir(self.home.path()).stdin(Stdio::null());
        command
    }

    fn serve(&self) -> Command {
        let mut command = self.command();
        command.arg("serve").envs(&self.variables).env("OFFHOOK_DATA_DIR", self.data());
        command
    }

    fn spawn(&self) -> Child {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file()).unwrap();
        self.serve().stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
    }
}

/// Waits for a child's end; nothing when it goes on.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    until(|| child.try_wait().unwrap())
}

/// Asks again and again until there is an answer or patience is at its end.
pub fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    loop {
        match ask() {
            None if begin.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(5)),
            answer => return answer,
        }
    }
}

/// A running server, or one that was killed and can be started again on its data. It ends with the value.
pub struct Server {
    setup: Setup,
    child: Option<Child>,
    listeners: Listeners,
    secrets: Vec<String>,
}

impl Server {
    /// An empty one on free ports.
    #[must_use]
    pub fn start() -> Self {
        Setup::default().start()
    }

    /// Starts it on the data that is there, after [`Server::kill`] or [`Server::stop`].
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let file = self.setup.data().join("listeners.json");
        let _ = fs::remove_file(&file);
        let mut child = self.setup.spawn();
        let listeners = until(|| {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "the server did not start ({ended:?}):\n{}", self.setup.log());
            serde_json::from_slice(&fs::read(&file).ok()?).ok()
        });
        self.child = Some(child);
        self.listeners = listeners.unwrap_or_else(|| panic!("no listeners.json:\n{}", self.setup.log()));
    }

    /// Sets a key of the configuration for the next start.
    pub fn set(&mut self, key: &str, value: &str) {
        self.setup.variables.insert(format!("OFFHOOK_{}", key.to_uppercase().replace('.', "__")), value.to_owned());
    }

    /// SIGKILL: no time for anything.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM; how it ended.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(libc::SIGTERM);
        let mut child = self.child.take().expect("it runs");
        wait(&mut child).unwrap_or_else(|| {
            child.kill().unwrap();
            panic!("SIGTERM did not end it:\n{}", self.log());
        })
    }

    /// Sends a signal, such as SIGHUP.
    #[allow(unsafe_code, reason = "the standard library can only kill")]
    pub fn signal(&self, signal: i32) {
        let id = self.child.as_ref().expect("it runs").id();
        // SAFETY: kill(2) takes two numbers; the child was not waited for, so its id is still its own.
        assert_eq!(unsafe { libc::kill(id.cast_signed(), signal) }, 0);
    }

    /// Starts the program once more on the same data, where it must not start, with further variables: its exit code and what it said
    /// on standard error.
    #[must_use]
    pub fn second(&self, variables: &[(&str, &str)]) -> (Option<i32>, String) {
        let command = &mut self.setup.serve();
        let mut child = command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let status = wait(&mut child);
        let _ = child.kill();
        let said = child.wait_with_output().unwrap().stderr;
        (status.expect("a second process went on").code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.setup.data()
    }

    /// All that it keeps: the files of its data folder, and what is in its database where that is no file there.
    #[must_use]
    pub fn kept(&self) -> Vec<(String, Vec<u8>)> {
        let files = files_below(&self.data()).into_iter().map(|file| (file.display().to_string(), fs::read(&file).unwrap()));
        files.chain(self.setup.database.iter().map(|d| ("the database".to_owned(), d.dump()))).collect()
    }

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// All it wrote, on both outputs, since its first start.
    #[must_use]
    pub fn log(&self) -> String {
        self.setup.log()
    }

    /// Waits until the log has this text.
    pub fn await_log(&self, text: &str) {
        until(|| self.log().contains(text).then_some(())).unwrap_or_else(|| panic!("{text:?} is not logged"));
    }

    /// A text that must never show in the log; looked for when the server ends.
    pub fn plant_secret(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    /// The addresses really bound.
    #[must_use]
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Where phones ask over TFTP.
    #[must_use]
    pub fn tftp(&self) -> SocketAddr {
        self.listeners.tftp[0]
    }

    /// A URL of the phones' side; the path begins with a slash.
    #[must_use]
    pub fn phone_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listeners.http[0])
    }

    /// A URL of the administrators' side.
    #[must_use]
    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listeners.admin[0])
    }

    /// The token of the first start.
    #[must_use]
    pub fn token(&self) -> String {
        fs::read_to_string(self.data().join("admin.token")).unwrap().trim().to_owned()
    }

    /// A call of the REST API as administrator; the path is below `/api/v1`.
    #[must_use]
    pub fn api(&self, method: Method, path: &str, body: Option<&Value>) -> Http {
        let body = body.map(|b| ("application/json", serde_json::to_vec(b).unwrap()));
        self.send(method, path, body)
    }

    /// The same with any body: content type, bytes.
    #[must_use]
    pub fn send(&self, method: Method, path: &str, body: Option<(&str, Vec<u8>)>) -> Http {
        let patch = method == Method::PATCH;
        let mut request = client().request(method, self.admin_url(&format!("/api/v1{path}"))).bearer_auth(self.token());
        if let Some((content_type, bytes)) = body {
            let content_type = if patch && content_type == "application/json" { "application/merge-patch+json" } else { content_type };
            request = request.header("content-type", content_type).body(bytes);
        }
        Http::of(request)
    }

    /// Reads; anything but 200 fails the test.
    #[must_use]
    pub fn get(&self, path: &str) -> Value {
        self.api(Method::GET, path, None).ok()
    }

    /// Creates or calls; anything but success fails the test.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.api(Method::POST, path, Some(body)).ok()
    }

    /// Changes by merge patch; anything but success fails the test.
    pub fn patch(&self, path: &str, body: &Value) -> Value {
        self.api(Method::PATCH, path, Some(body)).ok()
    }

    /// Replaces; anything but success fails the test.
    pub fn put(&self, path: &str, body: &Value) -> Value {
        self.api(Method::PUT, path, Some(body)).ok()
    }

    /// Deletes; anything but success fails the test.
    pub fn delete(&self, path: &str) {
        let _ = self.api(Method::DELETE, path, None).ok();
    }

    /// The command line, which finds this server as a person's would: by the data folder.
    #[must_use]
    pub fn cli(&self, arguments: &[&str]) -> Output {
        self.setup.command().args(arguments).env("OFFHOOK_DATA_DIR", self.data()).output().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("---- the server's log ----\n{log}");
        } else {
            let told: Vec<_> = self.secrets.iter().filter(|s| log.contains(s.as_str())).collect();
            assert!(told.is_empty(), "secrets in the log: {told:?}\n{log}");
        }
    }
}

/// One client for all calls of a test.
fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap())
}
