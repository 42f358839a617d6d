//! What a service manager does with the server, and the units that tell it so: sockets handed over, states told, a restart that
//! refuses nobody. The package itself is tried by `make deb-test`.

use std::{
    fs,
    io::ErrorKind,
    net::{SocketAddr, TcpListener, UdpSocket},
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use offhook_tests::{
    clients::{Tftp, curl},
    root,
    server::{binary, until},
};
use tempfile::TempDir;

/// The part of a service manager: it owns the sockets, starts the server with them, and hears what it says.
struct Manager {
    home: TempDir,
    admin: TcpListener,
    http: TcpListener,
    tftp: UdpSocket,
    told: UnixDatagram,
    variables: Vec<(&'static str, String)>,
}

impl Manager {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let told = UnixDatagram::bind(home.path().join("notify")).unwrap();
        told.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self {
            admin: TcpListener::bind("127.0.0.1:0").unwrap(),
            http: TcpListener::bind("127.0.0.1:0").unwrap(),
            tftp: UdpSocket::bind("127.0.0.1:0").unwrap(),
            told,
            home,
            variables: Vec::new(),
        }
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    /// Starts the server: the shell moves the three sockets to where sd_listen_fds(3) has them and becomes the server.
    fn start(&self, names: &str) -> Child {
        let socket = |fd: OwnedFd| Stdio::from(fd);
        let script = "exec 3<&0 4<&1 5<&2 0</dev/null 1>>\"$LOG\" 2>&1; export LISTEN_PID=$$; exec \"$0\" serve";
        Command::new("sh")
            .args(["-c", script])
            .arg(binary())
            .env("LOG", self.home.path().join("log"))
            .env("OFFHOOK_DATA_DIR", self.data())
            .env("LISTEN_FDS", "3")
            .env("LISTEN_FDNAMES", names)
            .env("NOTIFY_SOCKET", self.home.path().join("notify"))
            .envs(self.variables.iter().cloned())
            .stdin(socket(self.admin.try_clone().unwrap().into()))
            .stdout(socket(self.http.try_clone().unwrap().into()))
            .stderr(socket(self.tftp.try_clone().unwrap().into()))
            .spawn()
            .unwrap()
    }

    /// Reads what is told until it has this line.
    fn hear(&self, line: &str) {
        let mut buffer = [0; 4096];
        loop {
            let length = self.told.recv(&mut buffer).unwrap_or_else(|e| panic!("{line} is not told ({e}):\n{}", self.log()));
            if String::from_utf8_lossy(&buffer[..length]).lines().any(|l| l == line) {
                return;
            }
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http.local_addr().unwrap())
    }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

const NAMES: &str = "admin:http:tftp";
const FILE: &str = "y000000000028.cfg";

#[test]
fn sockets_of_a_service_manager_are_served_and_named() {
    let mut manager = Manager::new();
    manager.variables.push(("WATCHDOG_USEC", "100000".into()));
    let mut server = manager.start(NAMES);
    manager.hear("READY=1");
    let told: serde_json::Value = serde_json::from_slice(&fs::read(manager.data().join("listeners.json")).unwrap()).unwrap();
    let address = |a: SocketAddr| vec![a.to_string()];
    assert_eq!(told["admin"], serde_json::json!(address(manager.admin.local_addr().unwrap())));
    assert_eq!(told["http"], serde_json::json!(address(manager.http.local_addr().unwrap())));
    assert_eq!(told["tftp"], serde_json::json!(address(manager.tftp.local_addr().unwrap())));

    let over_http = curl(&manager.url(&format!("/{FILE}")), &[]);
    assert_eq!(over_http.status, 200, "{}", manager.log());
    let over_tftp = Tftp::Curl.fetch(manager.tftp.local_addr().unwrap(), FILE);
    assert_eq!(over_tftp.as_deref(), Ok(&*over_http.body), "{}", manager.log());
    let health = Command::new(binary()).arg("health").env("OFFHOOK_DATA_DIR", manager.data()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&health.stdout), "The server can serve.\n");

    manager.hear("WATCHDOG=1");
    signal(&server, "-HUP");
    manager.hear("RELOADING=1");
    manager.hear("READY=1");
    signal(&server, "-TERM");
    manager.hear("STOPPING=1");
    assert!(server.wait().unwrap().success(), "{}", manager.log());
    let health = Command::new(binary()).arg("health").env("OFFHOOK_DATA_DIR", manager.data()).output().unwrap();
    assert_eq!(health.status.code(), Some(4));
}

#[test]
fn a_restart_refuses_no_phone() {
    let manager = Manager::new();
    let mut server = manager.start(NAMES);
    manager.hear("READY=1");
    let over = AtomicBool::new(false);
    let (http, tftp) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for phone in 0..4 {
            let (manager, over, http, tftp) = (&manager, &over, &http, &tftp);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    if phone % 2 == 0 {
                        let answer = curl(&manager.url(&format!("/{FILE}")), &[]);
                        assert_eq!(answer.status, 200, "{}", manager.log());
                        http.fetch_add(1, Ordering::Relaxed);
                    } else {
                        Tftp::Curl.fetch(manager.tftp.local_addr().unwrap(), FILE).unwrap();
                        tftp.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for _ in 0..4 {
            let before = (http.load(Ordering::Relaxed), tftp.load(Ordering::Relaxed));
            signal(&server, "-TERM");
            assert!(server.wait().unwrap().success(), "{}", manager.log());
            server = manager.start(NAMES);
            manager.hear("READY=1");
            // Each kind of phone got its file again.
            let again = || http.load(Ordering::Relaxed) > before.0 + 4 && tftp.load(Ordering::Relaxed) > before.1 + 4;
            assert!(until(|| again().then_some(())).is_some(), "{}", manager.log());
        }
        over.store(true, Ordering::Relaxed);
    });
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn sockets_that_do_not_fit_are_refused_with_their_mend() {
    let refused = |names: &str, variables: &[(&'static str, &str)], parts: &[&str]| {
        let mut manager = Manager::new();
        manager.variables.extend(variables.iter().map(|(n, v)| (*n, (*v).to_owned())));
        let status = manager.start(names).wait().unwrap();
        let log = manager.log();
        assert!(status.code() == Some(1) && parts.iter().all(|p| log.contains(*p)), "{names}: {status}, {log}");
    };
    refused("offhook-admin.socket:http:tftp", &[], &["\"offhook-admin.socket\"", "FileDescriptorName="]);
    refused("admin:tftp:http", &[], &["tftp", "ListenDatagram="]);
    refused(NAMES, &[("OFFHOOK_ROLES", "phones")], &["\"admin\"", "no role", "socket unit"]);
    refused(NAMES, &[("OFFHOOK_ROLES", "admin")], &["\"http\"", "no role"]);
}

/// The units in a folder of their own, with this program in the place of the installed one.
fn units() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(root().join("packaging/systemd")).unwrap() {
        let file = file.unwrap();
        let text = fs::read_to_string(file.path()).unwrap().replace("/usr/bin/offhook", binary().to_str().unwrap());
        fs::write(folder.path().join(file.file_name()), text).unwrap();
    }
    folder
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn analyze(arguments: &[&str], file: &Path) -> Output {
    match Command::new("systemd-analyze").args(arguments).arg(file).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => panic!("systemd-analyze is missing: apt-get install systemd"),
        output => output.unwrap(),
    }
}

#[test]
fn the_units_are_well_formed_and_shut_in() {
    let folder = units();
    for unit in ["offhook.service", "offhook-http.socket", "offhook-tftp.socket", "offhook-admin.socket"] {
        let verified = analyze(&["verify", "--man=no"], &folder.path().join(unit));
        let told = said(&verified);
        // Units of the machine itself that it happens to read are not ours to mend.
        assert!(verified.status.success() && !told.contains("offhook"), "{unit}: {told}");
    }
    // 0 is shut in, 100 is open; the rest is what a server on the network needs.
    let service = folder.path().join("offhook.service");
    let judged = analyze(&["security", "--offline=true", "--threshold=20"], &service);
    assert!(judged.status.success(), "{}", said(&judged));
    let text = fs::read_to_string(service).unwrap();
    assert!(text.contains("\nCapabilityBoundingSet=\n") && text.contains("\nUser=offhook\n"), "capabilities or root:\n{text}");
}

/// What stands after a word at the beginning of lines of the image's description.
fn lines_of<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    text.lines().filter_map(|l| l.strip_prefix(word)?.strip_prefix(' ')).collect()
}

#[test]
fn what_the_image_sets_starts_a_healthy_server() {
    let text = fs::read_to_string(root().join("packaging/container/Containerfile")).unwrap();
    for copied in lines_of(&text, "COPY").iter().filter(|l| !l.starts_with("--from")) {
        let from = copied.split(' ').next().unwrap();
        assert!(root().join(from).exists(), "{from} is not there to be copied");
    }
    assert_eq!(lines_of(&text, "USER"), ["offhook"]);
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    // The same settings on addresses of this machine and in a folder of this test.
    let variables: Vec<(String, String)> = lines_of(&text, "ENV")
        .iter()
        .map(|line| {
            let (name, value) = line.split_once('=').unwrap();
            let value = match value.rsplit_once(':') {
                Some(("0.0.0.0", _)) => "0.0.0.0:0".to_owned(),
                _ => value.replace("/var/lib/offhook", data.to_str().unwrap()),
            };
            (name.to_owned(), value)
        })
        .collect();
    let run = |arguments: &[String]| {
        let mut command = Command::new(binary());
        command.args(arguments).envs(variables.iter().cloned()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let list = |line: &str| serde_json::from_str::<Vec<String>>(line).unwrap();
    let mut server = run(&list(lines_of(&text, "CMD")[0])).spawn().unwrap();
    let listens = until(|| data.join("listeners.json").exists().then_some(()));
    let health = lines_of(&text, "HEALTHCHECK")[0].split_once("CMD ").unwrap().1;
    let health = run(&list(health)[1..]).status().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(listens.is_some() && health.success(), "{health}");
}
