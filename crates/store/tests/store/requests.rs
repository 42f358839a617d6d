//! What requests leave behind.

use offhook_core::{
    Id,
    clock::Timestamp,
    request::Transport,
    trace::{Decision, Reason, Says, Step, Trace},
};
use offhook_store::{RequestFilter, RequestRecord, Seen, Store};

use crate::common::*;

pub fn record(n: u8, device: Option<Id>) -> RequestRecord {
    RequestRecord {
        id: Id::from_parts(Timestamp::from_millis(1_000 + i64::from(n)), [n; 10]),
        at: Timestamp::from_millis(1_000 + i64::from(n)),
        ip: "10.0.0.1".parse().unwrap(),
        transport: Transport::Tftp,
        method: "RRQ".into(),
        path: format!("SIP{n}.cnf"),
        user_agent: None,
        status: 200,
        bytes: 5,
        took_us: 7,
        device,
        tenant: Some("default".into()),
        decision: Decision::Refused,
        reason: Reason::FirmwareMissing { missing: vec!["a".into()] },
        trace: Trace { steps: vec![Step { took_us: 1, says: Says::Gate { trusted: true, nat: false, refused: None } }] },
    }
}

async fn logged(store: &Store, filter: RequestFilter, limit: u32, before: Option<Id>) -> Vec<String> {
    store.requests(&filter, limit, before).await.unwrap().into_iter().map(|r| r.path).collect()
}

#[tokio::test]
async fn the_log_keeps_the_newest() {
    let mut place = Place::new();
    place.options.request_log_rows = 10;
    let store = place.store().await;
    let d = device(&store, 1).await;
    for n in 0..40 {
        let of = (n % 2 == 0).then_some(d.id);
        store.record(vec![Seen { request: Some(record(n, of)), ..Seen::default() }]).await.unwrap();
    }
    let all = store.requests(&RequestFilter::default(), 100, None).await.unwrap();
    assert_eq!(all.len(), 10);
    assert_eq!(all[0], record(39, None));
    let one = RequestFilter { device: Some(d.id), tenant: None };
    assert_eq!(logged(&store, one.clone(), 2, None).await, ["SIP38.cnf", "SIP36.cnf"]);
    assert_eq!(logged(&store, one, 2, Some(record(36, None).id)).await, ["SIP34.cnf", "SIP32.cnf"]);
    assert!(logged(&store, RequestFilter { device: None, tenant: Some("x".into()) }, 2, None).await.is_empty());
    assert_eq!(store.request(record(39, None).id).await.unwrap(), Some(record(39, None)));
    store.close().await.unwrap();
    let store = place.store().await;
    for n in 40..60 {
        store.record(vec![Seen { request: Some(record(n, None)), ..Seen::default() }]).await.unwrap();
    }
    assert_eq!(store.requests(&RequestFilter::default(), 100, None).await.unwrap().len(), 10);
}

#[tokio::test]
async fn evidence_fills_in_and_pinned_things_stay() {
    let place = Place::new();
    let store = place.store().await;
    let free = device(&store, 1).await;
    let pinned = device_with(&store, 2, |d| {
        (d.model, d.model_pinned) = (Some("T46S".into()), true);
        (d.pack, d.pack_pinned) = (Some("mine".into()), true);
    })
    .await
    .unwrap();
    let say = |id: Id| Seen {
        device: Some(id),
        last_seen: Some(seen(5_000, "10.0.0.5")),
        vendor: Some("v".into()),
        model: Some("T28P".into()),
        firmware: Some("66.1\u{7}".into()),
        pack: Some("p".into()),
        ..Seen::default()
    };
    store.record(vec![say(free.id), say(pinned.id)]).await.unwrap();
    let d = store.device(free.id).await.unwrap().unwrap();
    assert_eq!(
        (d.vendor.as_deref(), d.model.as_deref(), d.pack.as_deref(), d.reported_model.as_deref()),
        (Some("v"), Some("T28P"), Some("p"), None)
    );
    assert_eq!(d.firmware.as_deref(), Some("66.1\u{fffd}"));
    assert_eq!((d.revision, d.generation, d.updated_at), (1, 1, free.updated_at), "no person changed it");
    let tag = |d: &offhook_core::device::Device| store.configuration().layers_tag(&offhook_store::selector_of(d));
    assert_ne!(tag(&free), tag(&d), "its files are others now");
    assert_eq!(d.last_seen.unwrap().ip.to_string(), "10.0.0.5");
    let d = store.device(pinned.id).await.unwrap().unwrap();
    assert_eq!((d.model.as_deref(), d.reported_model.as_deref(), d.pack.as_deref()), (Some("T46S"), Some("T28P"), Some("mine")));
    // The same again changes nothing.
    store.record(vec![say(free.id)]).await.unwrap();
    assert_eq!(store.device(free.id).await.unwrap().unwrap().generation, 1);
}

#[tokio::test]
async fn another_family_brings_its_pack_and_takes_the_old_model_along() {
    let place = Place::new();
    let store = place.store().await;
    let dress = |d: &mut offhook_core::device::Device| {
        (d.vendor, d.model, d.firmware) = (Some("old".into()), Some("O1".into()), Some("1.0".into()));
        d.pack = Some("old".into());
    };
    let free = device_with(&store, 1, dress).await.unwrap();
    let model_pinned = device_with(&store, 2, move |d| (dress(d), d.model_pinned = true).1).await.unwrap();
    let pack_pinned = device_with(&store, 3, move |d| (dress(d), d.pack_pinned = true).1).await.unwrap();
    let moves = |id: Id| Seen { device: Some(id), vendor: Some("new".into()), pack: Some("new".into()), ..Seen::default() };
    store.record(vec![moves(free.id), moves(model_pinned.id), moves(pack_pinned.id)]).await.unwrap();
    let read = async |id: Id| {
        let d = store.device(id).await.unwrap().unwrap();
        [d.pack, d.vendor, d.model, d.firmware].map(|t| t.unwrap_or_default())
    };
    assert_eq!(read(free.id).await, ["new", "new", "", ""]);
    assert_eq!(read(model_pinned.id).await, ["new", "new", "O1", ""]);
    assert_eq!(read(pack_pinned.id).await, ["old", "old", "O1", "1.0"]);
    // Another pack of the same family: what is known of the phone stays.
    let same = Seen { device: Some(free.id), vendor: Some("new".into()), model: Some("N1".into()), ..Seen::default() };
    let sibling = Seen { device: Some(free.id), vendor: Some("new".into()), pack: Some("new-too".into()), ..Seen::default() };
    store.record(vec![same, sibling]).await.unwrap();
    assert_eq!(read(free.id).await, ["new-too", "new", "N1", ""]);
}

#[tokio::test]
async fn the_newest_sighting_owns_an_address() {
    let place = Place::new();
    let store = place.store().await;
    let (a, b) = (device(&store, 1).await.id, device(&store, 2).await.id);
    let ip = "10.0.0.5".parse().unwrap();
    let at = |id: Id, at: i64, owns_address: bool| Seen {
        device: Some(id),
        last_seen: Some(seen(at, "10.0.0.5")),
        owns_address,
        ..Seen::default()
    };
    let owner = || async { store.device_by_ip(ip).await.unwrap().map(|d| d.id) };
    store.record(vec![at(a, 10, true)]).await.unwrap();
    assert_eq!(owner().await, Some(a));
    store.record(vec![at(b, 20, true)]).await.unwrap();
    assert_eq!(owner().await, Some(b));
    assert!(store.device(a).await.unwrap().unwrap().last_seen.is_some(), "what was seen stays seen");
    store.record(vec![at(b, 5, true)]).await.unwrap();
    assert_eq!(store.device(b).await.unwrap().unwrap().last_seen.unwrap().at, Timestamp::from_millis(20), "an older one changes nothing");
    store.record(vec![at(b, 30, false)]).await.unwrap();
    assert_eq!(owner().await, None, "behind NAT nobody owns it");
    let gone = Id::from_parts(Timestamp::from_millis(1), [1; 10]);
    store.record(vec![at(gone, 40, true)]).await.unwrap();
}
