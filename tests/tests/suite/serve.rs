//! The life of the server: its key and token, second processes, faults of its configuration, reload and drain.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use offhook_tests::{
    Server, Setup,
    clients::{Tftp, curl},
    copy_folder, root,
    server::{binary, until},
};
use reqwest::Method;
use serde_json::json;

/// Where a test may put a configuration file: beside the data folder.
fn config_file(setup: &Setup) -> PathBuf {
    setup.data().with_file_name("offhook.toml")
}

/// A server with this configuration file, and the file.
fn configured(text: &str) -> (Server, PathBuf) {
    let setup = Setup::default();
    let file = config_file(&setup);
    fs::write(&file, text).unwrap();
    (setup.set("config", file.to_str().unwrap()).start(), file)
}

#[test]
fn key_and_token_are_made_once() {
    let mut server = Server::start();
    let (token, key) = (server.token(), fs::read(server.data().join("secret.key")).unwrap());
    server.await_log("admin.token (new)");
    assert!(token.len() >= 32);
    assert_eq!(server.data().metadata().unwrap().permissions().mode() & 0o077, 0, "the data folder is nobody else's");
    server.stop();
    server.start_again();
    assert_eq!((server.token(), fs::read(server.data().join("secret.key")).unwrap()), (token.clone(), key));
    assert_eq!(server.log().matches("(new)").count(), 1, "{}", server.log());
    let told = fs::read_to_string(server.data().join("listeners.json")).unwrap();
    assert!(!told.contains(&token));
}

#[test]
fn a_store_without_its_key_does_not_open() {
    let mut server = Server::start();
    server.post("/accounts", &json!({ "name": "1001", "password": "pw" }));
    server.stop();
    let file = server.data().join("secret.key");
    let key = fs::read_to_string(&file).unwrap();
    let other: String = key.trim().chars().rev().collect();
    for (what, text) in [("missing", None), ("wrong", Some(other.as_str())), ("no key", Some("x")), ("empty", Some(""))] {
        match text {
            None => fs::remove_file(&file).unwrap(),
            Some(text) => fs::write(&file, text).unwrap(),
        }
        let (code, said) = server.second(&[]);
        assert_eq!(code, Some(1), "{what}: {said}");
        assert!(said.contains("secret.key") && !said.contains(key.trim()), "{what}: {said}");
        assert!(!file.exists() || fs::read_to_string(&file).unwrap() == text.unwrap_or_default(), "{what}: the file was touched");
    }
    fs::write(&file, &key).unwrap();
    server.start_again();
    assert_eq!(server.get("/accounts/1001")["name"], "1001");
}

#[test]
fn a_second_process_is_refused() {
    let server = Server::start();
    let before = fs::read(server.data().join("listeners.json")).unwrap();
    let (code, said) = server.second(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(server.data().to_str().unwrap()), "{said}");
    assert_eq!(fs::read(server.data().join("listeners.json")).unwrap(), before, "the first one's addresses were overwritten");
    assert_eq!(curl(&server.admin_url("/readyz"), &[]).status, 200);
    assert_eq!(server.get("/devices")["items"], json!([]));
}

#[test]
fn a_taken_port_is_named_with_its_mend() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    for (key, address) in [
        ("phones.http.listen", tcp.local_addr().unwrap()),
        ("admin.listen", tcp.local_addr().unwrap()),
        ("phones.tftp.listen", udp.local_addr().unwrap()),
    ] {
        let (status, said) = Setup::default().set(key, &address.to_string()).refuse();
        assert_eq!(status.code(), Some(1));
        for part in [&*address.to_string(), "in use", "choose another port"] {
            assert!(said.contains(part), "{key}: no {part:?} in {said}");
        }
    }
    let (_, said) = Setup::default().set("phones.http.listen", "192.0.2.1:8667").refuse();
    assert!(said.contains("192.0.2.1:8667") && said.contains("ip address"), "{said}");
}

#[test]
fn every_fault_of_a_file_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offhook.toml");
    let text = "roles = [\"phones\", \"kitchen\"]\n\n[phones]\npolicy = \"open\"\nacl = \"10.0.0.0/33\"\nhost = [\"x\"]\n\n[phones.http]\nlisten = [\"nowhere\"]\n\n[limits]\ndrain = \"1y\"\npending = -1\n\n[cdr]\nx = 1\n";
    fs::write(&file, text).unwrap();
    let (status, said) = Setup::default().set("config", file.to_str().unwrap()).refuse();
    assert_eq!(status.code(), Some(1));
    let expected = [
        (1, "\"phones\" and \"admin\""),
        (4, "\"lan\""),
        (5, "10.0.0.0/33"),
        (6, "hosts"),
        (12, "a time from"),
        (13, "a whole number from 1"),
        (15, "cdr"),
    ];
    for (line, part) in expected {
        assert!(said.contains(&format!("offhook.toml:{line}: ")) && said.contains(part), "line {line}, {part}:\n{said}");
    }
    let checked = Command::new(binary()).args(["config", "check", "--config"]).arg(&file).output().unwrap();
    let checked = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    // Above, a variable stood in place of line 9.
    assert!(checked.contains("offhook.toml:9: ") && checked.contains("a list of IP addresses with ports"), "{checked}");
}

#[test]
fn an_open_admin_side_is_refused() {
    let (status, said) = Setup::default().set("admin.listen", "0.0.0.0:0").refuse();
    assert!(status.code() == Some(1) && said.contains("loopback") && said.contains("insecure"), "{said}");
    let (status, said) = Setup::default().set("phones.trusted_networks", "[]").refuse();
    assert!(status.code() == Some(1) && said.contains("auto_create"), "{said}");
}

#[test]
fn a_hangup_reloads_rules_and_packs() {
    let (server, file) = configured("[phones]\nacl = \"!127.0.0.3\"\n");
    server.post("/devices", &json!({ "mac": "001565000001" }));
    let from = |source: &str, path: &str| curl(&server.phone_url(path), &["--interface", source]).status;
    assert_eq!([from("127.0.0.1", "/001565000001.cfg"), from("127.0.0.3", "/001565000001.cfg")], [200, 404]);
    let reloads = |n: usize| until(|| (server.log().matches("configuration and packs reloaded").count() == n).then_some(())).unwrap();

    let changed = "[phones]\nacl = \"!127.0.0.1\"\ntrusted_networks = [\"127.0.0.2/31\"]\ntrusted_proxies = [\"127.0.0.9\"]\n";
    fs::write(&file, changed).unwrap();
    copy_folder(&root().join("tests/packs/zentoro"), &server.data().join("packs/zentoro"));
    server.signal(libc::SIGHUP);
    reloads(1);
    let path = "/001565000001.cfg";
    assert_eq!([from("127.0.0.1", path), from("127.0.0.3", path), from("127.0.0.2", path), from("127.0.0.4", path)], [404, 200, 200, 404]);
    assert_eq!(from("127.0.0.3", "/zt-025a54000007.conf"), 200, "the new pack is not there");

    let by_proxy = curl(&server.phone_url(path), &["--interface", "127.0.0.9", "-H", "X-Forwarded-For: 127.0.0.2"]).status;
    assert_eq!(by_proxy, 200, "the new proxy is not believed");

    // A bad file changes nothing, and says what is wrong with it.
    fs::write(&file, "[phones]\nacl = \"everybody\"\npolicy = \"lax\"\n").unwrap();
    server.signal(libc::SIGHUP);
    server.await_log("the old one stays");
    assert!(server.log().contains("offhook.toml:2: ") && server.log().contains("offhook.toml:3: "), "{}", server.log());
    assert_eq!([from("127.0.0.1", path), from("127.0.0.3", path)], [404, 200]);

    // A broken pack is left out; the others go on.
    fs::write(&file, "").unwrap();
    fs::write(server.data().join("packs/zentoro/vendor.toml"), "id = 7").unwrap();
    server.signal(libc::SIGHUP);
    reloads(2);
    assert!(server.log().contains("left out"), "{}", server.log());
    assert_eq!([from("127.0.0.1", path), from("127.0.0.3", path)], [200, 200]);
}

/// Sends one packet of TFTP and reads one.
fn exchange(socket: &UdpSocket, packet: &[u8], to: std::net::SocketAddr) -> (Vec<u8>, std::net::SocketAddr) {
    socket.send_to(packet, to).unwrap();
    let mut answer = vec![0; 600];
    let (length, from) = socket.recv_from(&mut answer).unwrap();
    answer.truncate(length);
    (answer, from)
}

#[test]
fn the_end_waits_for_running_transfers() {
    let mut server = Server::start();
    let image: Vec<u8> = (0..3_000_000_u32).map(|n| (n ^ (n >> 9)) as u8).collect();
    let _ = server.send(Method::POST, "/firmware?name=P0S3-8-12-00.sb2", Some(("application/octet-stream", image.clone()))).ok();
    // Both transfers are under way: a block over TFTP, a head over HTTP.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let (mut packet, transfer) = exchange(&socket, b"\0\x01P0S3-8-12-00.sb2\0octet\0", server.tftp());
    let mut http = TcpStream::connect(server.listeners().http[0]).unwrap();
    http.write_all(b"GET /P0S3-8-12-00.sb2 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut over_http = vec![0; 15];
    http.read_exact(&mut over_http).unwrap();
    let idle = TcpStream::connect(server.listeners().http[0]).unwrap();

    let begin = Instant::now();
    server.signal(libc::SIGTERM);
    let address = server.listeners().http[0];
    until(|| TcpStream::connect(address).is_err().then_some(())).expect("it takes new connections after the signal");
    let mut over_tftp = Vec::new();
    for block in 1_u16.. {
        let [high, low] = block.to_be_bytes();
        assert_eq!(packet[..4], [0, 3, high, low]);
        over_tftp.extend_from_slice(&packet[4..]);
        if packet.len() < 516 {
            socket.send_to(&[0, 4, high, low], transfer).unwrap();
            break;
        }
        (packet, _) = exchange(&socket, &[0, 4, high, low], transfer);
    }
    assert!(over_tftp == image, "TFTP: {} bytes", over_tftp.len());
    http.read_to_end(&mut over_http).unwrap();
    assert!(over_http.ends_with(&image), "HTTP: {} bytes", over_http.len());
    assert_eq!(server.stop().code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    drop(idle);
}

#[test]
fn a_transfer_that_never_ends_is_cut_off() {
    let mut server = Setup::default().set("limits.drain", "1s").start();
    let _ = server.send(Method::POST, "/firmware?name=P0S3-8-12-00.sb2", Some(("application/octet-stream", vec![7; 5000]))).ok();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let (_, transfer) = exchange(&socket, b"\0\x01P0S3-8-12-00.sb2\0octet\0", server.tftp());
    let (second, _) = exchange(&socket, b"\0\x04\0\x01", transfer);
    assert_eq!(second[..4], [0, 3, 0, 2]);
    let mut stuck = TcpStream::connect(server.listeners().http[0]).unwrap();
    stuck.write_all(b"GET /x HTTP/1.1\r\nHost:").unwrap();
    let begin = Instant::now();
    assert_eq!(server.stop().code(), Some(0), "{}", server.log());
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn health_is_open_and_metrics_are_not() {
    let server = Server::start();
    let read_only = server.post("/tokens", &json!({ "label": "prometheus", "role": "read-only" }));
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    for path in ["/healthz", "/readyz"] {
        assert_eq!(curl(&server.admin_url(path), &[]).status, 200, "{path}");
    }
    assert_eq!(curl(&server.phone_url("/none"), &[]).status, 404);
    assert!(Tftp::Hpa.fetch(server.tftp(), "none").is_err());
    for token in [server.token(), read_only["token"].as_str().unwrap_or_default().to_owned()] {
        let metrics = curl(&server.admin_url("/metrics"), &["-H", &bearer(&token)]);
        assert_eq!(metrics.status, 200);
        let text = metrics.text();
        for part in ["transport=\"http\"", "transport=\"tftp\"", "offhook_rendered_cache_misses_total", "# EOF"] {
            assert!(text.contains(part), "no {part} in {text}");
        }
    }
    for wrong in ["X: y", "Authorization: Bearer", "Authorization: Bearer wrong", "Authorization: Basic eDp5"] {
        for path in ["/metrics", "/api/v1/devices"] {
            let got = curl(&server.admin_url(path), &["-H", wrong]);
            assert_eq!(got.status, 401, "{path} {wrong}");
        }
    }
    let in_query = format!("/metrics?token={}", server.token());
    assert_eq!(curl(&server.admin_url(&in_query), &[]).status, 401, "a token in the query counts");
}

#[test]
fn one_side_alone() {
    let setup = Setup::default();
    let data = setup.data();
    let phones = setup.set("roles", "phones").start();
    assert!(phones.listeners().admin.is_empty() && !phones.listeners().http.is_empty());
    assert_eq!(curl(&phones.phone_url("/SIPDefault.cnf"), &[]).status, 200);
    assert!(data.join("listeners.json").exists());
    let admin = Setup::default().set("roles", "admin").start();
    assert!(admin.listeners().http.is_empty() && admin.listeners().tftp.is_empty());
    assert_eq!(curl(&admin.admin_url("/readyz"), &[]).status, 200);
}

#[test]
fn a_follower_does_not_hold_up_the_end() {
    let mut server = Server::start();
    let mut stream = TcpStream::connect(server.listeners().admin[0]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!("GET /api/v1/requests/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", server.token());
    stream.write_all(head.as_bytes()).unwrap();
    let mut begin = [0; 15];
    stream.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200 OK");
    assert_eq!(curl(&server.phone_url("/followed.cfg"), &[]).status, 404);
    let since = Instant::now();
    assert_eq!(server.stop().code(), Some(0), "{}", server.log());
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(String::from_utf8_lossy(&rest).contains("/followed.cfg"));
}
