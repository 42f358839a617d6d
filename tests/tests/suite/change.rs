//! A profile changes, and the next fetch of each of ten thousand phones has it; nothing was rendered before it was asked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use offhook_tests::{
    Setup,
    clients::{curl, runtime},
};
use reqwest::{Client, StatusCode};
use serde_json::json;

const PHONES: usize = 10_000;
/// Those that fetch before the change too: their files lie in memory then.
const BEFORE: usize = 2_000;
/// Calls at once. The server joins writes that wait for each other into one commit.
const AT_ONCE: usize = 64;

fn mac(n: usize) -> String {
    format!("0002FD{n:06X}")
}

/// Runs `call` for the first `phones` phones, so many at once.
async fn each<F, T>(phones: usize, call: F)
where
    F: Fn(usize) -> T + Send + Sync + 'static,
    T: Future<Output = ()> + Send,
{
    let (call, next) = (Arc::new(call), Arc::new(AtomicUsize::new(0)));
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (call, next) = (call.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= phones {
                        return;
                    }
                    call(n).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
}

/// The value of a counter.
fn counter(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}")).trim().parse().unwrap()
}

#[test]
fn a_profile_reaches_the_next_fetch_of_ten_thousand_phones() {
    let server = Setup::default().start();
    server.post("/profiles", &json!({ "name": "office", "settings": { "time": { "ntp": ["old.example"] } } }));
    let client = Client::builder().no_proxy().pool_max_idle_per_host(AT_ONCE).build().unwrap();
    let (admin, phones, token) = (server.admin_url(""), server.phone_url(""), server.token());

    let begin = Instant::now();
    let (url, calls) = (format!("{admin}/api/v1/devices"), client.clone());
    let bearer = token.clone();
    runtime().block_on(each(PHONES, move |n| {
        let document = json!({ "mac": mac(n), "model": "CP-7960", "profiles": ["office"] }).to_string();
        let request = calls.post(&url).bearer_auth(&bearer).header("content-type", "application/json").body(document);
        async move {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.unwrap());
        }
    }));
    println!("{PHONES} devices created in {:.1} s", begin.elapsed().as_secs_f64());

    let fetch = |first: usize, wanted: &'static str, unwanted: &'static str| {
        let (found, phones, calls) = (Arc::new(AtomicUsize::new(0)), phones.clone(), client.clone());
        let hits = found.clone();
        runtime().block_on(each(first, move |n| {
            let (request, hits) = (calls.get(format!("{phones}/SIP{}.cnf", mac(n))), hits.clone());
            async move {
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::OK);
                let text = answer.text().await.unwrap();
                hits.fetch_add(usize::from(text.contains(wanted) && !text.contains(unwanted)), Ordering::Relaxed);
            }
        }));
        found.load(Ordering::Relaxed)
    };
    let metrics = || {
        runtime().block_on(async { client.get(format!("{admin}/metrics")).bearer_auth(&token).send().await.unwrap().text().await.unwrap() })
    };
    let rendered = || counter(&metrics(), "offhook_rendered_cache_misses_total");

    assert_eq!(rendered(), 0, "files were rendered that nobody asked for");
    let begin = Instant::now();
    assert_eq!(fetch(BEFORE, "old.example", "new.example"), BEFORE);
    println!("{BEFORE} first fetches in {:.1} s", begin.elapsed().as_secs_f64());
    assert_eq!(rendered(), BEFORE as u64);

    let begin = Instant::now();
    server.patch("/profiles/office", &json!({ "settings": { "time": { "ntp": ["new.example"] } } }));
    println!("the profile changed in {:.1} ms", begin.elapsed().as_secs_f64() * 1000.0);
    assert_eq!(rendered(), BEFORE as u64, "the change rendered files");
    let begin = Instant::now();
    assert_eq!(fetch(PHONES, "new.example", "old.example"), PHONES, "phones with the new value");
    println!("{PHONES} of {PHONES} phones have the new value, fetched in {:.1} s", begin.elapsed().as_secs_f64());
    assert_eq!(rendered(), (BEFORE + PHONES) as u64);
}

/// Wherever an account is named, a change of it reaches the phone; and so does every other change of who belongs to what.
#[test]
fn what_a_layer_names_reaches_the_phone() {
    let server = Setup::default().start();
    for name in ["a1", "a2", "a3", "a4"] {
        server.post("/accounts", &json!({ "name": name, "display_name": format!("{name}-old"), "shared": true }));
    }
    let line = |n: &str, account: &str| json!({ "lines": { n: { "account": account } } });
    server.patch("/site", &json!({ "settings": line("1", "a1") }));
    server.patch("/tenants/default", &json!({ "settings": line("2", "a2") }));
    server.post("/profiles", &json!({ "name": "assigned", "settings": line("3", "a3") }));
    server.post("/profiles", &json!({ "name": "matching", "match": { "vendor": "yealink" }, "settings": line("4", "a4") }));
    server.post("/devices", &json!({ "mac": "001565000001", "model": "T46S", "profiles": ["assigned"] }));
    let file = || curl(&server.phone_url("/001565000001.cfg"), &[]).text();
    let text = file();
    for name in ["a1", "a2", "a3", "a4"] {
        assert!(text.contains(&format!("{name}-old")), "{name}: {text}");
    }
    for name in ["a1", "a2", "a3", "a4"] {
        server.patch(&format!("/accounts/{name}"), &json!({ "display_name": format!("{name}-new") }));
        assert!(file().contains(&format!("{name}-new")), "{name}");
    }
    // Another profile, the parent that it gets, and the parent's change.
    server.post("/profiles", &json!({ "name": "base", "settings": { "network": { "hostname": "base-one" } } }));
    server.post("/profiles", &json!({ "name": "later", "settings": { "time": { "ntp": ["later.example"] } } }));
    server.patch("/devices/001565000001", &json!({ "profiles": ["assigned", "later"] }));
    assert!(file().contains("later.example"));
    server.patch("/profiles/later", &json!({ "parents": ["base"] }));
    assert!(file().contains("base-one"));
    server.patch("/profiles/base", &json!({ "settings": { "network": { "hostname": "base-two" } } }));
    assert!(file().contains("base-two"));
    server.delete("/profiles/matching");
    assert!(!file().contains("a4-new"));
}
