//! The table of the policy `lan`, the keys of rendered files, and what the recorder makes of many requests.

use offhook_core::{Mac, device::State, trace::Reason};
use offhook_packs::{MacConflict, Route};
use serde_json::json;

use super::place::{Place, catalog, request, write_packs};
use crate::pipeline::authorize::{Asked, authorize};

const MAC: &str = "02:00:5e:00:00:01";

fn mac(text: &str) -> Mac {
    Mac::parse(text).unwrap()
}

#[tokio::test]
async fn the_policy_as_a_table() {
    let place = Place::new().await;
    let device = place.ready(MAC, json!({}), |_| {}).await;
    let packs = tempfile::tempdir().unwrap();
    write_packs(packs.path());
    let catalog = catalog(packs.path());
    let route = |path: &str| -> Option<Route> {
        let routes = catalog.identify(&request("10.0.0.1", path, ""), None).routes;
        routes.into_iter().find(|r| r.pack.id() == "acme")
    };
    let (own, other, boot) = ("/02005e000001.cfg", "/02005e000002.cfg", "/acme-02005e000001.boot");
    let (common, model, unknown) = ("/acme.cfg", "/a000046.cfg", "/nonsense");
    let (known, none) = (Some(State::Ready), None);
    let (pending, disabled) = (Some(State::Pending), Some(State::Disabled));
    let conflict = Reason::IdentityConflict { asked: mac("02:00:5e:00:00:02"), says: mac(MAC) };
    let table = [
        // Trusted, the device, the file: what comes of it.
        (true, known, own, Reason::OwnFile),
        (true, known, boot, Reason::OwnFile),
        (true, known, other, conflict),
        (true, known, common, Reason::NoCredentials),
        (true, known, model, Reason::NoCredentials),
        (true, known, unknown, Reason::UnknownFile),
        (true, pending, own, Reason::PendingFile),
        (true, pending, common, Reason::NoCredentials),
        (true, disabled, own, Reason::Disabled),
        (true, disabled, common, Reason::Disabled),
        (true, disabled, unknown, Reason::Disabled),
        (true, none, own, Reason::NoDevice),
        (true, none, boot, Reason::NoDevice),
        (true, none, common, Reason::NoCredentials),
        (true, none, unknown, Reason::UnknownFile),
        (false, known, own, Reason::Stranger),
        (false, known, common, Reason::Stranger),
        (false, disabled, own, Reason::Stranger),
        (false, none, unknown, Reason::Stranger),
    ];
    for (trusted, state, path, reason) in table {
        let device = state.map(|state| offhook_core::device::Device { state, ..device.clone() });
        let route = route(path);
        let mut asked = Asked {
            trusted,
            device: device.as_ref(),
            route: route.as_ref(),
            conflict: None,
            no_device: None,
            other_pack: false,
            replaced: false,
            missing_pack: None,
            by_address: false,
        };
        let (decision, found) = authorize(&asked);
        let allowed = matches!(found, Reason::OwnFile | Reason::NoCredentials | Reason::PendingFile);
        assert_eq!((decision.as_str() == "allowed", &found), (allowed, &reason), "{trusted} {state:?} {path}");
        // Nothing is allowed to a phone that says that it is another one, nor of a pack that is not its own.
        asked.other_pack = true;
        assert_ne!(authorize(&asked).0.as_str(), "allowed");
        asked.other_pack = false;
        asked.conflict = Some(MacConflict { asked: mac(MAC), says: mac("02:00:5e:00:00:09") });
        assert_ne!(authorize(&asked).0.as_str(), "allowed");
    }
}

#[tokio::test]
async fn equal_requests_are_rendered_once() {
    let place = Place::new().await;
    place.ready(MAC, json!({}), |_| {}).await;
    let rendered = || place.metrics.rendered_misses.get();
    let agent = "Acme A46 v1.0";
    place.file("10.0.0.1", "/02005e000001.cfg", agent).await;
    place.device(MAC).await;
    let once = rendered();
    place.file("10.0.0.1", "/02005e000001.cfg", agent).await;
    place.file("10.0.0.1", "/02005e000001.cfg", "").await;
    assert_eq!(rendered(), once, "what was recorded of it meanwhile made no other file");
    for other in ["/acme.cfg", "/a000046.cfg", "/a000048.cfg"] {
        let before = rendered();
        place.file("10.0.0.1", other, agent).await;
        place.file("10.0.0.1", other, agent).await;
        assert_eq!(rendered(), before + 1, "{other}");
    }
    place.file("10.0.0.1", "/02005e000001.cfg", "Acme A46 v2.0").await;
    assert_eq!(rendered(), once + 4, "another firmware may be another file");
}

#[tokio::test]
async fn a_person_sees_what_was_asked_before_the_question() {
    let place = Place::new().await;
    for n in 1..=50 {
        place.file(&format!("10.0.{n}.1"), &format!("/02005e0000{n:02x}.cfg"), "Acme A46 v1.0").await;
    }
    place.pipeline.settle().await;
    let stored = place.store.requests(&offhook_store::RequestFilter::default(), 100, None).await.unwrap();
    assert_eq!(stored.len(), 50);
    let device = place.store.device_by_mac(mac("02:00:5e:00:00:32")).await.unwrap().unwrap();
    assert_eq!(device.last_seen.unwrap().ip.to_string(), "10.0.50.1");
}
