//! Site, tenants, profiles and accounts, and what is held in memory of them.

use offhook_core::Error;
use offhook_store::{AccountFilter, AccountUses, Page};

use crate::common::*;

#[tokio::test]
async fn memory_is_what_was_written() {
    let place = Place::new();
    let store = place.store().await;
    let epoch = store.configuration().epoch;
    assert!(store.configuration().tenants.contains_key("default"));
    let p = store
        .create_profile(|p, _| {
            p.name = "reception".into();
            p.settings = settings(r#"{"access":{"admin_password":"planted-profile-secret"}}"#);
            p.matches = Some(offhook_core::settings::Match { model: Some("T46S".into()), ..Default::default() });
            p.unset = vec!["keys.5".parse().unwrap()];
            Ok(())
        })
        .await
        .unwrap();
    let held = store.configuration();
    assert_eq!(held.profile(Some("default"), "reception"), Some(&p));
    assert!(held.epoch > epoch);
    let site = store
        .update_site(Some(1), |s, _| {
            s.enforced = settings(r#"{"locale":{"language":"fr"}}"#);
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!((site.revision, &store.configuration().site), (2, &site));
    assert_eq!(store.update_site(Some(1), |_, _| Ok(())).await.unwrap_err(), Error::Stale { revision: 2 });
    store.close().await.unwrap();
    let again = place.store().await;
    assert_eq!(again.configuration().profile(None, "reception"), Some(&p));
    assert_eq!(again.configuration().site, site);
    assert!(again.configuration().epoch > held.epoch);
}

#[tokio::test]
async fn parents_exist_and_make_no_circle() {
    let place = Place::new();
    let store = place.store().await;
    let make = |name: &'static str, parents: &'static [&'static str], tenant: Option<&'static str>| {
        let store = store.clone();
        async move {
            store
                .create_profile(move |p, _| {
                    p.name = name.into();
                    p.tenant = tenant.map(Into::into);
                    p.parents = parents.iter().map(|p| (*p).into()).collect();
                    Ok(())
                })
                .await
        }
    };
    assert_eq!(fields(&make("a", &["ghost"], None).await.unwrap_err()), ["parents"]);
    let a = make("a", &[], None).await.unwrap();
    let b = make("b", &["a"], None).await.unwrap();
    assert!(matches!(make("b", &[], None).await, Err(Error::Conflict(_))));
    let circle = store
        .update_profile(a.id, None, |p, _| {
            p.parents = vec!["b".into()];
            Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(fields(&circle), ["parents"]);
    // A tenant's own profile of the name would close a circle for that tenant alone.
    assert_eq!(fields(&make("a", &["b"], Some("default")).await.unwrap_err()), ["parents"]);
    assert!(store.configuration().profile(Some("default"), "a").unwrap().tenant.is_none());
    assert!(matches!(store.delete_profile(a.id, None).await, Err(Error::Conflict(text)) if text.contains('b')));
    let rename = store
        .update_profile(a.id, None, |p, _| {
            p.name = "z".into();
            Ok(())
        })
        .await;
    assert!(matches!(rename, Err(Error::Conflict(_))));
    store.delete_profile(b.id, None).await.unwrap();
    store.delete_profile(a.id, None).await.unwrap();
}

#[tokio::test]
async fn a_profile_in_use_stays() {
    let place = Place::new();
    let store = place.store().await;
    let p = store
        .create_profile(|p, _| {
            p.name = "p".into();
            Ok(())
        })
        .await
        .unwrap();
    let d = device_with(&store, 1, |d| d.profiles = vec!["p".into()]).await.unwrap();
    assert!(
        matches!(store.delete_profile(p.id, None).await, Err(Error::Conflict(text)) if text.ends_with(&format!("it is used by device {}", d.mac.unwrap())))
    );
    store
        .update_device(d.id, None, |d, _| {
            d.profiles.clear();
            Ok(())
        })
        .await
        .unwrap();
    store.delete_profile(p.id, None).await.unwrap();
}

#[tokio::test]
async fn tenants_keep_what_is_theirs() {
    let place = Place::new();
    let store = place.store().await;
    let acme = store
        .create_tenant(|t, _| {
            t.name = "acme".into();
            t.networks = vec!["10.1.0.0/16".parse().unwrap()];
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(store.configuration().tenants["acme"], acme);
    assert!(matches!(
        store
            .create_tenant(|t, _| {
                t.name = "acme".into();
                Ok(())
            })
            .await,
        Err(Error::Conflict(_))
    ));
    let same_net = store
        .create_tenant(|t, _| {
            t.name = "b".into();
            t.networks = vec!["10.1.0.0/16".parse().unwrap()];
            Ok(())
        })
        .await;
    assert!(matches!(same_net, Err(Error::Conflict(_))));
    assert_eq!(
        fields(
            &store
                .create_tenant(|t, _| {
                    t.name = "No Good".into();
                    Ok(())
                })
                .await
                .unwrap_err()
        ),
        ["name"]
    );
    let d = device_with(&store, 1, |d| d.tenant = "acme".into()).await.unwrap();
    assert!(matches!(store.delete_tenant("acme", None).await, Err(Error::Conflict(text)) if text.contains("has 1 device:")));
    store.delete_device(d.id, None).await.unwrap();
    store.delete_tenant("acme", Some(1)).await.unwrap();
    assert!(matches!(store.delete_tenant("default", None).await, Err(Error::Conflict(_))));
    assert!(matches!(store.delete_tenant("acme", None).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn accounts_are_listed_by_use() {
    let place = Place::new();
    let store = place.store().await;
    for name in ["1001", "1002", "1003"] {
        account(&store, name, false).await;
    }
    let twice = store
        .create_account(|a, _| {
            a.name = "1001".into();
            Ok(())
        })
        .await;
    assert!(matches!(twice, Err(Error::Conflict(_))));
    device_with(&store, 1, |d| d.settings = settings(r#"{"lines":{"1":{"account":"1002"}}}"#)).await.unwrap();
    let names = |filter: AccountFilter, limit| {
        let store = store.clone();
        async move {
            let mut page = Page { limit, ..Page::default() };
            let mut names = Vec::new();
            loop {
                let listed = store.accounts(&filter, &page).await.unwrap();
                names.extend(listed.items.into_iter().map(|a| a.name));
                page.cursor = listed.next_cursor;
                if page.cursor.is_none() {
                    return names;
                }
            }
        }
    };
    assert_eq!(names(AccountFilter::default(), 2).await, ["1001", "1002", "1003"]);
    assert_eq!(names(AccountFilter { unassigned: true, ..Default::default() }, 9).await, ["1001", "1003"]);
    assert_eq!(names(AccountFilter { q: Some("03".into()), ..Default::default() }, 9).await, ["1003"]);
    let used = store.account_by_name("default", "1002").await.unwrap().unwrap();
    assert_eq!(store.account(used.id).await.unwrap().as_ref(), Some(&used));
    assert_eq!(store.account_uses(&used).await.unwrap(), AccountUses { devices: 1, layers: 0 });
    let rename = store
        .update_account(used.id, None, |a, _| {
            a.name = "x".into();
            Ok(())
        })
        .await;
    assert!(matches!(rename, Err(Error::Conflict(_))));
    let unshared = store
        .create_profile(|p, _| {
            p.name = "p".into();
            p.settings = settings(r#"{"lines":{"1":{"account":"1001"}}}"#);
            Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(fields(&unshared), ["settings.lines.1.account"]);
    assert!(store.configuration().profile(None, "p").is_none(), "a refused write leaves memory as it was");
}

#[tokio::test]
async fn letters_beyond_ascii_are_found_whatever_the_locale() {
    let place = Place::new();
    let store = place.store().await;
    account(&store, "Ärzte", false).await;
    device_with(&store, 1, |d| d.settings = settings(r#"{"lines":{"1":{"account":"Ärzte"}}}"#)).await.unwrap();
    for q in ["Är", "ÄR"] {
        let found = store.accounts(&AccountFilter { q: Some(q.into()), ..Default::default() }, &Page::default()).await.unwrap();
        assert_eq!(found.items.len(), 1, "{q}");
    }
}
