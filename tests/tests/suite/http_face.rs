//! HTTP as phones, browsers and attackers speak it to the phones' side; and that this side and the administrators' never mix.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

use offhook_tests::{Http, Server, Setup, clients::curl, clients::runtime, server::until};
use reqwest::Method;
use serde_json::{Value, json};

const AGENT: &str = "Yealink SIP-T46S 66.86.0.15 00:15:65:46:00:01";
const FILE: &str = "/001565460001.cfg";
const CANARY: &str = "planted-canary-0815";

/// A server with a known T46S that has a profile and an account.
fn with_phone(setup: Setup) -> Server {
    let mut server = setup.start();
    server.plant_secret(CANARY);
    server.post("/profiles", &json!({ "name": "office", "settings": { "time": { "ntp": ["one.example"] } } }));
    server.post("/accounts", &json!({ "name": "1001", "password": CANARY, "display_name": "Anna" }));
    let settings = json!({ "lines": { "1": { "account": "1001" } }, "provisioning": { "firmware": { "version": "66.86.0.160" } } });
    server.post("/devices", &json!({ "mac": "001565460001", "model": "T46S", "profiles": ["office"], "settings": settings }));
    server
}

fn get(server: &Server, path: &str, headers: &[&str]) -> Http {
    let mut options = vec!["-A", AGENT];
    for header in headers {
        options.extend(["-H", header]);
    }
    curl(&server.phone_url(path), &options)
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.listeners().http[0]).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends bytes as they are and reads until the server closes.
fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = connect(server);
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is a close too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
}

/// One answer of a connection that stays open.
fn answer(stream: &mut TcpStream) -> (u16, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "closed: {}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (status(&head), body)
}

fn is_alive(server: &Server) {
    let got = get(server, FILE, &[]);
    assert!(got.status == 200 && got.text().contains(CANARY), "{got:?}");
}

#[test]
fn every_change_makes_a_conditional_answer_new() {
    let server = with_phone(Setup::default());
    let rom = "/firmware?name=T46S%28T48S%2CT42S%2CT41S%29-66.86.0.160.rom";
    type Change<'a> = (&'a str, Box<dyn Fn() + 'a>);
    let changes: [Change<'_>; 8] = [
        ("profile", Box::new(|| drop(server.patch("/profiles/office", &json!({ "settings": { "time": { "ntp": ["two.example"] } } }))))),
        ("tenant", Box::new(|| drop(server.patch("/tenants/default", &json!({ "settings": { "network": { "lldp": true } } }))))),
        ("site", Box::new(|| drop(server.patch("/site", &json!({ "settings": { "network": { "cdp": false } } }))))),
        ("enforced", Box::new(|| drop(server.patch("/site", &json!({ "enforced": { "network": { "cdp": true } } }))))),
        ("account", Box::new(|| drop(server.patch("/accounts/1001", &json!({ "display_name": "Berta" }))))),
        ("password", Box::new(|| drop(server.patch("/accounts/1001", &json!({ "password": format!("{CANARY}-new") }))))),
        ("firmware", Box::new(|| drop(server.send(Method::POST, rom, Some(("application/octet-stream", vec![1; 100]))).ok()))),
        (
            "device",
            Box::new(|| drop(server.patch("/devices/001565460001", &json!({ "settings": { "lines": { "1": { "label": "Desk" } } } })))),
        ),
    ];
    for (what, change) in changes {
        let before = get(&server, FILE, &[]);
        let (etag, date) = (&before.headers["etag"], &before.headers["last-modified"]);
        let (by_tag, by_date) = (format!("If-None-Match: {etag}"), format!("If-Modified-Since: {date}"));
        for condition in [&by_tag, &by_date, &"If-None-Match: *".to_owned(), &format!("If-None-Match: \"x\", W/{etag}")] {
            let same = get(&server, FILE, &[condition]);
            assert_eq!((same.status, same.body.len()), (304, 0), "{what}: {condition}");
            assert_eq!((&same.headers["etag"], &same.headers["last-modified"]), (etag, date));
        }
        change();
        for condition in [&by_tag, &by_date] {
            let changed = get(&server, FILE, &[condition]);
            assert_eq!(changed.status, 200, "{what}: {condition}");
            assert_ne!(changed.body, before.body, "{what}");
            assert_ne!(&changed.headers["etag"], etag, "{what}");
            assert_ne!(&changed.headers["last-modified"], date, "{what}");
        }
    }
}

#[test]
fn a_tag_goes_before_a_date() {
    let server = with_phone(Setup::default());
    let date = get(&server, FILE, &[]).headers["last-modified"].clone();
    assert_eq!(get(&server, FILE, &["If-None-Match: \"x\"", &format!("If-Modified-Since: {date}")]).status, 200);
    assert_eq!(get(&server, FILE, &["If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT"]).status, 200);
    assert_eq!(get(&server, FILE, &["If-Modified-Since: yesterday"]).status, 200);
}

#[test]
fn ranges_and_heads() {
    let server = with_phone(Setup::default());
    let whole = get(&server, FILE, &[]);
    let (size, etag) = (whole.body.len(), whole.headers["etag"].clone());
    assert_eq!(whole.headers["accept-ranges"], "bytes");
    let parts = [
        ("bytes=0-9", 0, 10),
        ("bytes=5-5", 5, 6),
        ("bytes=100-", 100, size),
        ("bytes=-7", size - 7, size),
        ("bytes=10-99999999", 10, size),
    ];
    for (range, from, to) in parts {
        for condition in ["X: y".to_owned(), format!("If-Range: {etag}"), format!("If-Range: {}", whole.headers["last-modified"])] {
            let part = get(&server, FILE, &[&format!("Range: {range}"), &condition]);
            assert_eq!((part.status, &part.body[..]), (206, &whole.body[from..to]), "{range} {condition}");
            assert_eq!(part.headers["content-range"], format!("bytes {from}-{}/{size}", to - 1));
        }
        let stale = get(&server, FILE, &[&format!("Range: {range}"), "If-Range: \"old\""]);
        assert_eq!((stale.status, stale.body), (200, whole.body.clone()));
    }
    let outside = get(&server, FILE, &["Range: bytes=99999999-"]);
    assert_eq!((outside.status, &outside.headers["content-range"]), (416, &format!("bytes */{size}")));
    for odd in ["bytes=9-2", "lines=1-2", "bytes=a-b", "bytes=0-1,3-4"] {
        assert_eq!(get(&server, FILE, &[&format!("Range: {odd}")]).body, whole.body, "{odd}");
    }
    let without_date = |mut h: BTreeMap<String, String>| {
        h.remove("date");
        h
    };
    for path in [FILE, "/y000000000066.cfg", "/none.cfg"] {
        let head = curl(&server.phone_url(path), &["-A", AGENT, "-I"]);
        let whole = get(&server, path, &[]);
        assert_eq!((head.status, without_date(head.headers)), (whole.status, without_date(whole.headers)), "{path}");
        let bare = raw(&server, format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(bare.ends_with("\r\n\r\n") && status(&bare) == whole.status, "{bare}");
    }
}

#[test]
fn connections_stay_open_or_close_as_asked() {
    let server = with_phone(Setup::default());
    let whole = get(&server, FILE, &[]).body;
    let mut stream = connect(&server);
    for _ in 0..3 {
        stream.write_all(format!("GET {FILE} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(answer(&mut stream), (200, whole.clone()));
        stream.write_all(b"GET /none.cfg HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(answer(&mut stream).0, 404);
    }
    // Several requests before the first answer.
    stream
        .write_all(format!("GET {FILE} HTTP/1.1\r\nHost: x\r\n\r\nGET {FILE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
        .unwrap();
    assert_eq!((answer(&mut stream).1, answer(&mut stream).1), (whole.clone(), whole.clone()));
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0, "open after Connection: close");
    // HTTP/1.0 closes by itself, needs no Host, and stays open when asked.
    let old = raw(&server, format!("GET {FILE} HTTP/1.0\r\n\r\n").as_bytes());
    assert!(status(&old) == 200 && old.as_bytes().ends_with(&whole), "{old}");
    let mut stream = connect(&server);
    for _ in 0..2 {
        stream.write_all(format!("GET {FILE} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(answer(&mut stream), (200, whole.clone()));
    }
}

#[test]
fn what_a_phone_calls_itself_is_told_as_it_wrote_it() {
    let server = with_phone(Setup::default());
    let told = |agent: &[u8]| {
        let asked = reqwest::Client::builder().no_proxy().build().unwrap().get(server.phone_url(FILE));
        let _ = Http::of(asked.header("user-agent", reqwest::header::HeaderValue::from_bytes(agent).unwrap()));
        until(|| server.get("/requests?limit=1")["items"][0]["user_agent"].as_str().map(str::to_owned)).unwrap()
    };
    // What is no UTF-8 is of an old phone.
    assert_eq!(told(b"T\xe9l\xe9phone"), "Téléphone");
    let modern = "Telefon 受付 é";
    let now = until(|| Some(told(modern.as_bytes())).filter(|t| t == modern));
    assert_eq!(now.as_deref(), Some(modern));
}

#[test]
fn names_in_any_spelling() {
    let server = with_phone(Setup::default());
    let whole = get(&server, FILE, &[]).body;
    for same in
        ["/%30%30%31565460001.cfg", "/phones/001565460001.cfg", "/a/b/c/001565460001.cfg", "/001565460001%2ecfg", "/001565460001.cfg?x=1"]
    {
        assert_eq!(get(&server, same, &[]).body, whole, "{same}");
    }
    server.post("/devices", &json!({ "mac": "80:5e:c0:ab:cd:ef", "model": "T46S", "label": "letters" }));
    let lower = curl(&server.phone_url("/805ec0abcdef.cfg"), &[]);
    assert_eq!(lower.status, 200);
    for same in ["/805EC0ABCDEF.cfg", "/805Ec0aBcDeF.cfg", "/805EC0ABCDEF.CFG"] {
        assert_eq!(curl(&server.phone_url(same), &[]).body, lower.body, "{same}");
    }
    server.post("/devices", &json!({ "mac": "0002fdabcdef", "model": "CP-7960" }));
    let capitals = curl(&server.phone_url("/SIP0002FDABCDEF.cnf"), &[]);
    assert_eq!(capitals.status, 200);
    for same in ["/SIP0002fdabcdef.cnf", "/sip0002fdabcdef.CNF", "/cisco/sip/SIP0002FDABCDEF.cnf"] {
        assert_eq!(curl(&server.phone_url(same), &[]).body, capitals.body, "{same}");
    }
    // One decoding, no more; nothing beside the name.
    for other in [
        "/%2530%2530%31565460001.cfg",
        "/001565460001.cfg%20",
        "/001565460001.cfg.",
        "/001565460001.cfg%00.xml",
        "/001565460001.cfg/",
        "/x001565460001.cfg",
    ] {
        let got = get(&server, other, &[]);
        assert_eq!(got.status, 404, "{other}");
        assert!(!got.text().contains(CANARY));
    }
}

#[test]
fn other_methods_are_refused_without_reading() {
    let server = with_phone(Setup::default());
    for method in ["DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "LOCK"] {
        let got = curl(&server.phone_url(FILE), &["-X", method]);
        assert_eq!((got.status, got.headers["allow"].as_str()), (405, "GET, HEAD, PUT, POST"), "{method}");
        assert!(!got.text().contains(CANARY));
    }
    // F04: a gigabyte is announced, none of it is waited for, and the connection ends.
    for method in ["POST", "PUT"] {
        let got = raw(&server, format!("{method} {FILE} HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n").as_bytes());
        assert_eq!(status(&got), 404, "{got}");
        let waits = format!("{method} {FILE} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1073741824\r\n\r\n");
        assert_eq!(status(&raw(&server, waits.as_bytes())), 404);
    }
    is_alive(&server);
}

#[test]
fn malformed_requests_end_well() {
    let server = with_phone(Setup::default());
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70_000));
    let many = format!("GET /x HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Header: y\r\n".repeat(10_000));
    let agent = format!("GET {FILE} HTTP/1.0\r\nUser-Agent: {}\r\n\r\n", "\u{1}".repeat(8192));
    let refused = [
        "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "GET /x HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET\r\n\r\n",
        "GET /x\r\n\r\n",
        &long,
        &many,
        &agent,
        "GET /x HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost : x\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}",
        "\r\n\r\n\r\n\0\0\0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET http://evil.example/001565460001.cf HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /x HTTP/1.1\nHost: x\nConnection: close\n\n",
    ];
    for bytes in refused {
        let got = raw(&server, bytes.as_bytes());
        let shown: String = bytes.chars().take(80).collect();
        assert!(matches!(status(&got), 400 | 404 | 405 | 413 | 414 | 421 | 431 | 505) || got.is_empty(), "{shown:?}: {got}");
        assert!(!got.contains(CANARY), "{shown:?}");
    }
    is_alive(&server);
}

#[test]
fn paths_lead_nowhere() {
    let server = with_phone(Setup::default());
    let paths = [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/%252e%252e/etc/passwd",
        "//etc/passwd",
        "/./././etc/passwd",
        "/001565460001.cfg/../../x",
        "/001565460001.cfg%00.xml",
        "/001565460001.cfg%20",
        "/001565460001.cfg.",
        "/firmware/",
        "/",
        "/.htpasswd",
        "/config.yaml",
        "/db.sqlite",
        "/offhook.db",
        "/secret.key",
        "/admin.token",
        "/listeners.json",
        "/.ssh/id_rsa",
        "/..%5c..%5cboot.ini",
        "/%ff%fe",
        "/%0d%0aSet-Cookie:%20x=y",
    ];
    for path in paths {
        let got = raw(&server, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        assert_eq!(status(&got), 404, "{path}: {got}");
        assert!(!got.contains("root:x:0") && !got.contains(CANARY) && !got.to_lowercase().contains("set-cookie"), "{path}: {got}");
    }
    assert_eq!(server.get("/devices")["items"].as_array().unwrap().len(), 1);
    is_alive(&server);
}

#[test]
fn idle_connections_cost_nobody_else() {
    let server = with_phone(Setup::default().set("limits.http_idle", "1s"));
    let mut idle: Vec<TcpStream> = (0..400).map(|_| connect(&server)).collect();
    let mut slow: Vec<TcpStream> = (0..100).map(|_| connect(&server)).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /001565460001.cfg HTTP/1.1\r\nHost:").unwrap();
    }
    is_alive(&server);
    // The read ends when the server closes: no answer, or that it was too slow.
    for stream in idle.iter_mut().chain(&mut slow) {
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        assert!(said.is_empty() || status(&String::from_utf8_lossy(&said)) == 408, "{}", String::from_utf8_lossy(&said));
    }
    is_alive(&server);
}

#[test]
fn the_two_sides_never_mix() {
    let server = with_phone(Setup::default());
    let token = format!("Authorization: Bearer {}", server.token());
    let admin = [
        "/api/v1/devices",
        "/api/v1/openapi.json",
        "/api/docs",
        "/api/v1/site",
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/requests/stream",
    ];
    for path in admin {
        for header in ["X: y", &token] {
            let got = get(&server, path, &[header]);
            assert_eq!((got.status, got.text().as_str()), (404, "not found\n"), "{path}");
        }
        assert_eq!(curl(&server.phone_url(path), &["-X", "POST", "-H", &token, "-d", "{}"]).status, 404, "{path}");
    }
    for path in [FILE, "/y000000000066.cfg", "/SIPDefault.cnf"] {
        let got = curl(&server.admin_url(path), &["-A", AGENT, "-H", &token]);
        assert_eq!(got.status, 404, "{path}");
        assert!(!got.text().contains(CANARY));
    }
}

/// Status, headers but the date, and body.
type Told = (u16, BTreeMap<String, String>, Vec<u8>);

/// What somebody at another address of loopback is told over HTTP.
fn told_from(server: &Server, source: &str, path: &str, more: &[&str]) -> Told {
    let mut got = curl(&server.phone_url(path), &[&["--interface", source, "-A", AGENT][..], more].concat());
    got.headers.remove("date");
    if more.contains(&"-I") {
        // Here curl writes the head a second time.
        got.body.clear();
    }
    (got.status, got.headers, got.body)
}

/// The first packet that somebody at another address gets over TFTP.
fn packet_from(server: &Server, source: &str, name: &str) -> Vec<u8> {
    let socket = UdpSocket::bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.send_to(format!("\0\u{1}{}\0octet\0", name.trim_start_matches('/')).as_bytes(), server.tftp()).unwrap();
    let mut packet = vec![0; 2000];
    let length = socket.recv(&mut packet).unwrap();
    packet.truncate(length);
    packet
}

#[test]
fn a_stranger_learns_nothing() {
    let server = with_phone(Setup::default().set("phones.trusted_networks", "127.0.0.2/32"));
    server.post("/tenants", &json!({ "name": "acme" }));
    server.post("/devices", &json!({ "mac": "001565460002", "model": "T46S", "tenant": "acme" }));
    server.post("/devices", &json!({ "mac": "001565460003", "model": "T46S", "state": "disabled" }));
    server.post("/devices", &json!({ "mac": "001565460004", "model": "T46S", "state": "pending" }));
    server.post("/devices", &json!({ "mac": "0002fd0a0b0c", "model": "CP-7960" }));
    let _ = server.send(Method::POST, "/firmware?name=P0S3-8-12-00.sb2", Some(("application/octet-stream", vec![1; 600]))).ok();
    let before = server.get("/devices")["items"].clone();
    // Known, foreign, disabled, pending, unknown; files of each kind; names that nobody knows.
    let paths = [
        FILE,
        "/001565460002.cfg",
        "/001565460003.cfg",
        "/001565460004.cfg",
        "/001565460009.cfg",
        "/SIP0002FD0A0B0C.cnf",
        "/SIP0002FD0A0B0D.cnf",
        "/DIAL0002FD0A0B0C.xml",
        "/001565460001.boot",
        "/001565460001-local.cfg",
        "/y000000000066.cfg",
        "/y000000000000.boot",
        "/SIPDefault.cnf",
        "/dialplan.xml",
        "/RINGLIST.DAT",
        "/P0S3-8-12-00.sb2",
        "/P0S3-9-99-99.sb2",
        "/OS79XX.TXT",
        "/no-such-file",
        "/../../etc/passwd",
    ];
    let ways: [&[&str]; 5] = [
        &[],
        &["-I"],
        &["-H", "If-None-Match: *"],
        &["-H", "Range: bytes=0-0"],
        &["-H", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"],
    ];
    for way in ways {
        let told = told_from(&server, "127.0.0.3", "/nobody-knows-this", way);
        assert_eq!(told.0, 404);
        assert!(!told.1.contains_key("etag") && !told.1.contains_key("last-modified"));
        for path in paths {
            assert_eq!(told_from(&server, "127.0.0.3", path, way), told, "{path} {way:?}");
        }
        // A disabled phone and an absent file are answered so in the trusted network too.
        for path in ["/001565460003.cfg", "/001565460001.boot", "/no-such-file"] {
            assert_eq!(told_from(&server, "127.0.0.2", path, way), told, "{path} {way:?}, trusted");
        }
    }
    let error = packet_from(&server, "127.0.0.3", "/nobody-knows-this");
    assert_eq!(error[..4], [0, 5, 0, 1]);
    for path in paths {
        assert_eq!(packet_from(&server, "127.0.0.3", path), error, "{path}");
    }
    assert_eq!(packet_from(&server, "127.0.0.2", "/001565460003.cfg"), error);
    // Claims of another address change nothing.
    for claim in [
        "X-Forwarded-For: 127.0.0.2",
        "Forwarded: for=127.0.0.2",
        "X-Real-IP: 127.0.0.2",
        "CF-Connecting-IP: 127.0.0.2",
        "True-Client-IP: 127.0.0.2",
    ] {
        assert_eq!(told_from(&server, "127.0.0.3", FILE, &["-H", claim]).0, 404, "{claim}");
    }
    // The trusted ask last: when that is recorded, all before it is.
    assert_eq!(told_from(&server, "127.0.0.2", FILE, &[]).0, 200);
    until(|| server.get("/devices/001565460001")["last_seen"]["ip"].as_str().map(|ip| assert_eq!(ip, "127.0.0.2"))).unwrap();
    let after = server.get("/devices")["items"].clone();
    let others = |list: &Value| {
        let mut list = list.as_array().unwrap().clone();
        list.retain(|d| d["mac"] != "00:15:65:46:00:01" && d["mac"] != "00:15:65:46:00:03");
        list
    };
    assert_eq!(others(&after), others(&before), "a stranger's request was stored");
    assert_eq!(after.as_array().unwrap().len(), 5);
}

#[test]
fn a_burst_of_connections_is_served() {
    let server = with_phone(Setup::default());
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
    let url = server.phone_url(FILE);
    let asked: Vec<_> =
        (0..200).map(|_| client.get(&url)).map(|r| runtime().spawn(async move { r.send().await.unwrap().status().as_u16() })).collect();
    for answer in asked {
        assert_eq!(runtime().block_on(answer).unwrap(), 200);
    }
}

#[test]
fn a_fetch_counts_when_the_phone_has_the_whole_file() {
    let server = with_phone(Setup::default());
    let sync = || server.get("/devices/001565460001")["sync"].as_str().unwrap().to_owned();
    let last = |path: &str| until(|| (server.get("/devices/001565460001")["last_seen"]["path"] == path).then_some(())).unwrap();
    assert_eq!(curl(&server.phone_url(FILE), &["-A", AGENT, "-I"]).status, 200);
    assert_eq!(get(&server, FILE, &["Range: bytes=0-9"]).status, 206);
    assert_eq!(get(&server, "/y000000000066.cfg", &[]).status, 200);
    // Requests are recorded in order: with this one, those before it are.
    last("/y000000000066.cfg");
    assert_eq!(sync(), "never");
    let etag = get(&server, FILE, &[]).headers["etag"].clone();
    until(|| (sync() == "current").then_some(())).unwrap();
    server.patch("/devices/001565460001", &json!({ "label": "a label that stands in no file" }));
    assert_eq!(sync(), "current", "the bytes are the same");
    assert_eq!(get(&server, FILE, &[&format!("If-None-Match: {etag}")]).status, 304);
    server.patch("/site", &json!({ "settings": { "time": { "ntp": ["never.seen.example"], "zone": "Europe/Paris" } } }));
    assert_eq!(sync(), "outdated");
    assert_eq!(get(&server, FILE, &[&format!("If-None-Match: {etag}")]).status, 200);
    until(|| (sync() == "current").then_some(())).unwrap();
}
