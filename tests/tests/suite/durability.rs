//! Killed again and again while it writes: nothing acknowledged is lost, the store opens, and no secret ever lies readable on
//! the disk.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use offhook_tests::{Server, clients, clients::runtime, files_below, server::until};
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// Acknowledged writes after which it is killed: at once, early, in the midst of a stream of commits.
const KILLS: [usize; 10] = [1, 2, 3, 5, 9, 17, 33, 65, 120, 200];
/// In every secret.
const PLANTED: &str = "planted-Zq7";

/// What the server acknowledged: its path, and the newest revision that was told.
type Acknowledged = Arc<Mutex<BTreeMap<String, u64>>>;

/// The document number `n`, of a kind that its number tells, and how it is read back.
fn document(n: usize) -> (&'static str, Value, String) {
    match n % 3 {
        0 => {
            let lines = json!({ "1": { "username": "u", "password": format!("{PLANTED}-line-{n}") } });
            let mac = format!("001565{n:06x}");
            ("/devices", json!({ "mac": mac, "model": "T46S", "settings": { "lines": lines } }), format!("/devices/{mac}"))
        }
        1 => {
            let settings = json!({ "access": { "admin_password": format!("{PLANTED}-profile-{n}") } });
            ("/profiles", json!({ "name": format!("p{n}"), "settings": settings }), format!("/profiles/p{n}"))
        }
        _ => ("/accounts", json!({ "name": format!("a{n}"), "password": format!("{PLANTED}-account-{n}") }), format!("/accounts/a{n}")),
    }
}

/// Creates documents, and changes each once, until the server is gone.
async fn write(client: Client, api: String, token: String, numbers: impl Iterator<Item = usize>, acknowledged: Acknowledged) {
    for n in numbers {
        let (noun, body, path) = document(n);
        let create = client.post(format!("{api}{noun}")).header("content-type", "application/json").body(body.to_string());
        let change = if noun == "/accounts" { json!({ "display_name": "changed" }) } else { json!({ "label": "changed" }) };
        let change = client.patch(format!("{api}{path}")).header("content-type", "application/merge-patch+json").body(change.to_string());
        for request in [create, change] {
            let Ok(answer) = request.bearer_auth(&token).send().await else { return };
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
            // The acknowledgement is the status line: the body may be cut by the kill.
            let mut acknowledged = acknowledged.lock().unwrap();
            *acknowledged.entry(path.clone()).or_default() += 1;
        }
    }
}

#[test]
fn ten_kills_lose_nothing_and_show_no_secret() {
    let mut server = Server::start();
    server.plant_secret(PLANTED);
    server.patch(
        "/site",
        &json!({ "settings": {
            "provisioning": { "password": format!("{PLANTED}-site"), "url": format!("https://user:{PLANTED}-url@prov.example/") },
            "directory": { "ldap": { "host": "ldap.example", "password": format!("{PLANTED}-ldap") } },
            "raw": { "yealink": { "some.secret_thing": format!("{PLANTED}-raw") } },
        } }),
    );
    let acknowledged = Acknowledged::default();
    for (round, threshold) in KILLS.into_iter().enumerate() {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        let before: u64 = acknowledged.lock().unwrap().values().sum();
        let writers: Vec<_> = (0..8)
            .map(|w| {
                let numbers = (round * 100_000 + w..).step_by(8);
                let (api, token) = (server.admin_url("/api/v1"), server.token());
                runtime().spawn(write(client.clone(), api, token, numbers, acknowledged.clone()))
            })
            .collect();
        let written = || acknowledged.lock().unwrap().values().sum::<u64>() - before;
        until(|| (written() >= threshold as u64).then_some(())).unwrap();
        server.kill();
        for writer in writers {
            runtime().block_on(writer).unwrap();
        }
        server.start_again();
        assert_eq!(clients::curl(&server.admin_url("/readyz"), &[]).status, 200);
        let stored = revisions(&server);
        for (path, changes) in &*acknowledged.lock().unwrap() {
            let revision = stored.get(path).unwrap_or_else(|| panic!("round {round}: {path} is lost"));
            assert!(revision >= changes, "round {round}: {path} was changed {changes} times and has revision {revision}");
        }
        no_secret_lies_open(&server);
    }
    println!("{} documents acknowledged over {} kills", acknowledged.lock().unwrap().len(), KILLS.len());
    // Reading goes on to work with the secrets.
    let (path, _) = acknowledged.lock().unwrap().iter().find(|(p, _)| p.starts_with("/devices/")).map(|(p, c)| (p.clone(), *c)).unwrap();
    let file = clients::curl(&server.phone_url(&format!("/{}.cfg", path.trim_start_matches("/devices/"))), &[]);
    assert!(file.text().contains(PLANTED));
    assert_eq!(server.stop().code(), Some(0));
    no_secret_lies_open(&server);
}

#[test]
fn firmware_that_was_acknowledged_outlives_a_kill() {
    let mut server = Server::start();
    for n in 0..5_u8 {
        let (name, image) = (format!("P0S3-8-12-0{n}.sb2"), vec![n; 300_000]);
        let _ = server.send(Method::POST, &format!("/firmware?name={name}"), Some(("application/octet-stream", image.clone()))).ok();
        server.kill();
        server.start_again();
        assert!(clients::curl(&server.phone_url(&format!("/{name}")), &[]).body == image, "{name}");
    }
    assert_eq!(server.get("/firmware")["items"].as_array().unwrap().len(), 5);
}

/// Every stored document with its revision.
fn revisions(server: &Server) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for (noun, key) in [("/devices", "mac"), ("/profiles", "name"), ("/accounts", "name")] {
        let mut cursor = String::new();
        loop {
            let page = server.get(&format!("{noun}?limit=200{cursor}"));
            for item in page["items"].as_array().unwrap() {
                let name = item[key].as_str().unwrap().replace(':', "");
                found.insert(format!("{noun}/{name}"), item["revision"].as_u64().unwrap());
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
    }
    found
}

/// No file of the data folder, database and its log among them, has a planted secret; the server's output neither.
fn no_secret_lies_open(server: &Server) {
    let needle = PLANTED.as_bytes();
    for file in files_below(&server.data()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(needle.len()).any(|w| w == needle), "a secret in {}", file.display());
    }
    assert!(!server.log().contains(PLANTED));
}
