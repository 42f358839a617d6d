//! Two servers on one PostgreSQL: what is edited at one, the other serves at the very next fetch, also after it could hear nothing; edits of
//! both lose nothing; the end of one, or of the database for a while, is no end of the other.

use std::{fs, sync::Arc, thread};

use offhook_tests::{
    Server, Setup,
    clients::{Http, curl},
    copy_folder,
    postgres::{self, Database},
    root, until,
};
use reqwest::Method;
use serde_json::json;

const MAC: &str = "001565aabbcc";

fn two() -> (Arc<Database>, Server, Server) {
    let database = Arc::new(Database::new());
    let a = Setup::default().on(&database).start();
    let b = Setup::beside(&a).start();
    (database, a, b)
}

#[track_caller]
fn file(server: &Server, path: &str) -> Http {
    let answer = curl(&server.phone_url(path), &[]);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer
}

#[track_caller]
fn both_say(servers: [&Server; 2], wanted: &str) {
    for server in servers {
        let text = file(server, &format!("/{MAC}.cfg")).text();
        assert!(text.contains(wanted), "{wanted:?} is missing:\n{text}");
    }
}

#[test]
fn an_edit_at_one_is_served_by_the_other_at_the_next_fetch() {
    let (_database, a, b) = two();
    a.post("/accounts", &json!({ "name": "1001", "display_name": "name-0", "shared": true }));
    a.post("/profiles", &json!({ "name": "office", "settings": { "lines": { "1": { "account": "1001" } } } }));
    a.post("/devices", &json!({ "mac": MAC, "model": "T46S", "profiles": ["office"] }));
    both_say([&b, &a], "name-0");
    for n in 1..=5 {
        let (here, there) = if n % 2 == 0 { (&a, &b) } else { (&b, &a) };
        here.patch("/accounts/1001", &json!({ "display_name": format!("name-{n}") }));
        both_say([there, here], &format!("name-{n}"));
        here.patch("/profiles/office", &json!({ "settings": { "network": { "hostname": format!("host-{n}") } } }));
        both_say([there, here], &format!("host-{n}"));
        here.patch(&format!("/devices/{MAC}"), &json!({ "settings": { "time": { "ntp": [format!("ntp-{n}.example")] } } }));
        both_say([there, here], &format!("ntp-{n}.example"));
        here.patch("/site", &json!({ "settings": { "lines": { "2": { "username": format!("site-{n}") } } } }));
        both_say([there, here], &format!("site-{n}"));
    }
    // Firmware, with its bytes.
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 249) as u8).collect();
    let sent = a.send(Method::POST, "/firmware?name=T46S-1.rom&pack=yealink", Some(("application/octet-stream", bytes.clone())));
    assert_eq!(sent.status, 201, "{}", sent.text());
    assert!(file(&b, "/T46S-1.rom").body == bytes, "the other has the bytes");
}

#[test]
fn a_pack_that_is_installed_at_one_serves_at_the_other() {
    let (_database, a, b) = two();
    let folder = tempfile::tempdir().unwrap();
    for version in ["1.0.0", "2.0.0"] {
        let pack = folder.path().join(version).join("zentoro");
        copy_folder(&root().join("tests/packs/zentoro"), &pack);
        let manifest = fs::read_to_string(pack.join("vendor.toml")).unwrap();
        fs::write(pack.join("vendor.toml"), manifest.replace("1.0.0", version)).unwrap();
        fs::write(pack.join("templates/base.tpl"), format!("made_by: {version}\n")).unwrap();
        let told = a.cli(&["pack", "install", pack.to_str().unwrap()]);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let agent = ["-A", "Zentoro Z100 1.2.3 02:5a:54:00:00:07"];
        let answer = curl(&b.phone_url("/zt-025a54000007.conf"), &agent);
        assert!(answer.text().contains(&format!("made_by: {version}")), "{} {}", answer.status, answer.text());
    }
    // Templates that people write over it.
    for n in 1..=4 {
        let (here, there) = if n % 2 == 0 { (&a, &b) } else { (&b, &a) };
        here.put("/templates/site/zentoro/base.tpl", &json!({ "source": format!("over: {n}\n") }));
        let answer = curl(&there.phone_url("/zt-025a54000007.conf"), &["-A", "Zentoro Z100 1.2.3 02:5a:54:00:00:07"]);
        assert!(answer.text().contains(&format!("over: {n}")), "{} {}", answer.status, answer.text());
    }
}

#[test]
fn what_could_not_be_heard_is_made_up_for() {
    let (database, a, b) = two();
    a.post("/devices", &json!({ "mac": MAC, "model": "T46S" }));
    for n in 1..=5 {
        let edit = json!({ "settings": { "network": { "hostname": format!("host-{n}") } } });
        both_say([&b, &a], "");
        // Every connection of both ends in the middle of everything.
        database.cut();
        let (here, there) = if n % 2 == 0 { (&a, &b) } else { (&b, &a) };
        here.patch(&format!("/devices/{MAC}"), &edit);
        let wanted = format!("host-{n}");
        let served = until(|| file(there, &format!("/{MAC}.cfg")).text().contains(&wanted).then_some(()));
        assert!(served.is_some(), "{wanted}");
    }
    // And then at once again.
    a.patch(&format!("/devices/{MAC}"), &json!({ "label": "x", "settings": { "network": { "hostname": "at-once" } } }));
    both_say([&b, &a], "at-once");
}

#[test]
fn edits_at_both_lose_nothing() {
    let (_database, a, b) = two();
    a.post("/devices", &json!({ "mac": MAC, "model": "T46S" }));
    thread::scope(|scope| {
        for (n, server) in [&a, &b, &a, &b].into_iter().enumerate() {
            scope.spawn(move || {
                for m in 0..10 {
                    let line = (n * 10 + m + 1).to_string();
                    let edit = json!({ "settings": { "lines": { line: { "username": format!("{n}-{m}") } } } });
                    server.patch(&format!("/devices/{MAC}"), &edit);
                }
            });
        }
    });
    for server in [&a, &b] {
        let device = server.get(&format!("/devices/{MAC}"));
        assert_eq!(device["settings"]["lines"].as_object().map(|v| v.len()), Some(40), "{device}");
        assert_eq!(device["revision"], 41);
    }
}

#[test]
fn the_end_of_one_does_not_hinder_the_other() {
    let (_database, mut a, b) = two();
    a.post("/devices", &json!({ "mac": MAC, "model": "T46S" }));
    a.kill();
    let begin = std::time::Instant::now();
    for n in 0..10 {
        b.patch(&format!("/devices/{MAC}"), &json!({ "settings": { "network": { "hostname": format!("host-{n}") } } }));
    }
    assert!(begin.elapsed().as_secs() < 8, "a dead node is waited for once: {:?}", begin.elapsed());
    a.start_again();
    both_say([&a, &b], "host-9");
    let token = b.post("/tokens", &json!({ "label": "t", "role": "operator" }));
    let ask = |server: &Server| {
        let header = format!("Authorization: Bearer {}", token["token"].as_str().unwrap_or_else(|| panic!("{token}")));
        curl(&server.admin_url("/api/v1/devices"), &["-H", &header]).status
    };
    assert_eq!((ask(&a), ask(&b)), (200, 200));
    a.delete(&format!("/tokens/{}", token["id"].as_str().unwrap()));
    assert_eq!((ask(&b), ask(&a)), (401, 401), "revoked at one, refused by both");
}

#[test]
fn while_the_database_is_away_phones_are_served_from_memory() {
    let mut database = postgres::Server::new();
    let server = Setup::default().set("store.url", &database.url()).start();
    server.post("/devices", &json!({ "mac": MAC, "model": "T46S", "settings": { "network": { "hostname": "kept" } } }));
    let ready = || curl(&server.admin_url("/readyz"), &[]);
    assert!(file(&server, &format!("/{MAC}.cfg")).text().contains("kept"));
    database.stop();
    until(|| (ready().status == 503).then_some(())).expect("it is not ready");
    assert!(ready().text().contains("the store does not answer"), "{}", ready().text());
    assert!(file(&server, &format!("/{MAC}.cfg")).text().contains("kept"), "from memory");
    let refused = server.api(Method::PATCH, &format!("/devices/{MAC}"), Some(&json!({ "label": "x" })));
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.headers["content-type"].starts_with("application/problem+json"), "{:?}", refused.headers);
    database.start();
    until(|| (ready().status == 200).then_some(())).expect("it is ready again");
    server.patch(&format!("/devices/{MAC}"), &json!({ "settings": { "network": { "hostname": "again" } } }));
    assert!(file(&server, &format!("/{MAC}.cfg")).text().contains("again"));
}
