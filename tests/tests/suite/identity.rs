//! Who is asking: unknown phones become pending and not too many of them, phones behind one address never mix, nobody gets
//! another's file, and what a phone says of itself is kept.

use offhook_tests::{
    Http, Server, Setup,
    clients::{Tftp, curl, runtime},
    server::until,
};
use serde_json::{Value, json};

const SECRET: &str = "planted-1dentity";

fn agent(mac: &str) -> String {
    format!("Yealink SIP-T46S 66.86.0.15 {mac}")
}

/// A request from an address of loopback.
fn ask(server: &Server, source: &str, path: &str, agent: &str) -> Http {
    curl(&server.phone_url(path), &["--interface", source, "-A", agent])
}

/// The MAC addresses of all devices.
fn macs(server: &Server) -> Vec<String> {
    let mut macs: Vec<_> =
        server.get("/devices?limit=200")["items"].as_array().unwrap().iter().map(|d| d["mac"].as_str().unwrap().to_owned()).collect();
    macs.sort();
    macs
}

/// Waits until the device is as `good` wants it: requests are recorded off their path.
fn becomes(server: &Server, device: &str, good: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/devices/{device}");
    until(|| Some(server.get(&path)).filter(|d| good(d))).unwrap_or_else(|| panic!("it stayed {}", server.get(&path)))
}

/// The reason of the newest request for that path.
fn reason(server: &Server, path: &str) -> Value {
    let found = server.get("/requests")["items"].as_array().unwrap().iter().find(|r| r["path"] == path).cloned();
    found.unwrap_or_else(|| panic!("no request for {path}"))["reason"].clone()
}

fn with_line(server: &mut Server, mac: &str, more: Value) {
    server.plant_secret(SECRET);
    let lines = json!({ "1": { "username": "1001", "password": format!("{SECRET}-{}", mac.replace(':', "")) } });
    let mut device = json!({ "mac": mac, "settings": { "lines": lines } });
    device.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.post("/devices", &device);
}

#[test]
fn pending_phones_are_bounded() {
    let server = Setup::default().set("limits.pending", "3").set("limits.pending_per_network", "2").start();
    let path = |n: usize| format!("/00156500000{n}.cfg");
    let file = |source: &str, n: usize| ask(&server, source, &path(n), &agent(&format!("00:15:65:00:00:0{n}"))).status;
    assert_eq!([file("127.0.0.1", 1), file("127.0.0.2", 2), file("127.0.0.3", 3)], [200, 200, 404], "two of one network");
    assert_eq!([file("127.0.1.1", 4), file("127.0.2.1", 5)], [200, 404], "three in all");
    // Nobody was pushed out, and those who are in are served on.
    assert_eq!([file("127.0.0.9", 1), file("127.0.0.9", 2), file("127.0.9.9", 4)], [200; 3]);
    assert_eq!(macs(&server), ["00:15:65:00:00:01", "00:15:65:00:00:02", "00:15:65:00:00:04"]);
    assert!(Tftp::Hpa.fetch(server.tftp(), "SIP0002FD000001.cnf").unwrap_err().contains("Error code 1"));
    // One is approved: there is room for another.
    server.patch("/devices/001565000001", &json!({ "state": "ready" }));
    assert_eq!(file("127.0.0.3", 3), 200);
}

#[test]
fn unknown_names_make_no_device() {
    let server = Server::start();
    for path in [
        "/00156500000.cfg",
        "/0015650000011.cfg",
        "/deadbeef0001.txt",
        "/001565000001",
        "/x/001565000001.jpg",
        "/SIP.cnf",
        "/y000000000066.cfg",
    ] {
        let _ = ask(&server, "127.0.0.1", path, "curl/8");
    }
    assert!(macs(&server).is_empty());
}

#[test]
fn auto_create_off_answers_like_a_stranger() {
    let server = Setup::default().set("phones.auto_create", "off").start();
    let known = "00:15:65:00:00:01";
    server.post("/devices", &json!({ "mac": known }));
    let mut unknown = ask(&server, "127.0.0.1", "/001565000002.cfg", &agent("00:15:65:00:00:02"));
    let mut nothing = ask(&server, "127.0.0.1", "/no-such-file", "curl/8");
    for answer in [&mut unknown, &mut nothing] {
        answer.headers.remove("date");
    }
    assert_eq!((unknown.status, unknown.headers, unknown.body), (nothing.status, nothing.headers, nothing.body));
    assert!(Tftp::Hpa.fetch(server.tftp(), "SIP0002FD000001.cnf").unwrap_err().contains("Error code 1"));
    assert_eq!(macs(&server), [known]);
    assert_eq!(ask(&server, "127.0.0.1", "/001565000001.cfg", "x").status, 200, "known phones are served");
}

#[test]
fn who_may_not_ask_leaves_nothing() {
    let setup = Setup::default().set("phones.acl", "0.0.0.0/0,!127.0.0.3").set("phones.hosts", "prov.example,127.0.0.1");
    let server = setup.start();
    server.post("/devices", &json!({ "mac": "001565000001" }));
    assert_eq!(ask(&server, "127.0.0.3", "/001565000001.cfg", "x").status, 404);
    assert_eq!(ask(&server, "127.0.0.3", "/001565000002.cfg", &agent("00:15:65:00:00:02")).status, 404);
    assert_eq!(ask(&server, "127.0.0.3", "/y000000000066.cfg", "x").status, 404);
    let host = |host: &str, path: &str| curl(&server.phone_url(path), &["-H", &format!("Host: {host}")]);
    for (name, status) in [("evil.example", 404), ("prov.example", 200), ("PROV.example:8667", 200), ("127.0.0.1", 200)] {
        assert_eq!(host(name, "/001565000001.cfg").status, status, "{name}");
    }
    assert_eq!(host("evil.example", "/001565000003.cfg").status, 404);
    // Requests are recorded in order: once that of another phone is, the refused one before it would be too.
    server.post("/devices", &json!({ "mac": "001565000005" }));
    assert_eq!(ask(&server, "127.0.0.1", "/001565000001.cfg", "allowed").status, 200);
    assert_eq!(ask(&server, "127.0.0.3", "/001565000001.cfg", "denied").status, 404);
    assert_eq!(ask(&server, "127.0.0.1", "/001565000005.cfg", "allowed").status, 200);
    becomes(&server, "001565000005", |d| !d["last_seen"].is_null());
    assert_eq!(server.get("/devices/001565000001")["last_seen"]["user_agent"], "allowed", "a refused request was recorded");
    assert_eq!(macs(&server), ["00:15:65:00:00:01", "00:15:65:00:00:05"], "who may not ask made a device");
    assert!(!curl(&server.phone_url("/001565000001.cfg"), &["-H", "Host: prov.example"]).text().contains("prov.example"));
}

#[test]
fn nobody_gets_anothers_file() {
    let mut server = Server::start();
    let (one, two) = ("00:15:65:00:00:01", "00:15:65:00:00:02");
    with_line(&mut server, one, json!({ "model": "T46S" }));
    with_line(&mut server, two, json!({ "model": "T46S" }));
    assert_eq!(ask(&server, "127.0.0.2", "/001565000002.cfg", &agent(two)).status, 200);
    let stolen = ask(&server, "127.0.0.1", "/001565000002.cfg", &agent(one));
    assert_eq!(stolen.status, 404);
    assert!(!stolen.text().contains(SECRET));
    assert!(reason(&server, "/001565000002.cfg").to_string().contains("00:15:65:00:00:0"));
    // An unknown phone that asks another's file is not stored either, and neither is the other's address changed.
    assert_eq!(ask(&server, "127.0.0.7", "/001565000002.cfg", &agent("00:15:65:00:00:09")).status, 404);
    assert_eq!(ask(&server, "127.0.0.7", "/001565000008.cfg", &agent("00:15:65:00:00:09")).status, 404);
    // The name tells the MAC, so an agent of another maker changes nothing of what is known of the phone.
    assert_eq!(ask(&server, "127.0.0.2", "/001565000002.cfg", "Cisco-CP7960G/8.0").status, 200);
    assert_eq!(ask(&server, "127.0.0.1", "/001565000001.cfg", &agent(one)).status, 200);
    becomes(&server, "001565000001", |d| d["last_seen"]["path"] == "/001565000001.cfg");
    let other = server.get("/devices/001565000002");
    assert_eq!(other["last_seen"]["ip"], "127.0.0.2", "a refused request moved the phone: {other}");
    assert_eq!((&other["vendor"], &other["model"], &other["pack"]), (&json!("yealink"), &json!("T46S"), &json!("yealink")));
    assert_eq!(macs(&server), [one, two]);
}

#[test]
fn phones_behind_one_address_never_mix() {
    let mut server = Setup::default().set("phones.nat_networks", "127.0.0.2/32").start();
    server.post("/tenants", &json!({ "name": "acme", "settings": { "time": { "ntp": ["ntp.acme.example"] } } }));
    let (one, two) = ("00:15:65:00:00:01", "00:15:65:00:00:02");
    with_line(&mut server, one, json!({ "model": "T46S", "tenant": "acme" }));
    with_line(&mut server, two, json!({ "model": "T46S" }));
    let common = |source: &str| ask(&server, source, "/y000000000066.cfg", "x").text();
    let own = |source: &str, mac: &str| {
        let text = ask(&server, source, &format!("/{}.cfg", mac.replace(':', "")), "x").text();
        assert!(text.contains(&format!("{SECRET}-{}", mac.replace(':', ""))) && text.matches(SECRET).count() == 1, "{text}");
    };
    // Behind one address: each its own by name, and what tells no MAC is common to all.
    for _ in 0..2 {
        for mac in [one, two] {
            own("127.0.0.2", mac);
            assert!(!common("127.0.0.2").contains("ntp.acme.example"), "an address told the tenant inside NAT");
        }
    }
    // Elsewhere the newest sighting owns the address, and its tenant's common file follows.
    for (mac, acme) in [(one, true), (two, false), (one, true)] {
        own("127.0.0.3", mac);
        assert_eq!(common("127.0.0.3").contains("ntp.acme.example"), acme, "after {mac}");
    }
    // Another address is nobody's; and a phone of another kind at that address is not that phone.
    assert!(!common("127.0.0.4").contains("ntp.acme.example"));
    assert!(!ask(&server, "127.0.0.3", "/y000000000066.cfg", "Cisco-CP7960G/8.0").text().contains("ntp.acme.example"));
    becomes(&server, "001565000001", |d| d["last_seen"]["ip"] == "127.0.0.3");
    // The store remembers whose an address is when memory is lost.
    server.stop();
    server.start_again();
    let common = |source: &str| ask(&server, source, "/y000000000066.cfg", "x").text();
    assert!(common("127.0.0.3").contains("ntp.acme.example"));
    assert!(!common("127.0.0.2").contains("ntp.acme.example"));
    assert!(!common("127.0.0.4").contains("ntp.acme.example"));
}

#[test]
fn what_a_phone_says_is_kept() {
    let server = Server::start();
    server.post("/devices", &json!({ "mac": "001565000001" }));
    server.post("/devices", &json!({ "mac": "001565000002", "model": "T28P" }));
    let old = "Yealink SIP-T46S 66.85.0.5 00:15:65:00:00:01";
    assert_eq!(ask(&server, "127.0.0.2", "/001565000001.cfg", old).status, 200);
    let device = becomes(&server, "001565000001", |d| !d["last_seen"].is_null());
    let told = ["vendor", "model", "firmware", "pack"].map(|f| device[f].as_str().unwrap_or_default().to_owned());
    assert_eq!(told, ["yealink", "T46S", "66.85.0.5", "yealink"]);
    let seen = &device["last_seen"];
    let told = ["ip", "transport", "path", "user_agent"].map(|f| seen[f].as_str().unwrap().to_owned());
    assert_eq!(told, ["127.0.0.2", "http", "/001565000001.cfg", old]);
    // Updated firmware, another address.
    let new = "Yealink SIP-T46S 66.86.0.15 00:15:65:00:00:01";
    assert_eq!(ask(&server, "127.0.0.3", "/001565000001.cfg", new).status, 200);
    becomes(&server, "001565000001", |d| d["firmware"] == "66.86.0.15" && d["last_seen"]["ip"] == "127.0.0.3");
    // TFTP tells less, and takes nothing back.
    assert!(Tftp::Hpa.fetch(server.tftp(), "001565000001.cfg").is_ok());
    let device = becomes(&server, "001565000001", |d| d["last_seen"]["transport"] == "tftp");
    assert_eq!((&device["model"], &device["firmware"]), (&json!("T46S"), &json!("66.86.0.15")));
    // What a person set stays; what the phone says otherwise is shown beside it.
    assert_eq!(ask(&server, "127.0.0.4", "/001565000002.cfg", &agent("00:15:65:00:00:02")).status, 200);
    let device = becomes(&server, "001565000002", |d| !d["reported_model"].is_null());
    assert_eq!((&device["model"], &device["reported_model"]), (&json!("T28P"), &json!("T46S")));
    assert_eq!(device["firmware"], "66.86.0.15");
}

#[test]
fn a_disabled_phone_gets_nothing() {
    let mut server = Server::start();
    with_line(&mut server, "00:15:65:00:00:01", json!({ "model": "T46S" }));
    let get = |path: &str| ask(&server, "127.0.0.1", path, &agent("00:15:65:00:00:01")).status;
    assert_eq!([get("/001565000001.cfg"), get("/y000000000066.cfg")], [200, 200]);
    server.patch("/devices/001565000001", &json!({ "state": "disabled" }));
    assert_eq!([get("/001565000001.cfg"), get("/y000000000066.cfg")], [404, 404]);
    assert!(Tftp::Hpa.fetch(server.tftp(), "001565000001.cfg").is_err());
    server.patch("/devices/001565000001", &json!({ "state": "ready" }));
    assert_eq!(get("/001565000001.cfg"), 200);
}

#[test]
fn a_trusted_proxy_tells_where_the_phone_is() {
    let setup = Setup::default()
        .set("phones.trusted_proxies", "127.0.0.9")
        .set("phones.trusted_networks", "10.1.0.0/16")
        .set("phones.acl", "!10.1.9.0/24");
    let server = setup.start();
    server.post("/devices", &json!({ "mac": "001565000001" }));
    let by = |proxy: &str, header: &str| curl(&server.phone_url("/001565000001.cfg"), &["--interface", proxy, "-H", header]).status;
    for (header, status) in [
        ("X-Forwarded-For: 10.1.2.3", 200),
        ("X-Forwarded-For: 198.51.100.7, 10.1.2.3", 200),
        ("X-Forwarded-For: 10.1.2.3, 198.51.100.7", 404),
        ("X-Forwarded-For: 10.1.9.3", 404),
        ("Forwarded: for=10.1.2.3;proto=https", 200),
        ("Forwarded: for=\"10.1.2.3:4711\"", 200),
        ("Forwarded: for=_hidden", 404),
        ("X-Real-IP: 10.1.2.3", 404),
        ("X: y", 404),
    ] {
        assert_eq!(by("127.0.0.9", header), status, "{header}");
        assert_eq!(by("127.0.0.8", header), 404, "{header} from somebody else");
    }
    becomes(&server, "001565000001", |d| d["last_seen"]["ip"] == "10.1.2.3");
}

#[test]
fn networks_tell_the_tenant_of_an_unknown_phone() {
    let server = Server::start();
    server.post(
        "/tenants",
        &json!({ "name": "acme", "networks": ["127.0.0.0/28"], "settings": { "time": { "ntp": ["ntp.acme.example"] } } }),
    );
    server.post(
        "/tenants",
        &json!({ "name": "inner", "networks": ["127.0.0.4/32"], "settings": { "time": { "ntp": ["ntp.inner.example"] } } }),
    );
    let cases = [("127.0.0.2", "acme", 1), ("127.0.0.4", "inner", 2), ("127.0.0.99", "default", 3)];
    for (source, tenant, n) in cases {
        let own = ask(&server, source, &format!("/00156500000{n}.cfg"), &agent(&format!("00:15:65:00:00:0{n}"))).text();
        let common = ask(&server, source, "/y000000000066.cfg", "x").text();
        for text in [own, common] {
            assert!(tenant == "default" || text.contains(&format!("ntp.{tenant}.example")), "{source}: {text}");
            assert_eq!(text.matches("example").count(), usize::from(tenant != "default"), "{source}: {text}");
        }
        assert_eq!(server.get(&format!("/devices/00156500000{n}"))["tenant"], tenant);
    }
    // A known device's tenant is its own wherever it is.
    assert!(ask(&server, "127.0.0.99", "/001565000001.cfg", "x").text().contains("ntp.acme.example"));
}

#[test]
fn an_address_alone_makes_no_device() {
    let server = Server::start();
    assert_eq!(ask(&server, "127.0.0.2", "/001565000001.cfg", &agent("00:15:65:00:00:01")).status, 200);
    server.delete("/devices/001565000001");
    assert_eq!(ask(&server, "127.0.0.2", "/y000000000066.cfg", "x").status, 200);
    assert!(macs(&server).is_empty(), "a deleted phone came back by somebody else's request");
    assert_eq!(ask(&server, "127.0.0.2", "/001565000001.cfg", "x").status, 200);
    assert_eq!(macs(&server), ["00:15:65:00:00:01"], "by its own it does come back");
}

#[test]
fn files_follow_what_an_administrator_makes_of_a_device() {
    let mut server = Server::start();
    server.post("/tenants", &json!({ "name": "acme", "settings": { "time": { "ntp": ["ntp.acme.example"] } } }));
    with_line(&mut server, "00:15:65:00:00:01", json!({ "model": "T46S" }));
    let file = |n: usize| ask(&server, "127.0.0.1", &format!("/00156500000{n}.cfg"), &agent(&format!("00:15:65:00:00:0{n}"))).text();
    assert!(file(1).contains(SECRET) && !file(1).contains("ntp.acme"));
    // Another tenant.
    server.patch("/devices/001565000001", &json!({ "tenant": "acme" }));
    assert!(file(1).contains(SECRET) && file(1).contains("ntp.acme"));
    // Another phone in its place: the old one is unknown again.
    server.patch("/devices/001565000001", &json!({ "mac": "00:15:65:00:00:02" }));
    assert!(file(2).contains(&format!("{SECRET}-001565000001")) && file(2).contains("ntp.acme"));
    let old = file(1);
    assert!(old.contains("UNPROV") && !old.contains(SECRET) && !old.contains("ntp.acme"), "{old}");
    // Deleted: it is unknown again too.
    server.delete("/devices/001565000002");
    let deleted = file(2);
    assert!(deleted.contains("UNPROV") && !deleted.contains(SECRET), "{deleted}");
    // Back to pending: no credential any more.
    with_line(&mut server, "00:15:65:00:00:03", json!({ "model": "T46S" }));
    let file = |n: usize| ask(&server, "127.0.0.1", &format!("/00156500000{n}.cfg"), &agent(&format!("00:15:65:00:00:0{n}"))).text();
    assert!(file(3).contains(SECRET));
    server.patch("/devices/001565000003", &json!({ "state": "pending" }));
    assert!(file(3).contains("UNPROV") && !file(3).contains(SECRET));
}

#[test]
fn files_point_to_the_address_that_was_reached() {
    let setup = Setup::default().set("phones.http.listen", "0.0.0.0:0").set("phones.tftp.listen", "0.0.0.0:0");
    let server = setup.start();
    server.patch("/site", &json!({ "settings": { "provisioning": { "url": "${server.url}/" } } }));
    server.post("/devices", &json!({ "mac": "001565000001", "model": "T46S" }));
    let (http, tftp) = (server.listeners().http[0].port(), server.tftp().port());
    for address in ["127.0.0.1", "127.0.0.5", "127.3.2.1"] {
        let got = curl(&format!("http://{address}:{http}/001565000001.cfg"), &["-H", "Host: evil.example"]);
        assert!(got.text().contains(&format!("http://{address}:{http}/")) && !got.text().contains("evil"), "{}", got.text());
        let again = Tftp::Hpa.fetch(format!("{address}:{tftp}").parse().unwrap(), "001565000001.cfg").unwrap();
        assert_eq!(again, got.body, "{address}: other bytes over TFTP");
    }
}

/// The statuses of requests that are all under way together.
fn together(paths: impl Iterator<Item = String>) -> Vec<u16> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let asked: Vec<_> =
        paths.map(|p| client.get(p)).map(|r| runtime().spawn(async { r.send().await.unwrap().status().as_u16() })).collect();
    asked.into_iter().map(|a| runtime().block_on(a).unwrap()).collect()
}

#[test]
fn a_sweep_of_addresses_finds_its_bound() {
    let mut server = Setup::default().set("limits.pending_per_network", "50").start();
    with_line(&mut server, "00:15:65:00:00:01", json!({ "model": "T46S" }));
    // The same unknown phone many times at once is one device.
    let same = together((0..40).map(|_| server.phone_url("/001565000009.cfg")));
    assert_eq!(same, [200; 40]);
    assert_eq!(macs(&server), ["00:15:65:00:00:01", "00:15:65:00:00:09"]);
    // Many at once, and never more than there is room for.
    let many = together((0..200).map(|n| server.phone_url(&format!("/0015650001{n:02x}.cfg"))));
    assert_eq!(many.iter().filter(|s| **s == 200).count(), 49);
    assert_eq!(many.iter().filter(|s| **s == 404).count(), 151);
    assert_eq!(macs(&server).len(), 51);
    assert!(ask(&server, "127.0.0.1", "/001565000001.cfg", "x").text().contains(SECRET));
}
