//! A PostgreSQL of the tests' own: one for all tests that run at a time, in a folder of its own, reached over a socket there and nowhere
//! else; one fresh database for each test. And servers of a single test, which it may stop and start.
//!
//! Every process that uses the common server holds a shared lock on a file; a shell that was started with the server stops it and
//! takes the folder away when nobody has held that lock for a while. So nothing remains, however the tests end, and neither cargo test nor
//! cargo-nextest, where each test is a process, has to be told of it.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use tempfile::TempDir;

/// Names the variable that puts the suites' stores on PostgreSQL, with the value `postgres`.
pub const VARIABLE: &str = "OFFHOOK_TEST_STORE";

/// Whether the suites' stores are to be on PostgreSQL.
#[must_use]
pub fn wanted() -> bool {
    std::env::var(VARIABLE).is_ok_and(|v| v == "postgres")
}

/// Where Debian puts what does not stand on the path.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// Ends the server and removes its folder (`$1`) when two looks in a row find nobody who uses it. Whoever comes meanwhile waits for the
/// lock, and then finds no server and starts one.
const GUARD: &str = r#"
exec 9>>"$1/users"
idle=0
while [ "$idle" -lt 2 ]; do
    sleep 10
    if flock -n -x 9; then idle=$((idle + 1)); [ "$idle" -ge 2 ] || flock -u 9; else idle=0; fi
done
kill -INT "$(head -n 1 "$1/data/postmaster.pid")"
while [ -e "$1/data/postmaster.pid" ]; do sleep 0.1; done
rm -rf "$1"
"#;

/// A database for one test. It goes with the value.
pub struct Database {
    socket: PathBuf,
    name: String,
}

impl Default for Database {
    fn default() -> Self {
        Self::new()
    }
}

impl Database {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let socket = shared().to_owned();
        let _ = sql(
            &socket,
            "postgres",
            &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"),
        );
        Self { socket, name }
    }

    /// Its address, for `store.url`.
    #[must_use]
    pub fn url(&self) -> String {
        url(&self.socket, &self.name)
    }

    /// Runs a statement as the superuser; what it answers, one row a line.
    pub fn sql(&self, statement: &str) -> String {
        sql(&self.socket, &self.name, statement)
    }

    /// All that is in it, as text.
    #[must_use]
    pub fn dump(&self) -> Vec<u8> {
        let mut dump = Command::new("pg_dump");
        let output = dump.args(["-U", "offhook", "-d", &self.name, "-h"]).arg(&self.socket).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Ends every connection to it.
    pub fn cut(&self) {
        let _ = sql(
            &self.socket,
            "postgres",
            &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.name),
        );
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Should it fail, it goes with the server.
        let _ = psql(&self.socket, "postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// A server of one test alone. It ends with the value.
pub struct Server {
    folder: TempDir,
    started: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A running one with an empty database.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("offhook-pg-").tempdir().unwrap();
        make(folder.path());
        let mut server = Self { folder, started: false };
        server.start();
        let _ = sql(server.folder.path(), "postgres", "CREATE DATABASE offhook TEMPLATE template0 ENCODING 'UTF8'");
        server
    }

    /// The address of its database, for `store.url`.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.folder.path(), "offhook")
    }

    /// Starts it again.
    pub fn start(&mut self) {
        start(self.folder.path());
        self.started = true;
    }

    /// Stops it; every connection is cut.
    pub fn stop(&mut self) {
        if std::mem::take(&mut self.started) {
            stop(self.folder.path());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn url(socket: &Path, database: &str) -> String {
    format!("postgres://offhook@localhost/{database}?host={}", socket.display())
}

/// The folder of the common server, which is started when it does not run.
fn shared() -> &'static Path {
    static SHARED: OnceLock<(PathBuf, File)> = OnceLock::new();
    let (folder, _) = SHARED.get_or_init(|| {
        let mut here = crate::root()
            .as_os_str()
            .as_encoded_bytes()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        // SAFETY: geteuid(2) cannot fail.
        #[allow(unsafe_code, reason = "the standard library does not tell")]
        let me = unsafe { libc::geteuid() };
        here ^= u64::from(me);
        // Short: the path of a socket has at most 107 bytes.
        let folder = PathBuf::from(format!("/tmp/offhook-pg-{here:016x}"));
        loop {
            fs::create_dir_all(&folder).unwrap();
            let Ok(starting) = File::options().create(true).append(true).open(folder.join("starting")) else { continue };
            starting.lock().unwrap();
            let Ok(users) = File::options().create(true).append(true).open(folder.join("users")) else { continue };
            users.lock_shared().unwrap();
            // The folder may have gone while this waited.
            let held = users.metadata().unwrap().ino();
            if !fs::metadata(folder.join("users")).is_ok_and(|now| now.ino() == held) {
                continue;
            }
            if !psql(&folder, "postgres", "SELECT 1").status.success() {
                make(&folder);
                start(&folder);
                guard(&folder);
            }
            return (folder, users);
        }
    });
    folder
}

/// Starts the shell that ends the common server, apart from whatever ends this process.
fn guard(folder: &Path) {
    let mut command = Command::new("setsid");
    command.args(["--fork", "sh", "-c", GUARD, "offhook-postgres-guard"]).arg(folder).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
}

/// A new server's data in the folder.
fn make(folder: &Path) {
    let data = folder.join("data");
    let _ = fs::remove_dir_all(&data);
    if is_root() {
        chown(folder);
    }
    let mut initdb = program("initdb");
    initdb.args(["--no-sync", "--auth=trust", "--username=offhook", "--encoding=UTF8", "--locale=C.UTF-8", "-D"]).arg(&data);
    done(&mut initdb);
    let settings = "listen_addresses = ''\nfsync = off\nmax_connections = 400\nmax_wal_size = '128MB'\nlogging_collector = off\n\
         shared_buffers = '64MB'\nunix_socket_permissions = 0700\nunix_socket_directories = ";
    let settings = format!("{settings}'{}'\n", folder.display());
    File::options().append(true).open(data.join("postgresql.conf")).unwrap().write_all(settings.as_bytes()).unwrap();
}

fn start(folder: &Path) {
    let mut start = program("pg_ctl");
    start.args(["start", "-s", "-w", "-t", "60", "-D"]).arg(folder.join("data")).arg("-l").arg(folder.join("log"));
    // What it leaves running must not hold a pipe of ours.
    start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
    assert!(start.status().unwrap().success(), "PostgreSQL does not start:\n{}", log());
}

fn stop(folder: &Path) {
    let mut stop = program("pg_ctl");
    stop.args(["stop", "-s", "-w", "-m", "fast", "-D"]).arg(folder.join("data"));
    done(&mut stop);
}

fn sql(socket: &Path, database: &str, statement: &str) -> String {
    let output = psql(socket, database, statement);
    assert!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn psql(socket: &Path, database: &str, statement: &str) -> Output {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "offhook", "-d", database, "-c", statement, "-h"]).arg(socket);
    psql.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("psql is needed (Debian package postgresql): {e}"))
}

/// A program of the server; as the user `postgres` where we are root, for it refuses to run as that.
fn program(name: &str) -> Command {
    let found = newest(name).unwrap_or_else(|| panic!("{name} is needed (Debian package postgresql)"));
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(found);
        command
    } else {
        Command::new(found)
    };
    command.current_dir("/").stdin(Stdio::null()).process_group(0);
    command
}

/// The program of the newest version that is installed.
fn newest(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir(PROGRAMS).ok()?.filter_map(|v| Some(v.ok()?.path()));
    let number = |path: &PathBuf| path.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse::<u32>().ok());
    let newest = versions.filter(|v| v.join("bin").join(name).exists()).max_by_key(number)?;
    Some(newest.join("bin").join(name))
}

#[allow(unsafe_code, reason = "the standard library does not tell")]
fn is_root() -> bool {
    // SAFETY: geteuid(2) cannot fail.
    unsafe { libc::geteuid() == 0 }
}

fn chown(folder: &Path) {
    done(Command::new("chown").arg("postgres:").arg(folder));
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}
