//! Who wrote what, and what it was before.

use std::{collections::BTreeSet, fs, sync::Arc, time::Duration};

use offhook_core::{
    Error, Id,
    device::Device,
    settings::{RawSecrets, Scope, Settings},
    template::Scope as TemplateScope,
    token::{Reach, Role},
};
use offhook_store::{
    AuditEntry, AuditFilter, Author, DeletedFilter, HistoryLimits, NewPending, NewTemplate, NewToken, Note, Noun, Page, PendingLimits,
    PendingOutcome, Store, StoreOptions, Thing, changes,
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::common::*;

fn somebody(restores: Option<u64>) -> Author {
    let token = Id::parse("0192f0c1-8a5e-7cc3-b0a4-4d2f6e7a9b10").unwrap();
    Author { token, label: "Anna".into(), from: Some("10.0.0.9".parse().unwrap()), restores }
}

async fn entries(store: &Store) -> Vec<AuditEntry> {
    let mut all = store.audit(&AuditFilter::default(), &Page { limit: 1000, ..Page::default() }).await.unwrap().items;
    all.reverse();
    all
}

async fn label(store: &Store, id: Id, label: &str) -> Device {
    let label = label.to_owned();
    store
        .update_device(id, None, move |d, _| {
            d.label = label;
            Ok(())
        })
        .await
        .unwrap()
}

fn said(entry: &AuditEntry) -> Vec<String> {
    entry.changes.iter().map(|c| format!("{} {} {}", c.path, c.before, c.after)).collect()
}

fn thing(device: &Device) -> Thing {
    Thing::Device(Box::new(device.clone()))
}

#[tokio::test]
async fn every_write_tells_who_from_where_and_what() {
    let place = Place::new();
    let store = place.store().await;
    let by = store.by(somebody(None));
    let d = device_with(&by, 1, |d| {
        d.settings = settings(r#"{"lines":{"1":{"username":"u","password":"planted-one"}}}"#);
    })
    .await
    .unwrap();
    by.update_device(d.id, None, |d, _| {
        d.label = "Front desk".into();
        d.settings = settings(r#"{"lines":{"1":{"username":"v","password":"planted-two"}},"display":{"text":"x"}}"#);
        Ok(())
    })
    .await
    .unwrap();
    by.update_device(d.id, None, |_, _| Ok(())).await.unwrap();
    by.delete_device(d.id, None).await.unwrap();
    by.update_site(None, |s, _| {
        s.enforced = settings(r#"{"access":{"admin_password":"planted-three"}}"#);
        Ok(())
    })
    .await
    .unwrap();
    let (token, _) = by.create_token("Bob", Role::ReadOnly, None).await.unwrap();
    by.revoke_token(token.id).await.unwrap();
    by.note(Note { action: "reveal", noun: "device", subject: "x".into(), detail: "settings".into(), ..Note::default() }).await.unwrap();
    // Without an author nothing is told.
    device(&store, 2).await;

    let all = entries(&store).await;
    let shown: Vec<String> = all.iter().map(|e| format!("{} {} {}", e.action, e.noun, e.name)).collect();
    let mac = mac(1).to_string();
    let (create, update, delete) = (format!("create device {mac}"), format!("update device {mac}"), format!("delete device {mac}"));
    assert_eq!(shown, [&*create, &update, &delete, "update site site", "create token Bob", "delete token Bob", "reveal device "]);
    assert!(all.iter().all(|e| e.by.label == "Anna" && e.by.from == Some("10.0.0.9".parse().unwrap())));
    assert_eq!((all[1].revision, all[1].tenant.as_deref(), all[3].tenant.as_deref()), (Some(2), Some("default"), None));
    assert_eq!(
        said(&all[1]),
        [
            r#"label null "Front desk""#,
            r#"lines.1.username "u" "v""#,
            r#"lines.1.password "********" "********""#,
            r#"display.text null "x""#,
        ]
    );
    assert_eq!(said(&all[3]), [r#"enforced.access.admin_password null "********""#]);
    assert_eq!(all[6].detail, "settings");

    let only = |filter: AuditFilter| {
        let store = store.clone();
        async move { store.audit(&filter, &Page::default()).await.unwrap().items.len() }
    };
    assert_eq!(only(AuditFilter { noun: Some("token".into()), ..AuditFilter::default() }).await, 2);
    assert_eq!(only(AuditFilter { subject: Some(d.id.to_string()), ..AuditFilter::default() }).await, 3);
    assert_eq!(only(AuditFilter { name: Some(mac), action: Some("delete".into()), ..AuditFilter::default() }).await, 1);
    assert_eq!(only(AuditFilter { token: Some(d.id), ..AuditFilter::default() }).await, 0);
    assert_eq!(only(AuditFilter { tenant: Some("default".into()), ..AuditFilter::default() }).await, 3);
    let (now, later) = (all[0].at, offhook_core::clock::Timestamp::from_millis(all[0].at.as_millis() + 1));
    assert_eq!(only(AuditFilter { until: Some(now), ..AuditFilter::default() }).await, 0);
    assert_eq!(only(AuditFilter { since: Some(now), until: Some(later), ..AuditFilter::default() }).await, 7);
    assert_eq!(store.audit_entry(all[1].id).await.unwrap().as_ref(), Some(&all[1]));
}

#[tokio::test]
async fn a_failed_or_dry_write_leaves_nothing() {
    let place = Place::new();
    let store = place.store().await.by(somebody(None));
    let d = device(&store, 1).await;
    let before = entries(&store).await.len();
    let dry = store.dry();
    label(&dry, d.id, "x").await;
    dry.delete_device(d.id, None).await.unwrap();
    dry.note(Note::default()).await.unwrap();
    let wrong = store.update_device(d.id, None, |d, _| {
        d.profiles = vec!["none".into()];
        Ok(())
    });
    wrong.await.unwrap_err();
    assert_eq!(entries(&store).await.len(), before);
    assert_eq!(store.versions(Noun::Device, &d.id.to_string(), None, 10).await.unwrap().len(), 1);
    assert!(store.deleted(&DeletedFilter::default(), &Page::default()).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn versions_are_kept_with_who_made_them() {
    let place = Place::new();
    let store = place.store().await;
    let anna = store.by(somebody(None));
    let bob = store.by(Author { label: "Bob".into(), ..somebody(None) });
    let d = device(&anna, 1).await;
    label(&bob, d.id, "b").await;
    label(&store, d.id, "c").await;
    label(&anna, d.id, "d").await;
    let id = d.id.to_string();
    let list = store.versions(Noun::Device, &id, None, 100).await.unwrap();
    let shown: Vec<_> = list.iter().map(|v| (v.thing.revision(), v.by.as_ref().map(|b| b.label.as_str()), v.present)).collect();
    assert_eq!(shown, [(4, Some("Anna"), true), (3, None, false), (2, Some("Bob"), false), (1, Some("Anna"), false)]);
    let labels: Vec<Value> = list.iter().map(|v| v.thing.masked(RawSecrets::none())["label"].clone()).collect();
    assert_eq!(labels, [json!("d"), json!("c"), json!("b"), Value::Null]);
    assert_eq!(list[3].thing, thing(&d));
    // A page tells one more than was asked, and goes on below a revision.
    let part = store.versions(Noun::Device, &id, Some(4), 1).await.unwrap();
    assert_eq!(part.iter().map(|v| v.thing.revision()).collect::<Vec<_>>(), [3, 2]);
    let one = store.version(Noun::Device, &id, 2).await.unwrap().unwrap();
    assert_eq!((one.thing, one.by.unwrap().label), (list[2].thing.clone(), "Bob".to_owned()));
    assert!(store.version(Noun::Device, &id, 9).await.unwrap().is_none() && store.version(Noun::Profile, &id, 2).await.unwrap().is_none());
    let told = changes(Some(&list[3].thing), Some(&list[0].thing), RawSecrets::none());
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn what_was_deleted_comes_back_under_its_id() {
    let place = Place::new();
    let store = place.store().await.by(somebody(None));
    let a = account(&store, "1001", false).await;
    let d = device_with(&store, 1, |d| {
        d.settings = settings(r#"{"lines":{"1":{"account":"1001"},"2":{"username":"u","password":"planted-secret"}}}"#);
        d.tags = vec!["floor-2".into()];
    })
    .await
    .unwrap();
    place.clock.forward(10);
    store.delete_device(d.id, None).await.unwrap();
    place.clock.forward(10);
    store.delete_account(a.id, None).await.unwrap();
    let gone = store.deleted(&DeletedFilter::default(), &Page::default()).await.unwrap().items;
    let shown: Vec<_> = gone.iter().map(|g| (g.noun, g.name.clone(), g.revision)).collect();
    assert_eq!(shown, [(Noun::Account, "1001".to_owned(), 1), (Noun::Device, mac(1).to_string(), 1)]);
    assert_eq!(store.deleted_named(Noun::Device, &mac(1).to_string(), None).await.unwrap().as_ref(), Some(&gone[1]));
    let first = store.deleted(&DeletedFilter::default(), &Page { limit: 1, ..Page::default() }).await.unwrap();
    let second = Page { limit: 1, cursor: first.next_cursor, ..Page::default() };
    assert_eq!(store.deleted(&DeletedFilter::default(), &second).await.unwrap().items, gone[1..]);

    let back = store.restoring(1);
    let refused = back.revive_device(d.id, |_, _| Ok(())).await.unwrap_err();
    assert_eq!(fields(&refused), ["settings.lines.1.account"]);
    let again = back.revive_account(a.id, |_, _| Ok(())).await.unwrap();
    assert_eq!((again.id, again.revision, &again.values), (a.id, 2, &a.values));
    let other = device(&store, 1).await;
    assert!(matches!(back.revive_device(d.id, |_, _| Ok(())).await, Err(Error::Conflict(_))));
    store.delete_device(other.id, None).await.unwrap();
    let again = back.revive_device(d.id, |_, _| Ok(())).await.unwrap();
    assert_eq!((again.id, again.revision, again.created_at, &again.settings), (d.id, 2, d.created_at, &d.settings));
    assert!(again.generation > d.generation);
    assert_eq!(store.device_by_mac(mac(1)).await.unwrap().as_ref(), Some(&again));
    assert!(matches!(back.revive_device(d.id, |_, _| Ok(())).await, Err(Error::NotFound { .. })));

    let last = entries(&store).await.pop().unwrap();
    assert_eq!((last.action.as_str(), last.detail.as_str(), last.revision), ("restore", "revision 1", Some(2)));
    let gone =
        store.deleted(&DeletedFilter { noun: Some(Noun::Device), ..DeletedFilter::default() }, &Page::default()).await.unwrap().items;
    assert_eq!(gone.iter().map(|g| g.id.clone()).collect::<Vec<_>>(), [other.id.to_string()]);
    label(&store, d.id, "x").await;
    let list = store.versions(Noun::Device, &d.id.to_string(), None, 10).await.unwrap();
    assert_eq!(list.iter().map(|v| v.thing.revision()).collect::<Vec<_>>(), [3, 2, 1]);
}

fn template(source: &str) -> NewTemplate {
    NewTemplate {
        scope: TemplateScope::Site,
        pack: "acme".into(),
        name: "Base.tpl".into(),
        source: source.into(),
        device_file: false,
        devices: Vec::new(),
        base_version: Some("1.0.0".into()),
        base_source: Some("base".into()),
        author: "Anna".into(),
    }
}

#[tokio::test]
async fn all_nouns_have_versions_and_come_back() {
    let place = Place::new();
    let store = place.store().await.by(somebody(None));
    let back = store.restoring(1);
    let p = store
        .create_profile(|p, _| {
            p.name = "desk".into();
            p.matches = Some(offhook_core::settings::Match { model: Some("T1".into()), ..Default::default() });
            p.settings = settings(r#"{"access":{"admin_password":"planted-profile"}}"#);
            Ok(())
        })
        .await
        .unwrap();
    store.delete_profile(p.id, None).await.unwrap();
    let again = back.revive_profile(p.id, |_, _| Ok(())).await.unwrap();
    assert_eq!((again.id, again.revision, &again.settings, &again.matches), (p.id, 2, &p.settings, &p.matches));

    let t = store
        .create_tenant(|t, _| {
            t.name = "north".into();
            t.networks = vec!["10.1.0.0/16".parse().unwrap()];
            t.enforced = settings(r#"{"access":{"user_password":"planted-tenant"}}"#);
            Ok(())
        })
        .await
        .unwrap();
    store.delete_tenant("north", None).await.unwrap();
    let again = back.revive_tenant(t.id, |_, _| Ok(())).await.unwrap();
    assert_eq!((again.id, &again.networks, &again.enforced), (t.id, &t.networks, &t.enforced));

    let one = store.put_template(template("first"), None).await.unwrap();
    store.put_template(template("second"), None).await.unwrap();
    store.delete_template(one.id, None, Vec::new()).await.unwrap();
    let found = store.deleted_named(Noun::Template, "site/acme/base.tpl", None).await.unwrap().unwrap();
    assert_eq!((found.id, found.revision), (one.id.to_string(), 2));
    let again = back.put_template(template("first"), None).await.unwrap();
    assert_eq!((again.id, again.revision, again.created_at), (one.id, 3, one.created_at));
    let versions = store.versions(Noun::Template, &one.id.to_string(), None, 10).await.unwrap();
    let sources: Vec<Value> = versions.iter().map(|v| v.thing.masked(RawSecrets::none())["source"].clone()).collect();
    assert_eq!(sources, [json!("first"), json!("second"), json!("first")]);
    // Made anew it is another.
    store.delete_template(one.id, None, Vec::new()).await.unwrap();
    let new = store.put_template(template("third"), None).await.unwrap();
    assert_ne!((new.id, new.revision), (one.id, 4));

    for zone in ["Europe/Berlin", "Europe/Paris"] {
        let text = json!({ "time": { "zone": zone } });
        store
            .update_site(None, move |s, _| {
                s.settings = Settings::validate(&text, Scope::Site).unwrap();
                Ok(())
            })
            .await
            .unwrap();
    }
    let site = store.versions(Noun::Site, "site", None, 10).await.unwrap();
    let zones: Vec<Value> = site.iter().map(|v| v.thing.masked(RawSecrets::none())["settings"]["time"]["zone"].clone()).collect();
    assert_eq!(zones, [json!("Europe/Paris"), json!("Europe/Berlin"), Value::Null]);
}

#[tokio::test]
async fn the_past_is_bounded() {
    let mut place = Place::new();
    let day = Duration::from_secs(86_400);
    let history = HistoryLimits { versions: 3, age: 30 * day, audit_age: 10 * day, audit_rows: 5 };
    place.options = StoreOptions { history, ..place.options };
    let store = place.store().await.by(somebody(None));
    let d = device(&store, 1).await;
    let id = d.id.to_string();
    for n in 0..8 {
        label(&store, d.id, &n.to_string()).await;
    }
    let revisions = |list: Vec<offhook_store::Version>| list.iter().map(|v| v.thing.revision()).collect::<Vec<_>>();
    assert_eq!(revisions(store.versions(Noun::Device, &id, None, 100).await.unwrap()), [9, 8, 7, 6]);
    assert_eq!(entries(&store).await.len(), 9);
    assert_eq!(store.trim_history().await.unwrap(), 4);
    assert_eq!(entries(&store).await.iter().map(|e| e.revision).collect::<Vec<_>>(), [5, 6, 7, 8, 9].map(Some));
    // The oldest version is told of by the log, where no older version tells who replaced it.
    let list = store.versions(Noun::Device, &id, None, 100).await.unwrap();
    assert_eq!(list[3].by.as_ref().unwrap().label, "Anna");

    let days = |n: i64| n * 86_400_000;
    place.clock.forward(days(9));
    label(&store, d.id, "later").await;
    place.clock.forward(days(2));
    store.trim_history().await.unwrap();
    assert_eq!(entries(&store).await.len(), 1);
    place.clock.forward(days(20));
    store.delete_device(d.id, None).await.unwrap();
    store.trim_history().await.unwrap();
    assert!(store.deleted_named(Noun::Device, &id, None).await.unwrap().is_some());
    assert_eq!(revisions(store.versions(Noun::Device, &id, None, 100).await.unwrap()), [10, 9]);
    place.clock.forward(days(31));
    store.trim_history().await.unwrap();
    assert!(store.deleted_named(Noun::Device, &id, None).await.unwrap().is_none());
    assert!(matches!(store.revive_device(d.id, |_, _| Ok(())).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_tenant_is_told_of_its_own_alone() {
    let place = Place::new();
    let store = place.store().await.by(somebody(None));
    for name in ["north", "south"] {
        store
            .create_tenant(move |t, _| {
                t.name = name.into();
                Ok(())
            })
            .await
            .unwrap();
    }
    let of = |name: &str| store.within(Reach::of(Some(Arc::new(BTreeSet::from([name.to_owned()])))));
    let (north, south) = (of("north"), of("south"));
    let d = device_with(&store, 1, |d| {
        d.tenant = "north".into();
        d.label = "of the north".into();
    })
    .await
    .unwrap();
    label(&store, d.id, "still of the north").await;
    store
        .update_device(d.id, None, |d, _| {
            d.tenant = "south".into();
            d.label = "of the south".into();
            Ok(())
        })
        .await
        .unwrap();
    let id = d.id.to_string();
    let texts = |all: Vec<AuditEntry>| format!("{all:?}");
    let (of_north, of_south) = (texts(entries(&north).await), texts(entries(&south).await));
    assert!(of_north.contains("still of the north") && !of_north.contains("south"), "{of_north}");
    assert!(of_south.contains("moved here") && !of_south.contains("north"), "{of_south}");
    assert!(texts(entries(&store).await).contains("of the south"));
    let seen = south.versions(Noun::Device, &id, None, 10).await.unwrap();
    assert_eq!(seen.iter().map(|v| v.thing.revision()).collect::<Vec<_>>(), [3]);
    assert!(south.version(Noun::Device, &id, 2).await.unwrap().is_none() && store.version(Noun::Device, &id, 2).await.unwrap().is_some());
    assert!(north.version(Noun::Device, &id, 3).await.unwrap().is_none());
    assert!(south.versions(Noun::Site, "site", None, 10).await.unwrap().is_empty());

    store.delete_device(d.id, None).await.unwrap();
    let gone = |store: &Store| {
        let store = store.clone();
        async move { store.deleted(&DeletedFilter::default(), &Page::default()).await.unwrap().items.len() }
    };
    assert_eq!((gone(&store).await, gone(&south).await, gone(&north).await), (1, 1, 0));
    assert!(north.deleted_named(Noun::Device, &mac(1).to_string(), None).await.unwrap().is_none());
    assert!(matches!(north.revive_device(d.id, |_, _| Ok(())).await, Err(Error::NotFound { .. })));
    assert!(south.revive_device(d.id, |_, _| Ok(())).await.is_ok());
    let new = NewToken { label: "t".into(), role: Role::ReadOnly, tenants: Some(BTreeSet::from(["south".into()])), expires_at: None };
    store.create_token_for(new).await.unwrap();
    let tokens = |all: Vec<AuditEntry>| all.iter().filter(|e| e.noun == "token").count();
    assert_eq!((tokens(entries(&south).await), tokens(entries(&north).await)), (1, 0));
}

/// Stores with two tenants: of all, of the north, of the south.
async fn north_and_south(place: &Place) -> [Store; 3] {
    let store = place.store().await.by(somebody(None));
    for name in ["north", "south"] {
        store
            .create_tenant(move |t, _| {
                t.name = name.into();
                Ok(())
            })
            .await
            .unwrap();
    }
    let of = |name: &str| store.within(Reach::of(Some(Arc::new(BTreeSet::from([name.to_owned()])))));
    [store.clone(), of("north"), of("south")]
}

async fn moved(store: &Store, id: Id, tenant: &'static str) {
    store
        .update_device(id, None, move |d, _| {
            d.tenant = tenant.into();
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn versions_of_another_tenant_end_no_page() {
    let place = Place::new();
    let [store, north, _] = north_and_south(&place).await;
    let d = device_with(&north, 1, |d| d.tenant = "north".into()).await.unwrap();
    label(&store, d.id, "2").await;
    moved(&store, d.id, "south").await;
    for n in ["4", "5", "6"] {
        label(&store, d.id, n).await;
    }
    moved(&store, d.id, "north").await;
    label(&store, d.id, "8").await;
    let (mut pages, mut below) = (Vec::new(), None);
    while let Some(one) = north.versions(Noun::Device, &d.id.to_string(), below, 1).await.unwrap().first() {
        below = Some(one.thing.revision());
        pages.extend(below);
        assert_eq!(one.by.as_ref().map(|by| by.label.as_str()), Some("Anna"), "{below:?}");
    }
    assert_eq!(pages, [8, 7, 2, 1]);
    let two = north.versions(Noun::Device, &d.id.to_string(), Some(8), 1).await.unwrap();
    assert_eq!(two.iter().map(|v| v.thing.revision()).collect::<Vec<_>>(), [7, 2], "one more, so that more is known of");
}

#[tokio::test]
async fn what_went_is_called_as_it_was_called_here() {
    let place = Place::new();
    let [store, north, south] = north_and_south(&place).await;
    let profile = store
        .create_profile(|p, _| {
            (p.name, p.tenant) = ("desk".into(), Some("north".into()));
            Ok(())
        })
        .await
        .unwrap();
    store
        .update_profile(profile.id, None, |p, _| {
            (p.name, p.tenant) = ("merger with acme".into(), Some("south".into()));
            Ok(())
        })
        .await
        .unwrap();
    let told = |all: Vec<AuditEntry>| -> Vec<String> {
        all.into_iter().filter(|e| e.noun == "profile").map(|e| format!("{} {} {:?}", e.name, e.detail, e.revision)).collect()
    };
    assert_eq!(told(entries(&north).await), ["desk  Some(1)", "desk moved away Some(2)"]);
    assert_eq!(told(entries(&south).await), ["merger with acme moved here Some(2)"]);
}

#[tokio::test]
async fn another_tenants_phone_makes_no_room() {
    let place = Place::new();
    let [store, north, south] = north_and_south(&place).await;
    let d = device_with(&north, 1, |d| d.tenant = "north".into()).await.unwrap();
    north.delete_device(d.id, None).await.unwrap();
    let new = NewPending {
        mac: mac(1),
        tenant: "south".into(),
        vendor: None,
        model: None,
        firmware: None,
        serial: None,
        pack: None,
        seen: seen(1, "10.2.0.1"),
        owns_address: true,
    };
    let limits = PendingLimits { total: 4, per_network: 2, max_age: Duration::from_secs(60) };
    let PendingOutcome::Created(came) = store.create_pending(new, &limits).await.unwrap() else { panic!("no room") };
    assert!(matches!(north.revive_device(d.id, |_, _| Ok(())).await, Err(Error::Conflict(_))));
    assert!(south.device(came.id).await.unwrap().is_some());
}

#[tokio::test]
async fn no_secret_is_in_the_tables() {
    let mut place = Place::new();
    let mut raw = RawSecrets::default();
    raw.add("apack", &["quiet_name"]);
    place.options = StoreOptions { raw_secrets: raw, ..place.options };
    let store = place.store().await.by(somebody(None));
    let a = account(&store, "1001", false).await;
    let d = device_with(&store, 1, |d| {
        d.settings = settings(
            r#"{"lines":{"1":{"username":"u","password":"planted-device-1"}},"raw":{"apack":{"quiet_name":"planted-raw-1"}},
                "provisioning":{"url":"http://user:planted-url-1@host/"}}"#,
        );
    })
    .await
    .unwrap();
    store
        .update_account(a.id, None, |a, _| {
            a.code = Some("planted-code-1".into());
            Ok(())
        })
        .await
        .unwrap();
    store
        .update_account(a.id, None, |a, _| {
            a.code = Some("planted-code-2".into());
            a.values = account_values(r#"{"username":"1001","password":"planted-account-2"}"#);
            Ok(())
        })
        .await
        .unwrap();
    store
        .update_device(d.id, None, |d, _| {
            d.settings = settings(
                r#"{"lines":{"1":{"username":"u","password":"planted-device-2"}},"raw":{"apack":{"quiet_name":"planted-raw-2"}},
                    "provisioning":{"url":"http://user:planted-url-2@host/"}}"#,
            );
            Ok(())
        })
        .await
        .unwrap();
    store.delete_device(d.id, None).await.unwrap();
    store.delete_account(a.id, None).await.unwrap();
    let all = entries(&store).await;
    let update = all.iter().find(|e| e.noun == "device" && e.action == "update").unwrap();
    assert_eq!(
        said(update),
        [
            r#"lines.1.password "********" "********""#,
            r#"provisioning.url "http://user:********@host/" "http://user:********@host/""#,
            r#"raw.apack.quiet_name "********" "********""#,
        ]
    );
    let told = format!("{all:?}");
    assert!(!told.contains("planted"), "{told}");
    store.close().await.unwrap();
    let files = fs::read_dir(&place.options.data_dir).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file());
    let mut contents: Vec<(String, Vec<u8>)> = files.map(|p| (p.display().to_string(), fs::read(p).unwrap())).collect();
    contents.extend(place.database.as_ref().map(|d| ("the database".to_owned(), d.dump())));
    assert!(contents.iter().any(|(_, c)| c.windows(4).any(|w| w == b"Anna")), "the tables were looked at");
    for (name, content) in contents {
        assert!(!content.windows(7).any(|w| w == b"planted"), "{name}");
    }
    let store = place.store().await;
    let version = store.version(Noun::Account, &a.id.to_string(), 2).await.unwrap().unwrap();
    let Thing::Account(kept) = version.thing.clone() else { panic!("{version:?}") };
    assert_eq!(kept.code.as_deref(), Some("planted-code-1"));
    assert_eq!(version.thing.masked(RawSecrets::none())["code"], "********");
}

fn any_settings() -> impl Strategy<Value = Value> {
    let text = || "[a-z ]{0,12}";
    let line = (text(), text(), any::<bool>()).prop_map(|(label, password, on)| {
        json!({ "label": label.trim(), "username": "u", "password": format!("p{}", password.trim()), "enabled": on })
    });
    let lines = proptest::collection::btree_map("[1-4]", line, 0..3);
    (lines, text()).prop_map(|(lines, display)| json!({ "lines": lines, "display": { "text": display.trim() } }))
}

/// Whatever was written in whatever order: each version is what it was, and brought back it is that again.
#[test]
fn any_version_comes_back_as_it_was() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let place = Place::new();
    let store = runtime.block_on(place.store());
    let n = std::cell::Cell::new(0);
    let one = (any_settings(), proptest::collection::vec("[a-z]{1,6}", 0..3), "[a-z]{0,8}");
    let mut runner = TestRunner::new(proptest::test_runner::Config { cases: 24, failure_persistence: None, ..Default::default() });
    let outcome = runner.run(&(proptest::collection::vec(one, 1..5), any::<prop::sample::Index>()), |(edits, which)| {
        n.set(n.get() + 1);
        runtime.block_on(async {
            let mut device = device(&store, n.get()).await;
            let id = device.id;
            let mut made = vec![device];
            for (document, mut tags, label) in edits {
                let Ok(settings) = Settings::validate(&document, Scope::Device) else { return Err(TestCaseError::reject("not valid")) };
                tags.sort();
                tags.dedup();
                device = store
                    .update_device(id, None, move |d, _| {
                        (d.settings, d.tags, d.label) = (settings, tags, label);
                        Ok(())
                    })
                    .await
                    .unwrap();
                if device.revision > made.last().unwrap().revision {
                    made.push(device);
                }
            }
            for kept in &made {
                let version = store.version(Noun::Device, &id.to_string(), kept.revision).await.unwrap().unwrap();
                prop_assert_eq!(version.thing, thing(kept));
            }
            let wanted = which.get(&made).clone();
            let deleted = wanted.revision % 2 == 0;
            if deleted {
                store.delete_device(id, None).await.unwrap();
            }
            let Thing::Device(old) = store.version(Noun::Device, &id.to_string(), wanted.revision).await.unwrap().unwrap().thing else {
                return Err(TestCaseError::fail("no device"));
            };
            let edit = move |d: &mut Device, _: &offhook_core::configuration::Configuration| {
                *d = *old;
                Ok(())
            };
            let restored = if deleted { store.revive_device(id, edit).await } else { store.update_device(id, None, edit).await }.unwrap();
            let told = changes(Some(&thing(&wanted)), Some(&thing(&restored)), RawSecrets::none());
            prop_assert!(told.is_empty(), "{:?}", told);
            prop_assert_eq!(restored.settings, wanted.settings);
            Ok(())
        })
    });
    outcome.unwrap();
}
