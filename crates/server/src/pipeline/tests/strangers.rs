//! Who gets nothing, and leaves nothing.

use offhook_core::{device::State, token::Reach, trace::Reason};
use serde_json::json;

use super::place::{Place, request};

const KNOWN: &str = "02:00:5e:00:00:01";

#[tokio::test]
async fn to_a_stranger_known_and_unknown_phones_are_alike_and_leave_no_trace() {
    let place = Place::new().await;
    let device = place.ready(KNOWN, json!({}), |_| {}).await;
    for path in ["/02005e000001.cfg", "/02005e000002.cfg", "/acme.cfg", "/nonsense"] {
        assert_eq!(place.get("192.0.2.1", path, "Acme A46 v9.9").await, (None, Reason::Stranger), "{path}");
    }
    assert_eq!(place.device("02:00:5e:00:00:02").await, None, "nothing is stored of it");
    assert_eq!(place.device(KNOWN).await.unwrap(), device, "neither seen nor changed");
}

#[tokio::test]
async fn a_source_that_may_not_ask_leaves_nothing_either() {
    let place = Place::with(&[("OFFHOOK_PHONES__ACL", "0.0.0.0/0,!10.9.0.0/16"), ("OFFHOOK_PHONES__HOSTS", "prov.example")]).await;
    let device = place.ready(KNOWN, json!({}), |_| {}).await;
    assert_eq!(place.get("10.9.0.1", "/02005e000001.cfg", "").await, (None, Reason::AclDenies));
    assert_eq!(place.get("10.9.0.1", "/02005e000002.cfg", "").await, (None, Reason::AclDenies));
    assert_eq!(place.get("10.8.0.1", "/02005e000003.cfg", "Acme A46 v1.0").await, (None, Reason::HostNotAllowed));
    assert_eq!(place.device(KNOWN).await.unwrap(), device);
    assert_eq!(place.device("02:00:5e:00:00:02").await, None);
    assert_eq!(place.device("02:00:5e:00:00:03").await, None);
}

#[tokio::test]
async fn a_disabled_phone_gets_nothing_anywhere() {
    let place = Place::new().await;
    place.ready(KNOWN, json!({}), |d| d.state = State::Disabled).await;
    for path in ["/02005e000001.cfg", "/acme.cfg", "/a000046.cfg"] {
        let answer = place.get("10.0.0.1", path, "Acme A46 v1.0 02:00:5e:00:00:01").await;
        assert_eq!(answer, (None, Reason::Disabled), "{path}");
    }
}

#[tokio::test]
async fn pending_phones_get_files_without_credentials() {
    let place = Place::new().await;
    place.site(json!({ "lines": { "1": { "username": "shared", "password": "hunter2" } } })).await;
    let file = place.file("10.0.0.1", "/02005e000001.cfg", "Acme A46 v1.0").await;
    assert!(file.contains("UNPROV") && file.contains("A46") && !file.contains("hunter2"), "{file}");
    let device = place.device(KNOWN).await.unwrap();
    assert_eq!((device.state, device.pack.as_deref(), device.model.as_deref()), (State::Pending, Some("acme"), Some("A46")));
    assert_eq!(device.last_fetch, None, "what a pending phone has is not its configuration");
    place.edit(&device, |d| d.state = State::Ready).await;
    assert!(place.file("10.0.0.1", "/02005e000001.cfg", "").await.contains("hunter2"));
}

#[tokio::test]
async fn a_phone_that_asks_many_times_at_once_is_one_device() {
    let place = Place::new().await;
    let asked = (0..20).map(|_| place.get("10.0.0.1", "/02005e000001.cfg", ""));
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(|(file, _)| file.is_some()));
    assert_eq!(place.store.count_devices().await.unwrap()["pending"], 1);
}

#[tokio::test]
async fn a_full_pending_table_refuses_and_pushes_nobody_out() {
    let place = Place::with(&[("OFFHOOK_LIMITS__PENDING_PER_NETWORK", "1")]).await;
    place.file("10.0.0.1", "/02005e000001.cfg", "").await;
    assert_eq!(place.get("10.0.0.2", "/02005e000002.cfg", "").await, (None, Reason::PendingFull));
    assert!(place.device(KNOWN).await.is_some());
}

/// Inside `nat_networks` an address tells nothing: who shows no MAC gets the files that are nobody's own (common, model, firmware),
/// with nothing of the phone that last spoke from there.
#[tokio::test]
async fn behind_a_shared_address_a_request_without_a_mac_is_nobody() {
    let place = Place::with(&[("OFFHOOK_PHONES__NAT_NETWORKS", "10.5.0.0/16")]).await;
    place.tenant("other", None).await;
    place.site(json!({ "display": { "text": "of ${tenant.name}" } })).await;
    place.ready(KNOWN, json!({}), |d| d.tenant = "other".into()).await;
    for (ip, tenant) in [("10.5.0.1", "default"), ("10.6.0.1", "other")] {
        assert!(place.file(ip, "/02005e000001.cfg", "").await.contains("of other"));
        for path in ["/acme.cfg", "/a000046.cfg"] {
            assert!(place.file(ip, path, "").await.contains(&format!("of {tenant}")), "{ip} {path}");
        }
    }
    assert_eq!(place.get("10.5.0.1", "/acme-.boot", "").await.1, Reason::UnknownFile);
}

#[tokio::test]
async fn a_simulation_writes_nothing() {
    let place = Place::new().await;
    let simulated = place.pipeline.simulate(request("10.0.0.1", "/02005e000001.cfg", "Acme A46 v1.0"), Reach::ALL, false, false).await;
    assert_eq!(simulated.reason, Reason::PendingFile);
    assert!(!simulated.sighting.evidence.is_empty() && simulated.device.is_some());
    assert!(!format!("{simulated:?}").contains("UNPROV"), "bytes of files stand in no debug text");
    assert_eq!(place.device(KNOWN).await, None);
}
