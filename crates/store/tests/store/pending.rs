//! Phones that came by themselves: bounded, expiring, never at the cost of a real one.

use std::time::Duration;

use offhook_core::{
    clock::{Clock, Timestamp},
    device::State,
};
use offhook_store::{NewPending, PendingLimits, PendingOutcome, Store};

use crate::common::*;

const LIMITS: PendingLimits = PendingLimits { total: 4, per_network: 2, max_age: Duration::from_secs(60) };

async fn comes(store: &Store, n: u64, ip: &str, at: Timestamp) -> PendingOutcome {
    let new = NewPending {
        mac: mac(n),
        tenant: "default".into(),
        vendor: Some("v".into()),
        model: None,
        firmware: None,
        serial: None,
        pack: Some("p".into()),
        seen: seen(at.as_millis(), ip),
        owns_address: true,
    };
    store.create_pending(new, &LIMITS).await.unwrap()
}

fn made(outcome: &PendingOutcome) -> bool {
    matches!(outcome, PendingOutcome::Created(d) if d.state == State::Pending)
}

#[tokio::test]
async fn quotas_hold_per_network_and_in_all() {
    let place = Place::new();
    let store = place.store().await;
    let now = place.clock.now();
    assert!(made(&comes(&store, 1, "10.0.0.1", now).await));
    assert!(made(&comes(&store, 2, "::ffff:10.0.0.2", now).await));
    assert_eq!(comes(&store, 3, "10.0.0.3", now).await, PendingOutcome::Full);
    assert!(matches!(comes(&store, 1, "10.0.0.9", now).await, PendingOutcome::Exists(_)));
    assert!(made(&comes(&store, 4, "2001:db8::1", now).await));
    assert!(made(&comes(&store, 5, "2001:db8::ffff:2", now).await));
    assert_eq!(comes(&store, 6, "2001:db8::3", now).await, PendingOutcome::Full);
    assert_eq!(comes(&store, 7, "10.0.1.1", now).await, PendingOutcome::Full, "full in all");
    assert_eq!(store.count_devices().await.unwrap()["pending"], 4);
    // Approved, it is a device like any other and takes nobody's place.
    let id = store.device_by_mac(mac(1)).await.unwrap().unwrap().id;
    store
        .update_device(id, None, |d, _| {
            d.state = State::Ready;
            Ok(())
        })
        .await
        .unwrap();
    assert!(made(&comes(&store, 3, "10.0.0.3", now).await));
}

#[tokio::test]
async fn the_old_make_room_but_never_one_that_a_person_touched() {
    let place = Place::new();
    let store = place.store().await;
    for n in [1, 2] {
        comes(&store, n, "10.0.0.1", place.clock.now()).await;
    }
    let touched = store.device_by_mac(mac(1)).await.unwrap().unwrap().id;
    store
        .update_device(touched, None, |d, _| {
            d.label = "mine".into();
            Ok(())
        })
        .await
        .unwrap();
    device_with(&store, 9, |d| d.state = State::Pending).await.unwrap();
    comes(&store, 3, "10.0.0.1", place.clock.now()).await;
    assert_eq!(comes(&store, 4, "10.0.0.1", place.clock.now()).await, PendingOutcome::Full);
    place.clock.forward(61_000);
    assert!(made(&comes(&store, 4, "10.0.0.1", place.clock.now()).await));
    assert_eq!(store.expire_pending(place.clock.now()).await.unwrap(), 0);
    place.clock.forward(1);
    assert_eq!(store.expire_pending(place.clock.now()).await.unwrap(), 1);
    assert_eq!(store.count_devices().await.unwrap()["pending"], 2, "the touched one and the one that a person made");
    assert!(store.device(touched).await.unwrap().is_some());
}

#[tokio::test]
async fn many_at_once_do_not_slip_past_the_quota() {
    let place = Place::new();
    let store = place.store().await;
    let now = place.clock.now();
    let all = (1..=20).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { made(&comes(&store, n, "10.0.0.1", now).await) })
    });
    let mut created = 0;
    for one in all.collect::<Vec<_>>() {
        created += usize::from(one.await.unwrap());
    }
    assert_eq!(created, 2);
}
