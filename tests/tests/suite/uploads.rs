//! What phones send: taken from approved devices only, bounded, shown to administrators, never given to a phone.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    process::Command,
    time::{Duration, Instant},
};

use offhook_tests::{Server, Setup, clients, copy_folder, root, until};
use reqwest::Method;
use serde_json::{Value, json};

const AGENT: &str = "Zentoro Z100 1.2.3 02:5a:54:00:00:07";
const MAC: &str = "025a54000007";
const LOG: &str = "025a54000007-app.log";
const SECRET: &str = "planted-4fPq-secret";

fn start(setup: Setup, more: &str) -> Server {
    let pack = setup.data().join("packs/zentoro");
    copy_folder(&root().join("tests/packs/zentoro"), &pack);
    let manifest = pack.join("vendor.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let uploads = "\n[[upload]]\nname = \"log\"\npath = \"{mac}-app.log\"\nkind = \"log\"\nmax_bytes = 5000\nkeep = 2\n";
    std::fs::write(&manifest, text + uploads + more).unwrap();
    let server = setup.start();
    assert_eq!(clients::curl(&server.phone_url(&format!("/zt-{MAC}.conf")), &["-A", AGENT]).status, 200);
    server
}

fn ready(server: &Server) {
    server.patch(&format!("/devices/{MAC}"), &json!({ "state": "ready" }));
}

fn sent(server: &Server) -> Vec<Value> {
    server.get(&format!("/devices/{MAC}/uploads"))["items"].as_array().unwrap().clone()
}

fn put(server: &Server, name: &str, options: &[&str], body: &str) -> clients::Http {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body");
    std::fs::write(&file, body).unwrap();
    let all = [&["-A", AGENT, "-T", file.to_str().unwrap()], options].concat();
    clients::curl(&server.phone_url(&format!("/{name}")), &all)
}

#[test]
fn a_phone_puts_its_log_and_an_administrator_reads_it() {
    let mut server = start(Setup::default(), "");
    server.plant_secret(SECRET);
    assert_eq!(put(&server, LOG, &[], "too early").status, 404, "nobody approved it");
    ready(&server);
    assert!(sent(&server).is_empty());

    assert_eq!(put(&server, LOG, &[], &format!("first {SECRET}\n")).status, 201);
    let posted = clients::curl(&server.phone_url(&format!("/logs/{}", LOG.to_uppercase())), &["-A", AGENT, "--data-binary", "second\n"]);
    assert_eq!((posted.status, posted.body.len()), (201, 0));
    let chunked = put(&server, LOG, &["-H", "Transfer-Encoding: chunked"], "third\n");
    assert_eq!(chunked.status, 201);

    let all = sent(&server);
    assert_eq!(all.len(), 2, "two versions are kept");
    assert_eq!((&all[0]["file"], &all[0]["kind"], &all[0]["size"]), (&json!(LOG), &json!("log"), &json!(6)));
    let id = all[1]["id"].as_str().unwrap();
    let read = server.api(Method::GET, &format!("/devices/{MAC}/uploads/{id}"), None);
    assert_eq!(read.text(), "second\n");
    assert!(read.headers["content-disposition"].starts_with("attachment; filename="), "{read:?}");
    assert_eq!(
        (read.headers["x-content-type-options"].as_str(), read.headers["content-type"].as_str()),
        ("nosniff", "application/octet-stream")
    );

    // No phone gets it, and it is no configuration.
    assert_eq!(clients::curl(&server.phone_url(&format!("/{LOG}")), &["-A", AGENT]).status, 404);

    // Only administrators read what may hold secrets.
    let token = server.post("/tokens", &json!({ "label": "reader", "role": "read-only" }))["token"].as_str().unwrap_or_default().to_owned();
    if !token.is_empty() {
        let refused = clients::curl(
            &server.admin_url(&format!("/api/v1/devices/{MAC}/uploads/{id}")),
            &["-H", &format!("Authorization: Bearer {token}")],
        );
        assert_eq!(refused.status, 403);
    }

    // The command line, the request log and the trace.
    let told = |arguments: &[&str]| String::from_utf8(server.cli(arguments).stdout).unwrap();
    assert!(told(&["device", "show", MAC]).contains(LOG));
    assert!(told(&["device", "uploads", MAC]).contains("log"));
    assert_eq!(told(&["device", "uploads", MAC, "--get", LOG]), "third\n");
    let requests = server.get("/requests?limit=20").to_string();
    assert!(
        requests.contains("the device is approved and sends a file that its pack takes") && requests.contains("6 bytes, kept"),
        "{requests}"
    );
    assert!(!requests.contains(SECRET));

    server.delete(&format!("/devices/{MAC}/uploads/{LOG}"));
    assert_eq!(sent(&server).len(), 1);
    server.delete(&format!("/devices/{MAC}"));
    assert_eq!(std::fs::read_dir(server.data().join("blobs")).unwrap().count(), 0);
}

#[test]
fn whoever_may_not_send_hears_what_strangers_hear() {
    let server = start(Setup::default().set("phones.trusted_networks", "127.0.0.1/32"), "");
    ready(&server);
    let stranger = clients::curl(&server.phone_url("/nothing"), &["-A", AGENT, "--interface", "127.0.0.9"]);
    let plain = |h: &clients::Http| (h.status, h.body.clone(), h.headers.get("content-type").cloned());
    for (name, options, why) in [
        (LOG, ["--interface", "127.0.0.9"].as_slice(), "a stranger"),
        ("025a54000008-app.log", &[], "another MAC than it says"),
        ("025a54000008-app.log", &["-A", "Zentoro Z100 1.2.3 02:5a:54:00:00:08"], "an unknown phone"),
        ("other.txt", &[], "a file that no pack takes"),
        (&format!("zt-{MAC}.conf"), &[], "its own configuration"),
    ] {
        let answer = put(&server, name, options, &"x".repeat(400_000));
        assert_eq!(plain(&answer), plain(&stranger), "{why}");
    }
    assert!(sent(&server).is_empty());
    assert_eq!(server.api(Method::GET, "/devices/025a54000008", None).status, 404, "who sends first makes no device");
    server.patch(&format!("/devices/{MAC}"), &json!({ "state": "disabled" }));
    assert_eq!(put(&server, LOG, &[], "x").status, 404);
    let other = clients::curl(&server.phone_url(&format!("/{LOG}")), &["-X", "DELETE"]);
    assert_eq!(other.status, 405);
}

#[test]
fn too_much_and_too_slow_is_not_kept() {
    let server =
        start(Setup::default().set("limits.uploads_per_device", "8KiB"), "\n[[upload]]\nname = \"calls\"\npath = \"{mac}-calls.txt\"\n");
    ready(&server);
    assert_eq!(put(&server, LOG, &[], &"x".repeat(5001)).status, 413, "its pack takes 5000 bytes");
    assert_eq!(put(&server, LOG, &["-H", "Transfer-Encoding: chunked"], &"x".repeat(5001)).status, 413);
    assert!(sent(&server).is_empty() && std::fs::read_dir(server.data().join("blobs")).unwrap().count() == 0);
    assert_eq!(put(&server, LOG, &[], &"x".repeat(5000)).status, 201);
    assert_eq!(put(&server, &format!("{MAC}-calls.txt"), &[], &"y".repeat(5000)).status, 201);
    let kept: Vec<_> = sent(&server).iter().map(|u| u["name"].clone()).collect();
    assert_eq!(kept, ["calls"], "a device has 8192 bytes: the oldest go first");

    // One that announces a body and sends half of it.
    let head = format!("PUT /{LOG} HTTP/1.1\r\nHost: x\r\nUser-Agent: {AGENT}\r\nContent-Length: 100\r\n\r\nhalf");
    let mut slow = TcpStream::connect(server.listeners().http[0]).unwrap();
    slow.write_all(head.as_bytes()).unwrap();
    let mut torn = TcpStream::connect(server.listeners().http[0]).unwrap();
    torn.write_all(head.as_bytes()).unwrap();
    drop(torn);
    slow.set_read_timeout(Some(Duration::from_secs(25))).unwrap();
    let (begin, mut answer) = (Instant::now(), String::new());
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!(sent(&server).len(), 1);
}

/// What a TFTP client says after it put a file, and whether it went well.
fn tftp_put(program: &str, server: SocketAddr, name: &str, bytes: &[u8], options: &[&str]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("local");
    std::fs::write(&local, bytes).unwrap();
    let (host, port, file) = (server.ip().to_string(), server.port().to_string(), local.to_str().unwrap());
    let mut command = Command::new(program);
    match program {
        "tftp" => command.args(["-m", "binary", &host, &port, "-c", "put", file, name]),
        "atftp" => command.args(["--put", "-l", file, "-r", name]).args(options).args([&host, &port]),
        "busybox" => command.args(["tftp", "-p", "-l", file, "-r", name]).args(options).args([&host, &port]),
        _ => command.args(["-sS", "--max-time", "20", "-T", file]).args(options).arg(format!("tftp://{server}/{name}")),
    };
    let output = command.env("LC_ALL", "C").output().unwrap_or_else(|e| panic!("{program}: {e}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success() && !said.contains("Error code"), said)
}

#[test]
fn phones_write_over_tftp_with_any_client() {
    let server = start(Setup::default(), "");
    ready(&server);
    let clients: [(&str, &[&str]); 6] = [
        ("tftp", &[]),
        ("atftp", &[]),
        ("atftp", &["--option", "blksize 1428", "--option", "windowsize 4"]),
        ("busybox", &["-b", "600"]),
        ("curl", &[]),
        ("curl", &["--tftp-blksize", "1024"]),
    ];
    for (n, (program, options)) in clients.into_iter().enumerate() {
        for length in [0, 511, 512, 1024, 4999 - n] {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 7 + n) as u8).collect();
            let before = sent(&server).first().map(|u| u["id"].clone());
            let (ok, said) = tftp_put(program, server.tftp(), LOG, &bytes, options);
            assert!(ok, "{program} {options:?} {length}: {said}");
            // It is stored when all of it has come, right after the last acknowledgement.
            let newest = until(|| sent(&server).first().filter(|u| Some(&u["id"]) != before.as_ref()).cloned()).unwrap();
            assert_eq!((&newest["transport"], &newest["size"]), (&json!("tftp"), &json!(length)), "{program}");
            let read = server.api(Method::GET, &format!("/devices/{MAC}/uploads/{}", newest["id"].as_str().unwrap()), None);
            assert!(read.body == bytes, "{program} {options:?} {length}");
        }
    }
    // More than its pack takes, and what nobody may write: an error, and nothing is kept.
    let before = sent(&server);
    for (name, length) in [(LOG, 5001), ("025a54000008-app.log", 10), ("boot.bin", 10), (&format!("zt-{MAC}.conf"), 10)] {
        let (ok, said) = tftp_put("atftp", server.tftp(), name, &vec![1; length], &[]);
        assert!(!ok || said.contains("error"), "{name} {length}: {said}");
    }
    assert_eq!(sent(&server), before);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.send_to(b"\0\x02../../etc/passwd\0octet\0", server.tftp()).unwrap();
    let mut packet = [0; 100];
    let (length, _) = socket.recv_from(&mut packet).unwrap();
    assert_eq!(packet[..4], [0, 5, 0, 2], "{:?}", &packet[..length]);
}
