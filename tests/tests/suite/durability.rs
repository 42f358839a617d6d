//! Killed again and again while it writes, a hundred times in all: nothing acknowledged is lost, blobs are whole, the store opens, and no
//! secret ever lies readable on the disk. On PostgreSQL too.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use offhook_tests::{Server, Setup, clients, clients::runtime, copy_folder, postgres, root, server::until};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// In every secret.
const PLANTED: &str = "planted-Zq7";
/// The phone that sends files.
const PHONE: &str = "025a54000007";
const AGENT: &str = "Zentoro Z100 1.2.3 02:5a:54:00:00:07";

/// What the server acknowledged: its path, and the newest revision or number that was told.
type Acknowledged = Arc<Mutex<BTreeMap<String, u64>>>;

/// A server with an invented family whose phones may send files, and one such phone.
fn server(setup: Setup) -> Server {
    let pack = setup.data().join("packs/zentoro");
    copy_folder(&root().join("tests/packs/zentoro"), &pack);
    let manifest = pack.join("vendor.toml");
    let upload = "\n[[upload]]\nname = \"log\"\npath = \"{mac}-app.log\"\nkind = \"log\"\nmax_bytes = 100000\nkeep = 2\n";
    std::fs::write(&manifest, std::fs::read_to_string(&manifest).unwrap() + upload).unwrap();
    let server = setup.start();
    server.post("/devices", &json!({ "mac": PHONE, "model": "Z100" }));
    server
}

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

/// Who writes: to where, and where it is noted.
#[derive(Clone)]
struct Writer {
    client: Client,
    api: String,
    phones: String,
    token: String,
    acknowledged: Acknowledged,
    /// How many writes were acknowledged.
    writes: Arc<AtomicU64>,
}

impl Writer {
    fn of(server: &Server, acknowledged: &Acknowledged) -> Self {
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        let (api, phones, token) = (server.admin_url("/api/v1"), server.phone_url(""), server.token());
        Self { client, api, phones, token, acknowledged: acknowledged.clone(), writes: Arc::default() }
    }

    /// False when the server is gone. The acknowledgement is the status line: the body may be cut by the kill.
    async fn acknowledged(&self, path: &str, request: RequestBuilder) -> bool {
        let Ok(answer) = request.bearer_auth(&self.token).send().await else { return false };
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        true
    }

    fn note(&self, path: &str, number: impl FnOnce(u64) -> u64) {
        let mut acknowledged = self.acknowledged.lock().unwrap();
        let told = acknowledged.entry(path.to_owned()).or_default();
        *told = number(*told);
        self.writes.fetch_add(1, Ordering::SeqCst);
    }

    /// Creates documents, and changes each once, until the server is gone.
    async fn documents(self, numbers: impl Iterator<Item = usize>) {
        for n in numbers {
            let (noun, body, path) = document(n);
            let create = self.client.post(format!("{}{noun}", self.api)).header("content-type", "application/json").body(body.to_string());
            let change = if noun == "/accounts" { json!({ "display_name": "changed" }) } else { json!({ "label": "changed" }) };
            let change_to = self.client.patch(format!("{}{path}", self.api)).header("content-type", "application/merge-patch+json");
            for request in [create, change_to.body(change.to_string())] {
                if !self.acknowledged(&path, request).await {
                    return;
                }
                self.note(&path, |told| told + 1);
            }
        }
    }

    /// Firmware files, each by its own name.
    async fn firmware(self, numbers: impl Iterator<Item = usize>) {
        for n in numbers {
            let name = format!("P0S3-{n}.bin");
            let request = self.client.post(format!("{}/firmware?name={name}", self.api)).header("content-type", "application/octet-stream");
            if !self.acknowledged(&name, request.body(blob(n))).await {
                return;
            }
            self.note(&format!("/firmware/{name}"), |_| n as u64);
        }
    }

    /// One template, again and again, with a number in it.
    async fn template(self, numbers: impl Iterator<Item = usize>) {
        for n in numbers {
            let body = json!({ "source": format!("number: {n}\n") }).to_string();
            let request = self.client.put(format!("{}{TEMPLATE}", self.api)).header("content-type", "application/json").body(body);
            if !self.acknowledged(TEMPLATE, request).await {
                return;
            }
            self.note(TEMPLATE, |_| n as u64);
        }
    }

    /// Files of a phone, with a number in them.
    async fn uploads(self, numbers: impl Iterator<Item = usize>) {
        for n in numbers {
            let request = self.client.put(format!("{}/{PHONE}-app.log", self.phones)).header("user-agent", AGENT).body(blob(n));
            let Ok(answer) = request.send().await else { return };
            assert_eq!(answer.status(), 201);
            self.note(UPLOADS, |_| n as u64);
        }
    }
}

const TEMPLATE: &str = "/templates/site/zentoro/common.tpl";
const UPLOADS: &str = "/uploads";

/// The bytes of file number `n`: its number again and again.
fn blob(n: usize) -> Vec<u8> {
    format!("{n:09} ").repeat(4000).into_bytes()
}

/// Kills a server so often amid writes of every kind, and looks for all that was acknowledged each time.
fn kill(server: &mut Server, kills: usize, seed: u64) {
    println!("{kills} kills, seed {seed}");
    server.plant_secret(PLANTED);
    let acknowledged = Acknowledged::default();
    let mut random = seed;
    for round in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Early more often than late: at the first writes, or in the midst of a stream of commits.
        let threshold = 1 + (random >> 33) % if round % 5 == 4 { 150 } else { 25 };
        let first = round * 10_000;
        let writer = Writer::of(server, &acknowledged);
        let mut writers: Vec<_> = (0..6).map(|w| runtime().spawn(writer.clone().documents((first + w..).step_by(6)))).collect();
        writers.push(runtime().spawn(writer.clone().firmware(first + 1..)));
        writers.push(runtime().spawn(writer.clone().template(first + 1..)));
        writers.push(runtime().spawn(writer.clone().uploads(first + 1..)));
        until(|| (writer.writes.load(Ordering::SeqCst) >= threshold).then_some(()))
            .unwrap_or_else(|| panic!("round {round}: no {threshold} writes"));
        server.kill();
        for writer in writers {
            runtime().block_on(writer).unwrap();
        }
        server.start_again();
        nothing_is_lost(server, &acknowledged.lock().unwrap(), round);
        if round % 5 == 0 {
            no_secret_lies_open(server);
        }
    }
    println!("{} things acknowledged over {kills} kills", acknowledged.lock().unwrap().len());
}

fn nothing_is_lost(server: &Server, acknowledged: &BTreeMap<String, u64>, round: usize) {
    assert_eq!(clients::curl(&server.admin_url("/readyz"), &[]).status, 200);
    let stored = revisions(server);
    for (path, told) in acknowledged {
        let number = |text: &[u8]| String::from_utf8_lossy(text).split_whitespace().last().unwrap().parse::<u64>().unwrap();
        let kept = match path.as_str() {
            TEMPLATE => number(server.get(TEMPLATE)["source"].as_str().unwrap().as_bytes()),
            UPLOADS => {
                let newest = server.get(&format!("/devices/{PHONE}/uploads"))["items"][0].clone();
                let read = server.api(Method::GET, &format!("/devices/{PHONE}/uploads/{}", newest["id"].as_str().unwrap()), None);
                let kept = number(&read.body);
                assert!(read.body == blob(kept as usize), "round {round}: an upload is not whole");
                kept
            }
            path => *stored.get(path).unwrap_or_else(|| panic!("round {round}: {path} is lost")),
        };
        assert!(kept >= *told, "round {round}: {path} was told {told} and is {kept}");
    }
}

/// Four at a time make a hundred.
fn kills() -> usize {
    std::env::var("OFFHOOK_KILLS").map_or(25, |n| n.parse().expect("OFFHOOK_KILLS is a number"))
}

fn shard(seed: u64) {
    let mut server = server(Setup::default());
    server.patch(
        "/site",
        &json!({ "settings": {
            "provisioning": { "password": format!("{PLANTED}-site"), "url": format!("https://user:{PLANTED}-url@prov.example/") },
            "directory": { "ldap": { "host": "ldap.example", "password": format!("{PLANTED}-ldap") } },
            "raw": { "yealink": { "some.secret_thing": format!("{PLANTED}-raw") } },
        } }),
    );
    kill(&mut server, kills(), seed);
    // Reading goes on to work with the secrets.
    let lines = json!({ "1": { "username": "u", "password": PLANTED } });
    server.post("/devices", &json!({ "mac": "001565ffffff", "model": "T46S", "settings": { "lines": lines } }));
    assert!(clients::curl(&server.phone_url("/001565ffffff.cfg"), &[]).text().contains(PLANTED));
    assert_eq!(server.stop().code(), Some(0));
    no_secret_lies_open(&server);
}

#[test]
fn kills_lose_nothing_and_show_no_secret_first_quarter() {
    shard(1);
}

#[test]
fn kills_lose_nothing_and_show_no_secret_second_quarter() {
    shard(2);
}

#[test]
fn kills_lose_nothing_and_show_no_secret_third_quarter() {
    shard(3);
}

#[test]
fn kills_lose_nothing_and_show_no_secret_last_quarter() {
    shard(4);
}

#[test]
fn kills_lose_nothing_on_postgresql() {
    let mut server = server(Setup::default().on(&Arc::new(postgres::Database::new())));
    kill(&mut server, kills().min(8), 5);
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
    for item in server.get("/firmware")["items"].as_array().unwrap() {
        let name = item["name"].as_str().unwrap();
        let number: usize = name.trim_start_matches("P0S3-").trim_end_matches(".bin").parse().unwrap();
        let sum = Sha256::digest(blob(number)).iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!((item["size"].as_u64(), item["sha256"].as_str()), (Some(40_000), Some(sum.as_str())), "{name} is not whole");
        let file = server.data().join("blobs").join(&sum);
        assert!(!file.exists() || std::fs::read(&file).unwrap() == blob(number), "{name} is not whole on the disk");
        found.insert(format!("/firmware/{name}"), number as u64);
    }
    found
}

/// No file of the data folder, database and its log among them, has a planted secret; the server's output neither.
fn no_secret_lies_open(server: &Server) {
    let needle = PLANTED.as_bytes();
    for (place, bytes) in server.kept() {
        assert!(!bytes.windows(needle.len()).any(|w| w == needle), "a secret in {place}");
    }
    assert!(!server.log().contains(PLANTED));
}
