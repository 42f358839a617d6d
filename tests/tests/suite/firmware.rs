//! Firmware as an administrator and a phone have it: fetched from a catalogue, taken from an archive, assigned, offered or not, served.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use offhook_tests::{Server, Setup, clients, clients::Tftp, copy_folder, root, until};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const AGENT: &str = "Zentoro Z100 1.2.3 02:5a:54:00:00:07";
const FILE: &str = "/zt-025a54000007.conf";

/// A server of files, with what it was asked.
struct Files {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Files {
    fn of(files: Vec<(&str, Vec<u8>)>) -> Self {
        let files: HashMap<String, Vec<u8>> = files.into_iter().map(|(n, b)| (format!("/{n}"), b)).collect();
        Self::serve(move |path| files.get(path).cloned())
    }

    /// What lies in a folder at the time.
    fn in_folder(folder: &Path) -> Self {
        let folder = folder.to_owned();
        Self::serve(move |path| std::fs::read(folder.join(path.trim_start_matches('/'))).ok())
    }

    fn serve(file: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let kept = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap_or(0) == 0 {
                        break;
                    }
                    head.push(byte[0]);
                }
                let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
                let answer = match file(path.split('?').next().unwrap()) {
                    Some(bytes) => [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len()).as_bytes(), &bytes].concat(),
                    None => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
                };
                kept.lock().unwrap().push(path);
                let _ = stream.write_all(&answer);
            }
        });
        Self { address, asked }
    }
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Bytes that nothing can make smaller.
fn noise(length: usize, seed: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 32);
    let mut block = Sha256::digest([seed]).to_vec();
    while bytes.len() < length {
        bytes.extend_from_slice(&block);
        block = Sha256::digest(&block).to_vec();
    }
    bytes.truncate(length);
    bytes
}

/// A tar.gz, made by tar.
fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let output = Command::new("tar").args(["-czf", "-", "-C"]).arg(folder.path()).arg(".").output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// A pack that knows firmware, with this `firmware.toml`.
fn with_pack(setup: &Setup, catalogue: &str) {
    let pack = setup.data().join("packs/zentoro");
    copy_folder(&root().join("tests/packs/zentoro"), &pack);
    append(
        &pack.join("vendor.toml"),
        "\n[[file]]\nname = \"firmware\"\npattern = '''[^/]+\\.zfw'''\nkind = \"firmware\"\nsource = \"firmware\"\n",
    );
    append(
        &pack.join("vendor.toml"),
        "\n[[image]]\nmatch = '''^(?P<version>[\\d.]+)$'''\nfiles = [\"boot-{version}.zfw\", \"main-{version}.zfw\"]\n",
    );
    append(&pack.join("templates/base.tpl"), "{% if image and image.complete %}firmware: {{ image.files[1] }}\n{% endif %}\n");
    std::fs::write(pack.join("firmware.toml"), catalogue).unwrap();
}

fn append(file: &Path, text: &str) {
    let old = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, old + text).unwrap();
}

fn entry(version: &str, url: &str, download: &[u8], recipe: &str) -> String {
    format!(
        "[[firmware]]\nversion = \"{version}\"\nmodels = [\"Z100\"]\ntitle = \"Zentoro {version}\"\nurl = \"{url}\"\nsize = {}\nsha256 = \"{}\"\n\
         files = [\"boot-{version}.zfw\", \"main-{version}.zfw\"]\n{recipe}\n",
        download.len(),
        sum(download)
    )
}

const TAR: &str = "[[firmware.unpack]]\nop = \"tar\"\nselect = [\"*.zfw\"]\n";

fn cli(server: &Server, arguments: &[&str]) -> (bool, String) {
    let output = server.cli(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

fn done(server: &Server, job: &Value) -> Value {
    let path = format!("/jobs/{}", job["id"].as_str().unwrap());
    until(|| Some(server.get(&path)).filter(|j| ["done", "failed", "cancelled"].contains(&j["state"].as_str().unwrap()))).unwrap()
}

fn boot(server: &Server) -> String {
    clients::curl(&server.phone_url(FILE), &["-A", AGENT]).text()
}

#[test]
fn from_the_catalogue_to_the_phone() {
    let (loader, main) = (noise(5000, 1), noise(300_000, 2));
    let archive = tar_gz(&[("release/boot-1.3.0.zfw", &loader), ("release/main-1.3.0.zfw", &main), ("notes.txt", b"x")]);
    let files = Files::of(vec![("one.tgz", archive.clone()), ("bad.tgz", archive.clone())]);
    let base = format!("http://{}", files.address);
    let wrong = entry("1.4.0", &format!("{base}/bad.tgz?key=planted-key"), &noise(archive.len(), 9), TAR);
    let gone = entry("1.5.0", &format!("{base}/gone.tgz"), b"x", TAR);
    let setup = Setup::default();
    with_pack(&setup, &(entry("1.3.0", &format!("{base}/one.tgz"), &archive, TAR) + &wrong + &gone));
    let mut server = setup.start();
    server.plant_secret("planted-key");
    assert!(boot(&server).contains("model: Z100"), "{}", boot(&server));
    server.patch("/devices/025a54000007", &json!({ "state": "ready" }));

    // What there is, for people and by the API.
    let (ok, text) = cli(&server, &["firmware", "catalogue", "--pack", "zentoro", "--model", "100"]);
    assert!(ok && text.contains("1.3.0") && text.contains("no"), "{text}");
    assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
    let listed = server.get("/firmware/catalogue?pack=zentoro");
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["stored"]), (3, &json!(false)));

    // Assigned before it is stored: offered to nobody, and what is missing is named.
    let (ok, text) = cli(&server, &["firmware", "assign", "1.3.0", "--pack", "zentoro", "--model", "100", "--policy", "upgrade"]);
    assert!(ok && text.contains("firmware-zentoro-Z100") && text.contains("boot-1.3.0.zfw"), "{text}");
    assert!(!boot(&server).contains("firmware:"));
    let (_, text) = cli(&server, &["device", "show", "025a54000007"]);
    assert!(text.contains("not stored"), "{text}");

    // A download that is not the expected one leaves nothing.
    for (version, why) in [("1.4.0", "SHA-256"), ("1.5.0", "no such file")] {
        let job = done(&server, &server.post("/firmware:fetch", &json!({ "pack": "zentoro", "version": version })));
        assert_eq!(job["state"], "failed");
        let told = job["errors"].to_string();
        assert!(told.contains(why) && !told.contains("planted-key"), "{told}");
    }
    assert_eq!(server.get("/firmware")["items"], json!([]));

    // Fetched: all files are there, byte for byte, and the phone is offered them.
    let (ok, text) = cli(&server, &["firmware", "fetch", "1.3.0", "--pack", "zentoro"]);
    assert!(ok && text.contains("main-1.3.0.zfw is stored"), "{text}");
    assert!(boot(&server).contains("firmware: main-1.3.0.zfw"), "{}", boot(&server));
    assert_eq!(clients::curl(&server.phone_url("/main-1.3.0.zfw"), &["-A", AGENT]).body, main);
    for client in Tftp::ALL {
        assert!(client.fetch(server.tftp(), "boot-1.3.0.zfw") == Ok(loader.clone()), "{client:?}");
    }
    let trace = server.get("/requests?limit=50").to_string();
    assert!(trace.contains("firmware 1.3.0 is offered: the phone runs the older 1.2.3"), "{trace}");
    let before = files.asked.lock().unwrap().len();
    let again = done(&server, &server.post("/firmware:fetch", &json!({ "pack": "zentoro", "version": "1.3.0" })));
    assert_eq!((again["state"].as_str(), files.asked.lock().unwrap().len()), (Some("done"), before), "what is stored is not fetched again");

    // The phone has it now: nothing is offered any more, and simulate says why.
    let newer = AGENT.replace("1.2.3", "1.3.0");
    assert!(!clients::curl(&server.phone_url(FILE), &["-A", &newer]).text().contains("firmware:"));
    let (_, text) = cli(&server, &["simulate", "--path", FILE, "--user-agent", &newer]);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("is not offered: the phone runs 1.3.0 already"), "{text}");

    // What an assignment needs stays.
    let refused = server.api(Method::DELETE, "/firmware/main-1.3.0.zfw", None);
    assert!(refused.status == 409 && refused.text().contains("firmware-zentoro-Z100"), "{}", refused.text());
    let (ok, text) = cli(&server, &["firmware", "unassign", "--pack", "zentoro", "--model", "Z100"]);
    assert!(ok, "{text}");
    assert_eq!(server.get("/firmware/assignments")["items"], json!([]));
    assert_eq!(server.get("/profiles")["items"], json!([]), "a profile that stood for nothing else is gone");
    server.delete("/firmware/main-1.3.0.zfw");
    assert_eq!(clients::curl(&server.phone_url("/main-1.3.0.zfw"), &["-A", AGENT]).status, 404);
}

#[test]
fn an_index_lists_firmware_too() {
    let site = tempfile::tempdir().unwrap();
    let key = site.path().join("secret");
    let index = |arguments: &[&str]| {
        let output = Command::new(offhook_tests::server::binary()).args(["pack", "index"]).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text.trim().to_owned())
    };
    let folder = site.path().to_str().unwrap();
    let build = || index(&["build", folder, "--key", key.to_str().unwrap()]);
    let (_, public) = index(&["keygen", key.to_str().unwrap()]);
    let (loader, main) = (noise(5000, 1), noise(300_000, 2));
    let archive = tar_gz(&[("boot-1.3.0.zfw", &loader), ("main-1.3.0.zfw", &main)]);
    let of = |pack: &str, url: &str, version: &str| {
        entry(version, url, &archive, TAR).replacen("version", &format!("pack = \"{pack}\"\nversion"), 1)
    };
    let listed = |text: String| std::fs::write(site.path().join("firmware.toml"), text).unwrap();

    // What is wrong is told to who makes the index.
    listed(of("zentoro", "one.tgz", "1.3.0").replace("sha256 = \"", "sha256 = \"x"));
    let (ok, text) = build();
    assert!(!ok && text.contains("firmware[0] sha256"), "{text}");
    listed(of("zentoro", "one.tgz", "1.3.0") + &of("nobodys", "one.tgz", "9.9.9"));
    assert!(build().0);

    let files = Files::in_folder(site.path());
    std::fs::write(site.path().join("one.tgz"), &archive).unwrap();
    let url = format!("http://{}/index.json", files.address);
    let setup = Setup::default().set("packs.index", &url).set("packs.index_key", &public);
    // The pack has 1.3.0 as well, from where it is gone; and one of its own.
    let gone = format!("http://{}/gone.tgz", files.address);
    with_pack(&setup, &(entry("1.3.0", &gone, &archive, TAR) + &entry("1.2.0", &gone, &archive, TAR)));
    let server = setup.start();
    assert!(boot(&server).contains("model: Z100"));

    let rows = |server: &Server| {
        let list = server.get("/firmware/catalogue?pack=zentoro")["items"].clone();
        let row = |e: &Value| (e["version"].as_str().unwrap().to_owned(), e["source"].as_str().unwrap().to_owned());
        list.as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    let both = [("1.2.0".to_owned(), "pack".to_owned()), ("1.3.0".to_owned(), "index".to_owned())];
    assert_eq!(rows(&server), both);
    let (ok, text) = cli(&server, &["firmware", "catalogue"]);
    assert!(ok && text.contains("index") && !text.contains("9.9.9"), "{text}");
    assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
    let read = || files.asked.lock().unwrap().iter().filter(|p| *p == "/index.json").count();
    assert_eq!(read(), 1, "a list does not read the index each time");

    // Fetched from beside the index, and offered.
    server.patch("/devices/025a54000007", &json!({ "state": "ready" }));
    let (ok, text) = cli(&server, &["firmware", "fetch", "1.3.0", "--pack", "zentoro"]);
    assert!(ok && text.contains("main-1.3.0.zfw is stored"), "{text}");
    assert_eq!(clients::curl(&server.phone_url("/main-1.3.0.zfw"), &["-A", AGENT]).body, main);
    assert_eq!(read(), 1);

    // A version that was just listed is found; a download that is not the expected one leaves nothing.
    listed(of("zentoro", "one.tgz", "1.3.0") + &of("zentoro", "two.tgz", "1.4.0"));
    assert!(build().0);
    std::fs::write(site.path().join("two.tgz"), noise(archive.len(), 7)).unwrap();
    let (ok, text) = cli(&server, &["firmware", "fetch", "1.4.0", "--pack", "zentoro"]);
    assert!(!ok && text.contains("not the expected one"), "{text}");
    assert_eq!((read(), server.get("/firmware")["items"].as_array().unwrap().len()), (2, 2));

    // A signature that is not of its bytes: told, and nothing of it is taken; what was taken before still counts.
    let text = std::fs::read_to_string(site.path().join("index.json")).unwrap();
    std::fs::write(site.path().join("index.json"), text.replace("1.4.0", "1.5.0")).unwrap();
    let refused = server.api(Method::GET, "/firmware/catalogue?refresh=true", None);
    assert!(refused.status == 409 && refused.text().contains("not that of the pinned key"), "{}", refused.text());
    let (ok, text) = cli(&server, &["firmware", "fetch", "1.5.0", "--pack", "zentoro"]);
    assert!(!ok && text.contains("not that of the pinned key"), "{text}");
    assert_eq!(rows(&server).last().unwrap().0, "1.4.0");
    drop(server);

    // Without a good one, the packs' own are listed.
    let setup = Setup::default().set("packs.index", &url).set("packs.index_key", &public);
    with_pack(&setup, &entry("1.2.0", &gone, &archive, TAR));
    assert_eq!(rows(&setup.start()), both[..1]);
}

#[test]
fn policies_decide_what_is_offered() {
    let setup = Setup::default();
    with_pack(&setup, "");
    let server = setup.start();
    for name in ["boot-1.2.0.zfw", "main-1.2.0.zfw"] {
        let sent = server.send(Method::POST, &format!("/firmware?name={name}"), Some(("application/octet-stream", noise(100, 1))));
        assert_eq!(sent.status, 201, "{}", sent.text());
    }
    let _ = boot(&server);
    server.post("/profiles", &json!({ "name": "lab" }));
    server.patch("/devices/025a54000007", &json!({ "state": "ready", "profiles": ["lab"] }));
    // The phone runs 1.2.3.
    for (policy, offered) in [("upgrade", false), ("exact", true), ("never", false), ("ask", true)] {
        server.post("/firmware:assign", &json!({ "version": "1.2.0", "policy": policy, "profile": "lab" }));
        assert_eq!(boot(&server).contains("firmware: main-1.2.0.zfw"), offered, "{policy}");
    }
    let bad = server.api(Method::POST, "/firmware:assign", Some(&json!({ "version": "x", "policy": "soon", "pack": "zentoro" })));
    assert!(bad.status == 422 && bad.text().contains("never, upgrade, exact or ask"), "{}", bad.text());
    let bad = server.api(Method::POST, "/firmware:assign", Some(&json!({ "version": "x", "pack": "zentoro", "models": ["Z100"] })));
    assert!(bad.status == 422 && bad.text().contains("no firmware of Z100"), "{}", bad.text());
}

#[test]
fn archives_are_taken_in_and_nothing_else_of_them() {
    let setup = Setup::default();
    with_pack(&setup, "");
    let server = setup.start();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("release.tgz");
    std::fs::write(&archive, tar_gz(&[("a/boot-1.0.0.zfw", b"boot"), ("main-1.0.0.zfw", b"main"), ("readme.txt", b"x")])).unwrap();
    let (ok, text) = cli(&server, &["firmware", "add", "--unpack", archive.to_str().unwrap()]);
    assert!(ok && text.contains("boot-1.0.0.zfw is stored for zentoro") && text.contains("1 other files"), "{text}");
    assert_eq!(clients::curl(&server.phone_url("/boot-1.0.0.zfw"), &["-A", AGENT]).body, b"boot");
    let evil = Command::new("tar")
        .args(["-czPf", "-", "--transform", "s,.*,../../evil.zfw,", "-C"])
        .arg(folder.path())
        .arg("release.tgz")
        .output()
        .unwrap();
    let refused = server.send(Method::POST, "/firmware:unpack", Some(("application/octet-stream", evil.stdout)));
    assert!(refused.status == 422 && refused.text().contains("leads out of the archive"), "{}", refused.text());
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.zfw")).unwrap();
    let link = Command::new("tar").args(["-czf", "-", "-C"]).arg(folder.path()).arg("link.zfw").output().unwrap();
    let refused = server.send(Method::POST, "/firmware:unpack", Some(("application/octet-stream", link.stdout)));
    assert!(refused.status == 422 && refused.text().contains("a link"), "{}", refused.text());
    assert_eq!(server.get("/firmware")["items"].as_array().unwrap().len(), 2);
}

/// The most memory that a process ever had, in KiB.
fn peak_memory(log: &str) -> u64 {
    log.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap()
}

#[test]
fn a_great_file_goes_to_many_phones_in_parts_and_whole() {
    let setup = Setup::default();
    with_pack(&setup, "");
    let server = setup.start();
    let image = noise(40 << 20, 3);
    let sent = server.send(Method::POST, "/firmware?name=main-2.0.0.zfw", Some(("application/octet-stream", image.clone())));
    assert_eq!(sent.status, 201, "{}", sent.text());
    let url = server.phone_url("/main-2.0.0.zfw");

    // Parts.
    let part = clients::curl(&url, &["-A", AGENT, "-r", "1000-1999"]);
    assert_eq!((part.status, &part.body[..]), (206, &image[1000..2000]));
    assert_eq!(part.headers["content-range"], format!("bytes 1000-1999/{}", image.len()));
    let tail = clients::curl(&url, &["-A", AGENT, "-r", "-500"]);
    assert_eq!((tail.status, &tail.body[..]), (206, &image[image.len() - 500..]));
    assert_eq!(clients::curl(&url, &["-A", AGENT, "-r", "99999999-"]).status, 416);
    let several = clients::curl(&url, &["-A", AGENT, "-r", "0-1,5-6"]);
    assert!(several.status == 200 && several.body == image, "several ranges get the whole file, which is legal");
    let head = clients::curl(&url, &["-A", AGENT, "-I"]);
    assert_eq!((head.status, head.headers["content-length"].as_str()), (200, "41943040"));
    let stale = clients::curl(&url, &["-A", AGENT, "-r", "0-9", "-H", "If-Range: \"old\""]);
    assert_eq!((stale.status, stale.body.len()), (200, image.len()));

    // A download that broke off goes on.
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("image");
    std::fs::write(&local, &image[..10_000_000]).unwrap();
    let output = Command::new("curl").args(["-sS", "--noproxy", "*", "-A", AGENT, "-C", "-", "-o"]).arg(&local).arg(&url).output().unwrap();
    assert!(output.status.success() && std::fs::read(&local).unwrap() == image);

    // Fifty at once.
    let sums: Vec<_> = std::thread::scope(|scope| {
        let fetch = || {
            let output = Command::new("curl").args(["-sS", "--noproxy", "*", "-A", AGENT, &url]).stdout(Stdio::piped()).output();
            sum(&output.unwrap().stdout)
        };
        let running: Vec<_> = (0..50).map(|_| scope.spawn(fetch)).collect();
        running.into_iter().map(|r| r.join().unwrap()).collect()
    });
    assert!(sums.iter().all(|s| *s == sum(&image)));
    let peak = peak_memory(&std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap());
    println!("50 phones, 40 MiB each: at most {} MiB", peak >> 10);
    assert!(peak < 400 << 10, "{} MiB", peak >> 10);
    assert!(
        Tftp::Atftp.fetch_with(server.tftp(), "main-2.0.0.zfw", &["--option", "blksize 1428", "--option", "windowsize 16"]) == Ok(image)
    );
    for path in ["/", "/firmware/", "/firmware"] {
        assert_eq!(clients::curl(&server.phone_url(path), &["-A", AGENT]).status, 404, "never a listing");
    }
}

/// `openssl s_server`, ended with the value.
struct Tls(Child);

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_catalogue_over_tls_is_believed_only_with_a_certificate_that_holds() {
    let folder = tempfile::tempdir().unwrap();
    let archive = tar_gz(&[("boot-1.3.0.zfw", b"boot"), ("main-1.3.0.zfw", b"main")]);
    std::fs::write(folder.path().join("one.tgz"), &archive).unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder.path())
        .output();
    assert!(made.expect("this test needs the Debian package openssl").status.success());
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Command::new("openssl")
        .args(["s_server", "-accept", &format!("127.0.0.1:{port}"), "-key", "key.pem", "-cert", "cert.pem", "-WWW", "-quiet"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _tls = Tls(server);
    until(|| std::net::TcpStream::connect(("127.0.0.1", port)).ok()).unwrap();
    let url = format!("https://localhost:{port}/one.tgz");
    for (believed, state) in [(true, "done"), (false, "failed")] {
        let mut setup = Setup::default();
        with_pack(&setup, &entry("1.3.0", &url, &archive, TAR));
        if believed {
            setup = setup.env("SSL_CERT_FILE", folder.path().join("cert.pem").to_str().unwrap());
        }
        let server = setup.start();
        let job = done(&server, &server.post("/firmware:fetch", &json!({ "pack": "zentoro", "version": "1.3.0" })));
        assert_eq!(job["state"], state, "{job}");
        assert_eq!(server.get("/firmware")["items"].as_array().unwrap().len(), if believed { 2 } else { 0 });
    }
}
