//! Packs that come and go on a running server while phones fetch: from folders, archives and a signed index; side by side, pinned,
//! refused, removed and back again; and phones that are told.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use offhook_tests::{Server, Setup, clients, clients::Tftp, copy_folder, root};
use reqwest::Method;
use serde_json::json;

const AGENT: &str = "Zentoro Z100 1.2.3 02:5a:54:00:00:07";
const FILE: &str = "/zt-025a54000007.conf";
const MAC: &str = "025a54000007";
const STEADY: &str = "001565aabbcc";

/// The invented pack in that version; its device file says which one made it.
fn pack(dir: &Path, version: &str, template: &str) -> PathBuf {
    let folder = dir.join(version).join("zentoro");
    copy_folder(&root().join("tests/packs/zentoro"), &folder);
    let manifest = fs::read_to_string(folder.join("vendor.toml")).unwrap();
    fs::write(folder.join("vendor.toml"), manifest.replace("1.0.0", version)).unwrap();
    fs::write(folder.join("templates/base.tpl"), template).unwrap();
    folder
}

fn made_by(version: &str) -> String {
    format!("made_by: {version}\n")
}

#[track_caller]
fn cli(server: &Server, arguments: &[&str]) -> (bool, String) {
    let output = server.cli(arguments);
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn well(server: &Server, arguments: &[&str]) -> String {
    let (good, told) = cli(server, arguments);
    assert!(good, "{arguments:?}: {told}");
    told
}

fn fetch(server: &Server) -> clients::Http {
    clients::curl(&server.phone_url(FILE), &["-A", AGENT])
}

/// A phone that asks again and again, over HTTP and TFTP; everything that it got.
struct Phone {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    got: Arc<Mutex<Vec<String>>>,
}

impl Phone {
    fn boot(server: &Server, path: &'static str, agent: &'static str) -> Self {
        let (url, tftp) = (server.phone_url(path), server.tftp());
        let (stop, got) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stopped, into) = (stop.clone(), got.clone());
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                let answer = clients::curl(&url, &["-A", agent]);
                let http = if answer.status == 200 { answer.text() } else { format!("HTTP {}", answer.status) };
                let tftp = Tftp::Curl.fetch(tftp, path.trim_start_matches('/')).map(|b| String::from_utf8_lossy(&b).into_owned());
                into.lock().unwrap().extend([http, tftp.unwrap_or_else(|e| format!("TFTP {e}"))]);
            }
        });
        Self { stop, thread, got }
    }

    /// What it got since it was asked last.
    fn got(&self) -> Vec<String> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }

    fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        std::mem::take(&mut *self.got.lock().unwrap())
    }
}

#[test]
fn packs_come_and_go_while_phones_fetch() {
    let dir = tempfile::tempdir().unwrap();
    let one = pack(dir.path(), "1.0.0", &made_by("1"));
    let two = pack(dir.path(), "2.0.0", &made_by("2"));
    let server = Setup::default().start();
    let process = server.log().len();
    server.post("/devices", &json!({ "mac": STEADY, "model": "T46S" }));
    let steady = Phone::boot(&server, "/001565aabbcc.cfg", "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc");
    assert_eq!(fetch(&server).status, 404, "no pack knows it yet");

    // From a folder: at once, and no restart.
    let told = well(&server, &["pack", "install", one.to_str().unwrap()]);
    assert!(told.contains("zentoro 1.0.0 is installed and serves from now on."), "{told}");
    server.post("/devices", &json!({ "mac": MAC, "model": "Z100", "settings": { "display": { "text": "Lobby" } } }));
    assert_eq!(fetch(&server).text(), made_by("1"));
    let phone = Phone::boot(&server, FILE, AGENT);
    assert_eq!(server.get(&format!("/devices/{MAC}"))["sync"], "current");

    // A newer one as an archive: what changes is told, first without doing it.
    let archive = dir.path().join("zentoro-2.0.0.tar.gz");
    assert!(Command::new("tar").arg("czf").arg(&archive).arg("-C").arg(two.parent().unwrap()).arg("zentoro").status().unwrap().success());
    let told = well(&server, &["pack", "install", archive.to_str().unwrap(), "--dry-run", "--diff"]);
    assert!(told.contains("1 devices, 1 rendered, 1 get something else.") && told.contains("+made_by: 2"), "{told}");
    assert_eq!(fetch(&server).text(), made_by("1"));
    well(&server, &["pack", "install", archive.to_str().unwrap()]);
    assert_eq!(fetch(&server).text(), made_by("2"));

    // Side by side.
    well(&server, &["device", "set", MAC, "--pack", "zentoro@1"]);
    assert_eq!(fetch(&server).text(), made_by("1"), "pinned to the older version");
    let list = server.get("/packs?q=zentoro")["items"].clone();
    let told: Vec<(&str, bool, u64)> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["version"].as_str().unwrap(), p["serving"].as_bool().unwrap(), p["devices"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [("1.0.0", false, 1), ("2.0.0", true, 0)]);
    let (good, told) = cli(&server, &["pack", "uninstall", "zentoro@1.0.0"]);
    assert!(!good && told.contains("serves 1 devices (02:5a:54:00:00:07)"), "{told}");

    // All of one pack to another, after a look.
    let told = well(&server, &["device", "set", "--pack", "zentoro@1", "--to-pack", "zentoro@2.0.0", "--dry-run"]);
    assert!(told.contains("1 devices would get zentoro@2.0.0.") && told.contains("nothing is changed"), "{told}");
    let told = well(&server, &["device", "set", "--pack", "zentoro@1", "--to-pack", "zentoro"]);
    assert!(told.contains("1 devices have zentoro now."), "{told}");
    assert_eq!(fetch(&server).text(), made_by("2"));
    well(&server, &["pack", "uninstall", "zentoro@1.0.0"]);
    assert!(phone.got().iter().all(|got| *got == made_by("1") || *got == made_by("2")), "one or the other, always whole");

    // What does not render for a device is not installed; forced, it can be.
    let three = pack(dir.path(), "3.0.0", "{% if settings.display.text == 'Lobby' %}{{ nothing_of_the_kind() }}{% endif %}made_by: 3\n");
    let (good, told) = cli(&server, &["pack", "install", three.to_str().unwrap()]);
    assert!(!good && told.contains("base.tpl") && told.contains("is not installed"), "{told}");
    // What is wrong in itself is told with file and line.
    fs::write(three.join("templates/base.tpl"), "one: 1\n{% if %}\n").unwrap();
    let (good, told) = cli(&server, &["pack", "install", three.to_str().unwrap()]);
    assert!(!good && told.contains("templates/base.tpl: line 2"), "{told}");
    assert!(phone.got().iter().all(|got| *got == made_by("2")));

    // Removed, by force as a phone needs it, and back again after a restart.
    let (good, _) = cli(&server, &["pack", "uninstall", "zentoro"]);
    assert!(!good);
    let before = phone.end();
    assert!(before.iter().all(|got| *got == made_by("2")), "{before:?}");
    well(&server, &["pack", "uninstall", "zentoro", "--force"]);
    assert_eq!(fetch(&server).status, 404);
    well(&server, &["pack", "install", archive.to_str().unwrap()]);
    assert_eq!(fetch(&server).text(), made_by("2"));

    // A built-in one is hidden and comes back; the phone that has it is served from then on.
    let got = steady.end();
    assert!(got.len() > 4 && got.iter().all(|g| *g == got[0]) && !got[0].starts_with("HTTP"), "{:?}", got.iter().find(|g| **g != got[0]));
    well(&server, &["pack", "uninstall", "yealink", "--force"]);
    assert_eq!(clients::curl(&server.phone_url("/001565aabbcc.cfg"), &[]).status, 404);
    let (good, told) = cli(&server, &["device", "check", STEADY]);
    assert!(!good && told.contains("yealink, is not installed"), "{told}");
    well(&server, &["pack", "install", "yealink"]);
    assert_eq!(clients::curl(&server.phone_url("/001565aabbcc.cfg"), &[]).status, 200);
    assert!(server.log().len() >= process, "the same process all the time");
}

#[test]
fn installed_packs_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Setup::default().start();
    well(&server, &["pack", "install", pack(dir.path(), "1.0.0", &made_by("1")).to_str().unwrap()]);
    server.post("/devices", &json!({ "mac": MAC, "model": "Z100" }));
    assert_eq!(fetch(&server).text(), made_by("1"));
    server.kill();
    server.start_again();
    assert_eq!(fetch(&server).text(), made_by("1"));
    assert_eq!(server.get(&format!("/devices/{MAC}"))["sync"], "current", "the same pack is the same content");
    well(&server, &["pack", "install", pack(dir.path(), "1.1.0", &made_by("1.1")).to_str().unwrap()]);
    assert_eq!(server.get("/devices?sync=outdated")["items"].as_array().map(Vec::len), Some(1), "lists know it without rendering");
}

#[test]
fn archives_that_mean_harm_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Setup::default().start();
    let folder = pack(dir.path(), "1.0.0", &made_by("1"));
    let made = |name: &str, arguments: &[&str]| {
        let archive = dir.path().join(name);
        let status = Command::new("tar").arg("czf").arg(&archive).args(arguments).current_dir(folder.parent().unwrap()).status().unwrap();
        assert!(status.success());
        fs::read(archive).unwrap()
    };
    let zeros = fs::File::create(folder.join("zeros")).unwrap();
    zeros.set_len(200 << 20).unwrap();
    let bomb = made("bomb.tgz", &["zentoro"]);
    fs::remove_file(folder.join("zeros")).unwrap();
    let traversal = made("traversal.tgz", &["-P", "--transform", "s,zentoro/models,../../models,", "zentoro"]);
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
    let link = made("link.tgz", &["zentoro"]);
    for (archive, why) in [
        (bomb, "too great"),
        (traversal, "leads out"),
        (link, "a link"),
        (b"hello".to_vec(), "neither"),
        (Vec::new(), "neither"),
        (made("none.tgz", &["zentoro/templates"]), "no vendor.toml"),
    ] {
        let answer = server.send(Method::POST, "/packs", Some(("application/octet-stream", archive)));
        assert_eq!(answer.status, 422, "{why}: {}", answer.text());
        assert!(answer.text().contains(why), "{why}: {}", answer.text());
    }
    assert_eq!(server.get("/packs?q=zentoro")["items"], json!([]));
}

/// A web server of files in a folder, until the test ends.
fn serve(listener: TcpListener, folder: PathBuf) {
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 2048];
            let length = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let name = head.split_whitespace().nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
            let answer = match fs::read(folder.join(name)) {
                Ok(bytes) => {
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
                    [head.into_bytes(), bytes].concat()
                }
                Err(_) => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
            };
            let _ = stream.write_all(&answer);
        }
    });
}

#[test]
fn a_signed_index_is_taken_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("site");
    fs::create_dir(&site).unwrap();
    let (key, other) = (dir.path().join("key"), dir.path().join("other"));
    let offhook = |arguments: &[&str]| {
        let output = Command::new(offhook_tests::server::binary()).args(["pack", "index"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let public = offhook(&["keygen", key.to_str().unwrap()]);
    offhook(&["keygen", other.to_str().unwrap()]);
    let build = || offhook(&["build", site.to_str().unwrap(), "--key", key.to_str().unwrap()]);
    copy_folder(&pack(dir.path(), "1.0.0", &made_by("1")), &site.join("zentoro"));
    build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/index.json", listener.local_addr().unwrap());
    serve(listener, site.clone());
    let server = Setup::default().set("packs.index", &url).set("packs.index_key", &public).start();

    let told = well(&server, &["pack", "list", "--installable"]);
    assert!(told.contains("zentoro") && told.contains("1.0.0"), "{told}");
    well(&server, &["pack", "install", "zentoro"]);
    server.post("/devices", &json!({ "mac": MAC, "model": "Z100" }));
    assert_eq!(fetch(&server).text(), made_by("1"));
    assert_eq!(server.get("/packs/zentoro")["source"], "index");
    let old = (fs::read(site.join("index.json")).unwrap(), fs::read(site.join("index.json.sig")).unwrap());

    copy_folder(&pack(dir.path(), "2.0.0", &made_by("2")), &site.join("zentoro"));
    build();
    let archive = site.join("zentoro-2.0.0.tar.gz");
    let good = fs::read(&archive).unwrap();
    // Other bytes than the index says, of the same length and of another.
    let mut bent = good.clone();
    bent[50] ^= 1;
    for bytes in [bent, good[1..].to_vec()] {
        fs::write(&archive, bytes).unwrap();
        let (good, told) = cli(&server, &["pack", "upgrade", "zentoro"]);
        assert!(!good && told.contains("not the expected one"), "{told}");
    }
    fs::write(&archive, &good).unwrap();
    // Signed by somebody else.
    offhook(&["sign", site.join("index.json").to_str().unwrap(), "--key", other.to_str().unwrap()]);
    let (fine, told) = cli(&server, &["pack", "upgrade", "--all"]);
    assert!(!fine && told.contains("not that of the pinned key"), "{told}");
    offhook(&["sign", site.join("index.json").to_str().unwrap(), "--key", key.to_str().unwrap()]);
    let told = well(&server, &["pack", "upgrade", "--all"]);
    assert!(told.contains("zentoro 2.0.0 is installed and serves"), "{told}");
    assert_eq!(fetch(&server).text(), made_by("2"));
    // An old index with a good signature.
    fs::write(site.join("index.json"), old.0).unwrap();
    fs::write(site.join("index.json.sig"), old.1).unwrap();
    let (fine, told) = cli(&server, &["pack", "list", "--installable"]);
    assert!(!fine && told.contains("an old index is not taken"), "{told}");
}

#[test]
fn phones_are_told_and_their_answers_explained() {
    let server = Setup::default().start();
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = phone.local_addr().unwrap().port();
    let lines = json!({ "1": { "username": "1001", "servers": [{ "host": "pbx.example" }] } });
    server.post("/devices", &json!({ "mac": STEADY, "model": "T46S", "settings": { "lines": lines, "network": { "sip_port": port } } }));
    let (good, told) = cli(&server, &["device", "sync", STEADY]);
    assert!(!good && told.contains("never seen"), "{told}");
    assert_eq!(clients::curl(&server.phone_url("/001565aabbcc.cfg"), &[]).status, 200);
    let answering = thread::spawn(move || {
        let mut events = Vec::new();
        for status in ["200 OK", "489 Bad Event"] {
            let mut buffer = [0; 4096];
            let (length, from) = phone.recv_from(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let line = |name: &str| text.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
            events.push(format!("{} {}", text.lines().next().unwrap(), line("Event:")));
            let answer = format!("SIP/2.0 {status}\r\n{}\r\n{}\r\nContent-Length: 0\r\n\r\n", line("Via:"), line("CSeq:"));
            phone.send_to(answer.as_bytes(), from).unwrap();
        }
        events
    });
    let told = well(&server, &["device", "sync", "--mac", "00-15-65-AA-BB-CC"]);
    assert!(told.contains("00:15:65:aa:bb:cc: it took it (200)"), "{told}");
    let (good, told) = cli(&server, &["device", "sync", "--pack", "yealink", "--reboot"]);
    assert!(!good && told.contains("does not know the event"), "{told}");
    let events = answering.join().unwrap();
    assert_eq!(events[0], format!("NOTIFY sip:1001@127.0.0.1:{port} SIP/2.0 Event: check-sync;reboot=false"));
    assert!(events[1].ends_with("Event: check-sync;reboot=true"), "{events:?}");
}

#[test]
fn a_pack_is_overridden_upgraded_removed_and_back_while_phones_fetch() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (pack(dir.path(), "1.0.0", &made_by("1")), pack(dir.path(), "2.0.0", &made_by("2")));
    let server = Setup::default().start();
    let install = |folder: &Path| well(&server, &["pack", "install", folder.to_str().unwrap()]);
    install(&one);
    server.post("/devices", &json!({ "mac": MAC, "model": "Z100" }));
    let phone = Phone::boot(&server, FILE, AGENT);
    let site = |version: &str| format!("site: 1\n{}", made_by(version));
    server.put("/templates/site/zentoro/base.tpl", &json!({ "source": "site: 1\n{% include \"@pack/base.tpl\" %}" }));
    assert_eq!(fetch(&server).text(), site("1"));

    let told = install(&two);
    assert!(told.contains("offhook template merge zentoro base.tpl"), "{told}");
    assert_eq!(fetch(&server).text(), site("2"), "the override lies over the newer pack");
    let stale = server.get("/templates?pack=zentoro&stale=true")["items"].clone();
    assert_eq!((stale.as_array().unwrap().len(), &stale[0]["name"]), (1, &json!("base.tpl")));
    let (good, told) = cli(&server, &["template", "diff", "zentoro", "base.tpl"]);
    assert!(good && told.contains("What the pack changed since, from 1.0.0 to 2.0.0") && told.contains("+made_by: 2"), "{told}");

    well(&server, &["pack", "uninstall", "zentoro", "--force"]);
    assert_eq!(fetch(&server).status, 404);
    install(&two);
    assert_eq!(fetch(&server).text(), site("2"), "the override counts again");
    let allowed = |got: &String| [made_by("1"), site("1"), site("2"), "HTTP 404".to_owned()].contains(got) || got.starts_with("TFTP ");
    let got = phone.end();
    assert!(got.len() > 4 && got.iter().all(allowed), "{:?}", got.iter().find(|g| !allowed(g)));
}
