//! What a person changed, the next request sees; nothing stale is kept.

use std::collections::HashSet;

use offhook_core::{
    clock::Clock,
    device::Sync,
    settings::{AccountValues, Scope},
};
use offhook_store::Seen;
use serde_json::{Value, json};

use super::place::{Place, catalog, config, settings, write_packs};
use crate::pipeline::{RequestEntry, RequestFilter};

const MAC: &str = "02:00:5e:00:00:01";
const FILE: &str = "/02005e000001.cfg";
const AGENT: &str = "Acme A46 v1.0";

fn values(values: Value) -> AccountValues {
    AccountValues::validate(&values, Scope::Account).unwrap()
}

#[tokio::test]
async fn every_input_of_a_file_reaches_the_next_request() {
    let place = Place::new().await;
    let line = json!({ "lines": { "1": { "account": "one" } } });
    let account = place.store.create_account(|a, _| {
        (a.name, a.shared) = ("one".into(), true);
        a.values = values(json!({ "username": "first", "password": "p1" }));
        Ok(())
    });
    let account = account.await.unwrap();
    place.ready(MAC, json!({}), |_| {}).await;
    assert!(!place.file("10.0.0.1", FILE, AGENT).await.contains("first"));
    place.site(line).await;
    assert!(place.file("10.0.0.1", FILE, AGENT).await.contains("first"), "an account that a shared layer names");
    let changed = place.store.update_account(account.id, None, |a, _| {
        a.values = values(json!({ "username": "second", "password": "p2" }));
        Ok(())
    });
    changed.await.unwrap();
    assert!(place.file("10.0.0.1", FILE, AGENT).await.contains("second"));
    place.site(json!({ "display": { "text": "hello" } })).await;
    assert!(place.file("10.0.0.1", FILE, AGENT).await.contains("hello"));
    let device = place.device(MAC).await.unwrap();
    assert_eq!(place.store.sync_of(&device), Sync::Current);
    place.site(json!({ "display": { "text": "goodbye" } })).await;
    assert_eq!(place.store.sync_of(&device), Sync::Outdated);
    assert_eq!(place.pipeline.sync(&device).await.unwrap(), Sync::Outdated);
}

#[tokio::test]
async fn a_change_during_a_transfer_leaves_the_phone_outdated() {
    let place = Place::new().await;
    place.ready(MAC, json!({}), |_| {}).await;
    let answered = place.ask("10.0.0.1", FILE, AGENT).await;
    place.site(json!({ "display": { "text": "new" } })).await;
    answered.finish("RRQ", 200, 10, true);
    let device = place.device(MAC).await.unwrap();
    assert_eq!(place.store.sync_of(&device), Sync::Outdated);
}

#[tokio::test]
async fn other_packs_and_rules_hold_from_the_next_request() {
    let place = Place::new().await;
    place.ready(MAC, json!({}), |_| {}).await;
    let before = place.file("10.0.0.1", FILE, AGENT).await;
    write_packs(place.packs.path());
    let template = place.packs.path().join("acme/templates/base.tpl");
    std::fs::write(&template, "other: \"{{ device.MAC }}\"\n").unwrap();
    // One that began before the packs were changed ends with the old ones, and leaves nothing of them behind.
    place.pipeline.set_catalog(catalog(place.packs.path()));
    let after = place.file("10.0.0.1", FILE, AGENT).await;
    assert!(before.contains("pack: \"acme\"") && after.contains("other: "), "{after}");
    place.pipeline.set_rules(&config(place.packs.path(), &[("OFFHOOK_PHONES__TRUSTED_NETWORKS", "10.1.0.0/16")]));
    assert_eq!(place.get("10.0.0.1", FILE, AGENT).await.0, None);
}

/// While a person moves a device from one account to the other, every file has a user with that user's own password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_of_one_moment() {
    let place = Place::new().await;
    for name in ["one", "two"] {
        let account = place.store.create_account(move |a, _| {
            (a.name, a.shared) = (name.into(), true);
            a.values = values(json!({ "username": format!("user-{name}"), "password": format!("secret-{name}") }));
            Ok(())
        });
        account.await.unwrap();
    }
    place.ready(MAC, json!({}), |_| {}).await;
    let named = |name: &str| json!({ "lines": { "1": { "account": name } } });
    place.site(named("one")).await;
    let changing = async {
        for n in 0..40 {
            let name = ["two", "one"][n % 2];
            place.site(named(name)).await;
            let file = place.file("10.0.0.1", FILE, AGENT).await;
            assert!(file.contains(&format!("user-{name}")) && file.contains(&format!("secret-{name}")), "after the write: {file}");
        }
    };
    let asking = async {
        for _ in 0..200 {
            let file = place.file("10.0.0.2", FILE, AGENT).await;
            let of = |name: &str| file.contains(&format!("user-{name}")) && file.contains(&format!("secret-{name}"));
            assert!(of("one") != of("two"), "{file}");
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(changing, asking);
}

#[tokio::test]
async fn ids_grow_in_the_order_in_which_requests_end() {
    let place = Place::new().await;
    let slow = place.ask("10.0.0.1", "/acme.cfg", "").await;
    place.file("10.0.0.2", "/acme.cfg", "").await;
    place.clock.forward(-5_000);
    place.file("10.0.0.3", "/acme.cfg", "").await;
    slow.finish("RRQ", 200, 1, true);
    let filter = RequestFilter { limit: 10, ..RequestFilter::default() };
    let ips = |entries: Vec<std::sync::Arc<RequestEntry>>| entries.iter().map(|e| e.ip.to_string()).collect::<Vec<_>>();
    let memory = place.pipeline.requests(&filter).await.unwrap();
    assert!(memory.windows(2).all(|w| w[0].id > w[1].id));
    assert_eq!(ips(memory), ["10.0.0.1", "10.0.0.3", "10.0.0.2"]);
    place.stop().await;
    let stored = place.store.requests(&offhook_store::RequestFilter::default(), 10, None).await.unwrap();
    assert_eq!(stored.iter().map(|e| e.ip.to_string()).collect::<Vec<_>>(), ["10.0.0.1", "10.0.0.3", "10.0.0.2"]);
}

/// More than the queue holds before the writer has a turn: rows of the log are lost, what the newest requests tell of devices is not.
#[tokio::test]
async fn a_storm_loses_log_rows_and_no_device() {
    let place = Place::new().await;
    let device = place.ready(MAC, json!({}), |_| {}).await;
    place.file("10.0.0.2", "/acme.cfg", "").await;
    let some = place.pipeline.requests(&RequestFilter { limit: 1, ..RequestFilter::default() }).await.unwrap();
    let recorder = &place.pipeline.0.recorder;
    for _ in 0..17_000 {
        recorder.record(place.clock.now(), |id| RequestEntry { id, ..RequestEntry::clone(&some[0]) }, Seen::default());
    }
    place.clock.forward(1_000);
    place.file("10.0.0.1", FILE, AGENT).await;
    place.clock.forward(1_000);
    place.file("10.0.0.3", FILE, "Acme A48 v3").await;
    assert!(place.metrics.request_log_dropped.get() > 0);
    place.stop().await;
    let last = place.store.device(device.id).await.unwrap().unwrap();
    assert_eq!((last.firmware.as_deref(), place.store.sync_of(&last)), (Some("3"), Sync::Current));
    assert_eq!(last.last_seen.unwrap().ip.to_string(), "10.0.0.3");
}

#[tokio::test]
async fn contents_of_one_name_have_dates_of_their_own() {
    let place = Place::new().await;
    let device = place.ready(MAC, json!({}), |_| {}).await;
    let mut seen = HashSet::new();
    for label in ["one", "two", "one", "three"] {
        let text = settings(&json!({ "display": { "text": label } }));
        place.edit(&device, move |d| d.settings = text).await;
        let answered = place.ask("10.0.0.1", FILE, AGENT).await;
        let crate::pipeline::Answer::File(file) = answered.answer() else { panic!("{}", answered.reason()) };
        assert!(seen.insert(file.last_modified.http_date()), "{label}");
        answered.finish("GET", 200, 1, true);
    }
}
