//! Devices: writing, reading, lists, serving, sync.

use std::sync::{Arc, Mutex};

use offhook_core::{
    Error,
    device::{LastFetch, State, Sync},
};
use offhook_store::{DeviceFilter, DeviceSort, Page, Seen, Store, What, selector_of};
use proptest::prelude::*;

use crate::common::*;

#[tokio::test]
async fn a_device_is_read_as_it_was_written() {
    let place = Place::new();
    let store = place.store().await;
    let made = device_with(&store, 1, |d| {
        d.model = Some("T46S".into());
        d.label = "Front desk".into();
        d.tags = vec!["hall".into()];
        d.unset = vec!["keys.5".parse().unwrap()];
        d.settings = settings(r#"{"lines":{"1":{"username":"1001","password":"hunter2 secret"}},"access":{"admin_password":"x y z"}}"#);
    })
    .await
    .unwrap();
    assert_eq!((made.revision, made.generation, made.state), (1, 1, State::Ready));
    assert_eq!(store.device(made.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!(store.device_by_mac(mac(1)).await.unwrap().as_ref(), Some(&made));
    store.close().await.unwrap();
    assert_eq!(place.store().await.device(made.id).await.unwrap(), Some(made));
}

#[tokio::test]
async fn a_mac_is_unique_and_the_conflict_does_not_tell_whose() {
    let place = Place::new();
    let store = place.store().await;
    store
        .create_tenant(|t, _| {
            t.name = "hidden".into();
            Ok(())
        })
        .await
        .unwrap();
    device_with(&store, 1, |d| d.tenant = "hidden".into()).await.unwrap();
    let error = device_with(&store, 1, |_| {}).await.unwrap_err();
    assert!(matches!(&error, Error::Conflict(text) if !text.contains("hidden")), "{error:?}");
    let other = device(&store, 2).await;
    let taken = store
        .update_device(other.id, None, |d, _| {
            d.mac = Some(mac(1));
            Ok(())
        })
        .await;
    assert!(matches!(taken, Err(Error::Conflict(_))));
    assert_eq!(store.device(other.id).await.unwrap().unwrap().mac, Some(mac(2)));
}

#[tokio::test]
async fn revisions_guard_and_generations_tell() {
    let place = Place::new();
    let store = place.store().await;
    let d = device(&store, 1).await;
    let stale = store.update_device(d.id, Some(9), |_, _| Ok(())).await;
    assert_eq!(stale.unwrap_err(), Error::Stale { revision: 1 });
    let same = store.update_device(d.id, Some(1), |_, _| Ok(())).await.unwrap();
    assert_eq!((same.revision, same.generation), (1, 1));
    let tagged = store
        .update_device(d.id, Some(1), |d, _| {
            d.tags = vec!["x".into()];
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!((tagged.revision, tagged.generation), (2, 1));
    let labelled = store
        .update_device(d.id, Some(2), |d, _| {
            d.label = "L".into();
            d.revision = 99;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!((labelled.revision, labelled.generation), (3, 2));
    let refused = store
        .update_device(d.id, None, |d, _| {
            d.label = "other".into();
            Err(Error::Refused("no".into()))
        })
        .await;
    assert_eq!(refused.unwrap_err(), Error::Refused("no".into()));
    assert_eq!(store.device(d.id).await.unwrap(), Some(labelled));
    store.delete_device(d.id, Some(3)).await.unwrap();
    assert_eq!(store.device(d.id).await.unwrap(), None);
    assert!(matches!(store.delete_device(d.id, None).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn concurrent_edits_are_one_after_the_other() {
    let place = Place::new();
    let store = place.store().await;
    let id = device(&store, 1).await.id;
    let edits = (0..50).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .update_device(id, None, |d, _| {
                    d.label.push('x');
                    Ok(())
                })
                .await
                .unwrap()
        })
    });
    for edit in edits.collect::<Vec<_>>() {
        edit.await.unwrap();
    }
    let d = store.device(id).await.unwrap().unwrap();
    assert_eq!((d.label.len(), d.revision), (50, 51));
}

#[tokio::test]
async fn a_panicking_edit_harms_nobody() {
    let place = Place::new();
    let store = place.store().await;
    let d = device(&store, 1).await;
    let bad = store.update_device(d.id, None, |_, _| panic!("in an edit"));
    let (bad, good) = tokio::join!(
        bad,
        store.update_device(d.id, None, |d, _| {
            d.label = "good".into();
            Ok(())
        })
    );
    assert!(matches!(bad, Err(Error::Internal(_))));
    assert_eq!(store.device(d.id).await.unwrap(), Some(good.unwrap()));
}

#[tokio::test]
async fn bad_fields_are_all_told() {
    let place = Place::new();
    let store = place.store().await;
    let error = device_with(&store, 1, |d| {
        d.tenant = "nowhere".into();
        d.profiles = vec!["none".into()];
        d.label = "bell\u{7}".into();
    })
    .await
    .unwrap_err();
    assert_eq!(fields(&error), ["tenant", "profiles[0]", "label"]);
}

#[tokio::test]
async fn lines_name_accounts_that_exist_and_are_free() {
    let place = Place::new();
    let store = place.store().await;
    let line = |n: u32, a: &str| settings(&format!(r#"{{"lines":{{"{n}":{{"account":"{a}"}}}}}}"#));
    let one = line(2, "1001");
    let unknown = device_with(&store, 1, {
        let one = one.clone();
        move |d| d.settings = one
    })
    .await
    .unwrap_err();
    assert_eq!(fields(&unknown), ["settings.lines.2.account"]);

    let a = account(&store, "1001", false).await;
    let first = device_with(&store, 1, {
        let one = one.clone();
        move |d| d.settings = one
    })
    .await
    .unwrap();
    let second = device_with(&store, 2, {
        let one = one.clone();
        move |d| d.settings = one
    })
    .await
    .unwrap_err();
    assert_eq!(fields(&second), ["settings.lines.2.account"]);
    assert_eq!(store.device_by_mac(mac(2)).await.unwrap(), None, "nothing of a refused write stays");

    assert!(matches!(store.delete_account(a.id, None).await, Err(Error::Conflict(text)) if text.contains("it is used by device ")));
    store
        .update_account(a.id, None, |a, _| {
            a.shared = true;
            Ok(())
        })
        .await
        .unwrap();
    device_with(&store, 2, move |d| d.settings = one).await.unwrap();
    let unshare = store
        .update_account(a.id, None, |a, _| {
            a.shared = false;
            Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(fields(&unshare), ["shared"]);

    let serving = store.device_for_serving(mac(1), &store.configuration()).await.unwrap().unwrap();
    assert_eq!(serving.accounts["1001"].values, account_values(r#"{"username":"1001","password":"planted-account-secret"}"#));
    assert!(serving.device.generation > first.generation, "an account it uses changed");

    for n in [1, 2] {
        let id = store.device_by_mac(mac(n)).await.unwrap().unwrap().id;
        store
            .update_device(id, None, |d, _| {
                d.settings = Default::default();
                Ok(())
            })
            .await
            .unwrap();
    }
    store.delete_account(a.id, None).await.unwrap();
}

#[tokio::test]
async fn caches_hear_of_a_change_before_it_is_acknowledged() {
    let place = Place::new();
    let store = place.store().await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let into = heard.clone();
    store.on_change(move |changes| into.lock().unwrap().extend_from_slice(changes));
    let whats = || std::mem::take(&mut *heard.lock().unwrap()).into_iter().map(|c| c.what).collect::<Vec<_>>();

    let d = device(&store, 1).await;
    assert_eq!(whats(), [What::Device { id: d.id, mac: Some(mac(1)), former_mac: None }]);
    store
        .update_device(d.id, None, |d, _| {
            d.mac = Some(mac(2));
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(whats(), [What::Device { id: d.id, mac: Some(mac(2)), former_mac: Some(mac(1)) }]);
    let a = account(&store, "1001", false).await;
    assert_eq!(whats(), [What::Account { id: a.id }]);
    store
        .update_device(d.id, None, |d, _| {
            d.settings = settings(r#"{"lines":{"1":{"account":"1001"}}}"#);
            Ok(())
        })
        .await
        .unwrap();
    whats();
    store
        .update_account(a.id, None, |a, _| {
            a.values = Default::default();
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(whats(), [What::Account { id: a.id }, What::Device { id: d.id, mac: Some(mac(2)), former_mac: None }]);
    store.delete_device(d.id, None).await.unwrap();
    assert_eq!(whats().len(), 1);
    let failed = store.delete_device(d.id, None).await;
    assert!(failed.is_err() && whats().is_empty());
}

fn fetch(store: &Store, d: &offhook_core::device::Device) -> LastFetch {
    LastFetch {
        at: d.updated_at,
        generation: d.generation,
        layers_tag: store.configuration().layers_tag(&selector_of(d)),
        hash: "h".into(),
        path: "/x".into(),
        server_url: "http://127.0.0.1".into(),
    }
}

async fn in_sync(store: &Store, sync: Sync) -> usize {
    let listed = store.devices(&DeviceFilter { sync: Some(sync), ..Default::default() }, &Page::default()).await.unwrap();
    assert!(listed.items.iter().all(|d| store.sync_of(d) == sync), "list and memory agree");
    listed.items.len()
}

#[tokio::test]
async fn sync_follows_device_layers_and_accounts() {
    let place = Place::new();
    let store = place.store().await;
    let p = store
        .create_profile(|p, _| {
            p.name = "hall".into();
            Ok(())
        })
        .await
        .unwrap();
    let d = device_with(&store, 1, |d| d.profiles = vec!["hall".into()]).await.unwrap();
    assert_eq!(in_sync(&store, Sync::Never).await, 1);
    let again = || async {
        let d = store.device(d.id).await.unwrap().unwrap();
        store.record(vec![Seen { device: Some(d.id), fetch: Some(fetch(&store, &d)), ..Seen::default() }]).await.unwrap();
        assert_eq!((in_sync(&store, Sync::Current).await, in_sync(&store, Sync::Outdated).await), (1, 0));
    };
    again().await;
    store
        .update_profile(p.id, None, |p, _| {
            p.label = "other".into();
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(in_sync(&store, Sync::Outdated).await, 1);
    again().await;
    store
        .update_site(None, |s, _| {
            s.settings = settings(r#"{"locale":{"language":"de"}}"#);
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(in_sync(&store, Sync::Outdated).await, 1);
    again().await;
    store
        .update_device(d.id, None, |d, _| {
            d.location = "attic".into();
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(in_sync(&store, Sync::Outdated).await, 1);
    again().await;
    store.close().await.unwrap();
    let store = place.store().await;
    assert_eq!(in_sync(&store, Sync::Current).await, 1);
}

#[tokio::test]
async fn an_account_reached_through_a_profile_outdates_its_devices() {
    let place = Place::new();
    let store = place.store().await;
    let a = account(&store, "all", true).await;
    store
        .create_profile(|p, _| {
            p.name = "hall".into();
            p.settings = settings(r#"{"lines":{"1":{"account":"all"}}}"#);
            Ok(())
        })
        .await
        .unwrap();
    let under = device_with(&store, 1, |d| d.profiles = vec!["hall".into()]).await.unwrap();
    let beside = device(&store, 2).await;
    assert_eq!(store.serving(under.clone(), &store.configuration()).await.unwrap().accounts.len(), 1);
    store
        .update_account(a.id, None, |a, _| {
            a.values = Default::default();
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(store.device(under.id).await.unwrap().unwrap().generation, 2);
    assert_eq!(store.device(beside.id).await.unwrap().unwrap().generation, 1);
}

async fn all_pages(store: &Store, filter: &DeviceFilter, sort: DeviceSort, descending: bool, limit: u32) -> Vec<String> {
    let mut page = Page { sort, descending, cursor: None, limit };
    let mut labels = Vec::new();
    loop {
        let listed = store.devices(filter, &page).await.unwrap();
        assert!(listed.items.len() <= limit as usize);
        labels.extend(listed.items.into_iter().map(|d| d.label));
        page.cursor = listed.next_cursor;
        if page.cursor.is_none() {
            return labels;
        }
    }
}

#[tokio::test]
async fn filters_choose() {
    let place = Place::new();
    let store = place.store().await;
    device_with(&store, 1, |d| {
        d.label = "a_1%".into();
        d.vendor = Some("v".into());
        d.tags = vec!["t".into()];
    })
    .await
    .unwrap();
    device_with(&store, 2, |d| {
        d.label = "B".into();
        d.model = Some("T46S".into());
        d.state = State::Disabled;
    })
    .await
    .unwrap();
    device_with(&store, 3, |d| {
        d.label = "Ünder".into();
        d.pack = Some("p".into());
        d.location = "Hall".into();
    })
    .await
    .unwrap();
    store
        .record(vec![Seen {
            device: Some(store.device_by_mac(mac(3)).await.unwrap().unwrap().id),
            last_seen: Some(seen(1, "10.9.8.7")),
            ..Seen::default()
        }])
        .await
        .unwrap();
    let found = |filter: DeviceFilter| {
        let store = store.clone();
        async move { all_pages(&store, &filter, DeviceSort::Label, false, 10).await }
    };
    let q = |q: &str| DeviceFilter { q: Some(q.into()), ..Default::default() };
    assert_eq!(found(DeviceFilter::default()).await, ["a_1%", "B", "Ünder"]);
    assert_eq!(found(DeviceFilter { vendor: Some("v".into()), tag: Some("t".into()), ..Default::default() }).await, ["a_1%"]);
    assert_eq!(found(DeviceFilter { state: Some(State::Disabled), model: Some("T46S".into()), ..Default::default() }).await, ["B"]);
    assert_eq!(found(DeviceFilter { pack: Some("p".into()), ..Default::default() }).await, ["Ünder"]);
    assert!(found(DeviceFilter { tenant: Some("x".into()), ..Default::default() }).await.is_empty());
    assert_eq!(found(q("_1%")).await, ["a_1%"]);
    assert_eq!(found(q("üND")).await, ["Ünder"]);
    assert_eq!(found(q("hall")).await, ["Ünder"]);
    assert_eq!(found(q("t46")).await, ["B"]);
    assert_eq!(found(q("9.8.7")).await, ["Ünder"]);
    assert_eq!(found(q("00-15-65-00-00-02")).await, ["B"]);
    assert_eq!(found(q("65000002")).await, ["B"]);
    assert_eq!(store.count_devices().await.unwrap().into_iter().collect::<Vec<_>>(), [("disabled", 1), ("pending", 0), ("ready", 2)]);
}

#[tokio::test]
async fn strange_cursors_and_limits_are_refused() {
    let place = Place::new();
    let store = place.store().await;
    device(&store, 1).await;
    device(&store, 2).await;
    let first = store.devices(&DeviceFilter::default(), &Page { limit: 1, ..Page::default() }).await.unwrap();
    let other = Page { cursor: first.next_cursor, sort: DeviceSort::Label, ..Page::default() };
    assert_eq!(fields(&store.devices(&DeviceFilter::default(), &other).await.unwrap_err()), ["cursor"]);
    let junk = Page { cursor: Some("'; DROP TABLE devices".into()), ..Page::default() };
    assert_eq!(fields(&store.devices(&DeviceFilter::default(), &junk).await.unwrap_err()), ["cursor"]);
    assert_eq!(fields(&store.devices(&DeviceFilter::default(), &Page { limit: 0, ..Page::default() }).await.unwrap_err()), ["limit"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn pages_hold_everything_once_and_in_order(labels in proptest::collection::vec("[a-c]{0,2}", 0..25), limit in 1u32..7, descending: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let store = place.store().await;
            for (n, label) in labels.iter().enumerate() {
                let label = label.clone();
                device_with(&store, n as u64 + 1, move |d| d.label = label).await.unwrap();
            }
            let got = all_pages(&store, &DeviceFilter::default(), DeviceSort::Label, descending, limit).await;
            let mut wanted = labels.clone();
            wanted.sort();
            if descending {
                wanted.reverse();
            }
            assert_eq!(got, wanted);
            assert_eq!(all_pages(&store, &DeviceFilter::default(), DeviceSort::LastSeen, descending, limit).await.len(), labels.len());
        });
    }
}
