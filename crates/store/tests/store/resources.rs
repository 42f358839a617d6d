//! Assets and phone books: names of their scope, references in every layer, what is in use, what a restart keeps.

use std::{fs, sync::Arc};

use offhook_core::{
    Error,
    asset::{Asset, AssetKind},
    phonebook::{Contact, Number, NumberKind, Phonebook},
    settings::{AccountValues, Scope, Settings},
};
use offhook_store::{Blob, NewAsset, Store};
use serde_json::{Value, json};

use crate::{common::*, opening::sql};

async fn blob(store: &Store, bytes: &[u8]) -> Blob {
    let mut writer = store.new_blob().await.unwrap();
    writer.write(bytes).await.unwrap();
    writer.finish().await.unwrap()
}

async fn add(store: &Store, name: &str, tenant: Option<&str>, bytes: &[u8]) -> offhook_core::Result<Asset> {
    let new = NewAsset { name: name.into(), tenant: tenant.map(Into::into), kind: AssetKind::Png };
    store.add_asset(new, blob(store, bytes).await).await
}

fn settings(value: Value) -> Settings {
    Settings::validate(&value, Scope::Device).unwrap()
}

async fn tenant(store: &Store, name: &'static str) {
    store
        .create_tenant(move |t, _| {
            t.name = name.into();
            Ok(())
        })
        .await
        .unwrap();
}

async fn book(store: &Store, name: &'static str, tenant: Option<&'static str>) -> offhook_core::Result<Arc<Phonebook>> {
    store
        .create_phonebook(move |b| {
            (b.name, b.tenant) = (name.into(), tenant.map(Into::into));
            let numbers = vec![Number { kind: NumberKind::Home, number: "1".into() }];
            b.contacts = vec![Contact { name: "Zoë".into(), numbers, ..Contact::default() }];
            Ok(())
        })
        .await
}

fn files(place: &Place) -> usize {
    fs::read_dir(place.options.data_dir.join("blobs")).unwrap().count()
}

#[tokio::test]
async fn a_tenants_own_comes_before_the_global_one_and_a_restart_keeps_both() {
    let place = Place::new();
    let store = place.store().await;
    tenant(&store, "acme").await;
    let global = add(&store, "Logo", None, b"1").await.unwrap();
    let own = add(&store, "logo", Some("acme"), b"2").await.unwrap();
    assert!(matches!(add(&store, "LOGO", Some("acme"), b"3").await, Err(Error::Conflict(_))));
    assert!(matches!(add(&store, "a/b", Some("no"), b"3").await, Err(Error::Invalid(faults)) if faults.len() == 2));
    let (one, two) = (book(&store, "all", None).await.unwrap(), book(&store, "ALL", Some("acme")).await.unwrap());
    assert!(matches!(book(&store, "all", None).await, Err(Error::Conflict(_))));
    let check = |store: &Store| {
        let library = store.library();
        assert_eq!(library.asset(Some("acme"), "LOGO").unwrap().id, own.id);
        assert_eq!(library.asset(Some("default"), "logo").unwrap().id, global.id);
        assert_eq!(library.phonebook(Some("acme"), "all").unwrap().id, two.id);
        assert_eq!(library.phonebook(Some("default"), &one.id.to_string()).unwrap().contacts[0].name, "Zoë");
        assert!(library.phonebook(Some("default"), &two.id.to_string()).is_none(), "another tenant's");
    };
    check(&store);
    assert_eq!(files(&place), 2);
    store.close().await.unwrap();
    let store = place.store().await;
    check(&store);
    let new = store.replace_asset(own.id, Some(1), AssetKind::Bmp, blob(&store, b"1").await).await.unwrap();
    assert_eq!((new.revision, new.kind, new.size, files(&place)), (2, AssetKind::Bmp, 1, 1));
    assert!(matches!(store.replace_asset(own.id, Some(1), AssetKind::Bmp, blob(&store, b"9").await).await, Err(Error::Stale { .. })));
    assert!(matches!(store.delete_tenant("acme", None).await, Err(Error::Conflict(why)) if why.contains("1 asset, 1 phone book:")));
}

#[tokio::test]
async fn unknown_names_are_refused_with_near_ones_and_what_is_in_use_stays() {
    let place = Place::new();
    let store = place.store().await;
    let logo = add(&store, "logo.png", None, b"1").await.unwrap();
    let company = book(&store, "company", None).await.unwrap();
    let unknown = |error: Error| match error {
        Error::Invalid(faults) => faults.into_iter().map(|f| (f.field, f.message)).collect::<Vec<_>>(),
        other => panic!("{other}"),
    };
    let bad = settings(
        json!({ "display": { "logo": "logo.pgn" }, "audio": { "ringtone": "Ring7" }, "directory": { "phonebooks": [{ "name": "firm" }] } }),
    );
    let faults = unknown(
        store
            .create_device(move |d, _| {
                d.settings = bad;
                Ok(())
            })
            .await
            .unwrap_err(),
    );
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert_eq!(faults[1].0, "settings.display.logo");
    assert!(faults[1].1.contains("near: logo.png"), "{}", faults[1].1);
    assert_eq!(faults[0].0, "settings.directory.phonebooks[0].name");

    let good = settings(json!({ "display": { "logo": "LOGO.png" }, "directory": { "phonebooks": [{ "id": company.id.to_string() }] } }));
    let device = store
        .create_device(move |d, _| {
            (d.settings, d.label) = (good, "Desk".into());
            Ok(())
        })
        .await
        .unwrap();
    let refused = |error: Error| match error {
        Error::Conflict(why) => why,
        other => panic!("{other}"),
    };
    assert!(refused(store.delete_asset(logo.id, None).await.unwrap_err()).contains("(Desk)"));
    assert!(refused(store.delete_phonebook(company.id, None).await.unwrap_err()).contains("(Desk)"));
    assert!(
        refused(
            store
                .update_phonebook(company.id, None, |b| {
                    b.name = "x".into();
                    Ok(())
                })
                .await
                .unwrap_err()
        )
        .contains("keeps its name")
    );
    store
        .update_phonebook(company.id, None, |b| {
            b.label = "Firm".into();
            Ok(())
        })
        .await
        .unwrap();
    store.delete_device(device.id, None).await.unwrap();

    // Every layer counts.
    let layer = || settings(json!({ "display": { "wallpaper": "logo.png" } }));
    let profile = store
        .create_profile(move |p, _| {
            (p.name, p.settings) = ("office".into(), layer());
            Ok(())
        })
        .await
        .unwrap();
    store
        .update_site(None, move |s, _| {
            s.enforced = layer();
            Ok(())
        })
        .await
        .unwrap();
    store
        .update_tenant("default", None, move |t, _| {
            t.settings = layer();
            Ok(())
        })
        .await
        .unwrap();
    let ring = AccountValues::validate(&json!({ "ringtone": "logo.png" }), Scope::Account).unwrap();
    store
        .create_account(move |a, _| {
            (a.name, a.values) = ("1001".into(), ring);
            Ok(())
        })
        .await
        .unwrap();
    let why = refused(store.delete_asset(logo.id, None).await.unwrap_err());
    assert!(why.ends_with("it is used by site, tenant default, profile office and account 1001"), "{why}");
    // A tenant's own takes over what the name means there.
    let own = add(&store, "logo.png", Some("default"), b"2").await.unwrap();
    let why = refused(store.delete_asset(own.id, None).await.unwrap_err());
    assert!(why.contains("tenant default") && !why.contains("(Desk)"), "{why}");
    let nothing = |s: &mut Settings| *s = Settings::default();
    store
        .update_profile(profile.id, None, move |p, _| {
            nothing(&mut p.settings);
            Ok(())
        })
        .await
        .unwrap();
    store
        .update_site(None, move |s, _| {
            nothing(&mut s.enforced);
            Ok(())
        })
        .await
        .unwrap();
    store.delete_asset(logo.id, None).await.unwrap();
    store.delete_phonebook(company.id, None).await.unwrap();
    assert_eq!(files(&place), 1);
}

#[tokio::test]
async fn a_name_that_stood_there_before_is_no_hindrance() {
    let place = Place::new();
    let store = place.store().await;
    let logo = add(&store, "logo", None, b"1").await.unwrap();
    let device = store
        .create_device(|d, _| {
            d.settings = settings(json!({ "display": { "logo": "logo" } }));
            Ok(())
        })
        .await
        .unwrap();
    store.close().await.unwrap();
    // As a database is that an older program wrote.
    sql(&place, "DELETE FROM assets").await;
    let store = place.store().await;
    assert!(store.library().assets().all(|a| a.id != logo.id));
    let more = settings(json!({ "display": { "logo": "logo", "text": "x" } }));
    store
        .update_device(device.id, None, move |d, _| {
            d.settings = more;
            Ok(())
        })
        .await
        .unwrap();
    let other = settings(json!({ "display": { "logo": "other" } }));
    assert!(matches!(
        store
            .update_device(device.id, None, move |d, _| {
                d.settings = other;
                Ok(())
            })
            .await,
        Err(Error::Invalid(_))
    ));
}

#[tokio::test]
async fn contacts_are_checked_and_bounded() {
    let place = Place::new();
    let store = place.store().await;
    let bad = store
        .create_phonebook(|b| {
            b.name = "a b".into();
            b.contacts = vec![Contact::default()];
            Ok(())
        })
        .await;
    assert!(matches!(bad, Err(Error::Invalid(faults)) if faults.iter().map(|f| f.field.as_str()).eq(["name", "contacts[0].name"])));
    let one = Contact { name: "A".into(), ..Contact::default() };
    let many = vec![one; offhook_core::phonebook::CONTACTS + 1];
    let many = store
        .create_phonebook(|b| {
            b.name = "many".into();
            b.contacts = many;
            Ok(())
        })
        .await;
    assert!(matches!(many, Err(Error::Invalid(faults)) if faults.len() == 1));
}
