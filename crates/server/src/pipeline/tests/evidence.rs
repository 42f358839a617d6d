//! What requests tell of a device, and which pack serves it.

use offhook_core::{device::Sync, settings::Match, token::Reach, trace::Reason};
use serde_json::json;

use super::place::{Place, request};

const MAC: &str = "02:00:5e:00:00:01";
const FILE: &str = "/02005e000001.cfg";
const ACME: &str = "Acme A46 v1.0";

#[tokio::test]
async fn a_phone_of_another_family_moves_to_its_pack() {
    let place = Place::new().await;
    place.ready(MAC, json!({}), |_| {}).await;
    assert!(place.file("10.0.0.1", FILE, ACME).await.contains("pack: \"acme\""));
    let device = place.device(MAC).await.unwrap();
    assert_eq!((device.pack.as_deref(), device.firmware.as_deref()), (Some("acme"), Some("1.0")));
    // By its User-Agent, for the same name; served by the new pack at once.
    let file = place.file("10.0.0.1", FILE, "Beta B1/7").await;
    assert!(file.contains("pack: \"beta\"") && file.contains("B1"), "{file}");
    let device = place.device(MAC).await.unwrap();
    let known = [&device.pack, &device.vendor, &device.model, &device.firmware].map(|t| t.as_deref().unwrap_or_default());
    assert_eq!(known, ["beta", "beta", "B1", "7"]);
    assert_eq!(place.store.sync_of(&device), Sync::Current);
    // Silent requests stay with it, and so does one that only the block of addresses speaks for.
    assert!(place.file("10.0.0.1", FILE, "").await.contains("pack: \"beta\""));
    // By a name that only the other maker's phones ask for. What was known of the other family is forgotten.
    place.file("10.0.0.1", "/acme-02005e000001.boot", "").await;
    let device = place.device(MAC).await.unwrap();
    let known = [&device.pack, &device.vendor, &device.model, &device.firmware].map(|t| t.as_deref().unwrap_or_default());
    assert_eq!(known, ["acme", "acme", "", ""]);
}

#[tokio::test]
async fn a_pinned_pack_stays_and_the_trace_says_so() {
    let place = Place::new().await;
    let pin = |d: &mut offhook_core::device::Device| (d.pack, d.pack_pinned) = (Some("acme".into()), true);
    let device = place.ready(MAC, json!({}), pin).await;
    assert!(place.file("10.0.0.1", FILE, "Beta B1/7").await.contains("pack: \"acme\""));
    let answered = place.ask("10.0.0.1", "/beta-02005e000001.cfg", "Beta B1/7").await;
    assert_eq!(*answered.reason(), Reason::OtherPack);
    let told: Vec<String> = answered.trace().steps.iter().map(|s| s.says.to_string()).collect();
    assert!(told[2].contains("pack acme, file own name (device) of pack beta"), "{told:?}");
    answered.finish("GET", 404, 0, false);
    let now = place.device(MAC).await.unwrap();
    assert_eq!((now.pack.as_deref(), now.vendor), (Some("acme"), device.vendor.clone()));
    // One that is not loaded is served by no other.
    place.edit(&device, |d| d.pack = Some("gamma".into())).await;
    let missing = || (None, Reason::PackMissing { pack: "gamma".into() });
    assert_eq!(place.get("10.0.0.1", FILE, ACME).await, missing());
    // Not pinned, it waits for its pack too, until the phone tells its family.
    place.edit(&device, |d| (d.pack, d.pack_pinned) = (Some("gamma".into()), false)).await;
    assert_eq!(place.get("10.0.0.1", FILE, "").await, missing());
    place.file("10.0.0.1", "/acme.cfg", "").await;
    assert_eq!(place.device(MAC).await.unwrap().pack.as_deref(), Some("gamma"));
    place.file("10.0.0.1", FILE, ACME).await;
    assert_eq!(place.device(MAC).await.unwrap().pack.as_deref(), Some("acme"));
}

#[tokio::test]
async fn what_may_not_be_believed_moves_nothing() {
    let place = Place::new().await;
    place.ready(MAC, json!({}), |d| d.pack = Some("acme".into())).await;
    place.file("10.0.0.1", FILE, "").await;
    // Another phone behind the same address shows no MAC: it is not the one that owns the address.
    place.get("10.0.0.1", "/acme.cfg", "Beta B1/7").await;
    // A phone that says that it is another one.
    let (file, reason) = place.get("10.0.0.1", FILE, "Acme A48 v2 02:00:5e:00:00:02").await;
    assert!(file.is_none() && matches!(reason, Reason::IdentityConflict { .. }), "{reason}");
    let device = place.device(MAC).await.unwrap();
    assert_eq!((device.pack.as_deref(), device.model.as_deref()), (Some("acme"), None));
}

#[tokio::test]
async fn the_first_boot_after_an_upgrade_is_current() {
    let place = Place::new().await;
    place.ready(MAC, json!({}), |_| {}).await;
    // Common file and own file within one batch, and the old firmware before.
    for agent in [ACME, "Acme A46 v2.0", "Acme A46 v2.0"] {
        place.file("10.0.0.1", "/acme.cfg", &format!("{agent} {MAC}")).await;
        place.file("10.0.0.1", FILE, agent).await;
    }
    let device = place.device(MAC).await.unwrap();
    assert_eq!(device.firmware.as_deref(), Some("2.0"));
    assert_eq!(place.store.sync_of(&device), Sync::Current);
    assert_eq!(place.pipeline.sync(&device).await.unwrap(), Sync::Current);
}

#[tokio::test]
async fn only_the_file_with_the_credentials_tells_sync() {
    let place = Place::new().await;
    place.ready(MAC, json!({}), |_| {}).await;
    place.file("10.0.0.1", "/acme-02005e000001.boot", ACME).await;
    assert_eq!(place.device(MAC).await.unwrap().last_fetch, None);
    let answered = place.ask("10.0.0.1", FILE, ACME).await;
    answered.finish("HEAD", 200, 0, false);
    assert_eq!(place.device(MAC).await.unwrap().last_fetch, None, "it has not got the file");
    place.file("10.0.0.1", FILE, ACME).await;
    assert!(place.device(MAC).await.unwrap().last_fetch.is_some());
}

#[tokio::test]
async fn a_model_file_is_its_models_whoever_asks() {
    let place = Place::new().await;
    let profile = place.store.create_profile(|p, _| {
        p.name = "a48".into();
        p.matches = Some(Match::validate(&json!({ "model": "A48" })).unwrap());
        p.settings = super::place::settings(&json!({ "display": { "text": "for A48" } }));
        Ok(())
    });
    profile.await.unwrap();
    place.ready(MAC, json!({}), |d| d.model = Some("A46".into())).await;
    assert!(place.file("10.0.0.1", "/a000048.cfg", "").await.contains("for A48"), "nobody known asks");
    place.file("10.0.0.1", FILE, "").await;
    assert!(place.file("10.0.0.1", "/a000048.cfg", "").await.contains("for A48"), "a phone of another model asks");
    assert!(!place.file("10.0.0.1", "/a000046.cfg", "").await.contains("for A48"));
    assert!(place.file("10.0.0.7", "/acme.cfg", "Acme A48 v1.0").await.contains("for A48"), "the phone tells its model");
}

#[tokio::test]
async fn an_address_tells_no_device_file() {
    let place = Place::new().await;
    place.ready(MAC, json!({}), |_| {}).await;
    place.file("10.0.0.1", FILE, ACME).await;
    let simulated = place.pipeline.simulate(request("10.0.0.1", "/acme.cfg", ""), Reach::ALL, true, true).await;
    assert_eq!(simulated.device.unwrap().mac.unwrap().to_string(), MAC);
    let simulated = place.pipeline.simulate(request("10.0.0.1", "/02005e000002.cfg", ""), Reach::ALL, true, true).await;
    assert_eq!(simulated.reason, Reason::PendingFile, "another phone took the address over");
}
