//! Template overrides: saved, replaced, deleted; who is outdated by them.

use offhook_core::{
    Error, Id,
    configuration::LayerSelector,
    template::{Scope, TemplateOverride},
};
use offhook_store::NewTemplate;

use crate::common::*;

fn new(scope: &str, name: &str, source: &str) -> NewTemplate {
    NewTemplate {
        scope: Scope::parse(scope).unwrap(),
        pack: "acme".into(),
        name: name.into(),
        source: source.into(),
        device_file: false,
        devices: Vec::new(),
        base_version: Some("1.0.0".into()),
        base_source: None,
        author: "ann".into(),
    }
}

#[tokio::test]
async fn an_override_is_kept_replaced_and_gone() {
    let place = Place::new();
    let store = place.store().await;
    let one = store.put_template(new("site", "Base.tpl", "a"), Some(0)).await.unwrap();
    assert_eq!(store.put_template(new("site", "base.TPL", "b"), Some(0)).await.unwrap_err(), Error::Stale { revision: 1 });
    let same = store.put_template(NewTemplate { author: "bob".into(), ..new("site", "Base.tpl", "a") }, None).await.unwrap();
    assert_eq!((same.revision, same.author.as_str()), (1, "ann"));
    place.clock.forward(5);
    let two = store.put_template(new("site", "base.TPL", "b"), Some(1)).await.unwrap();
    assert_eq!((two.id, two.revision, two.created_at), (one.id, 2, one.created_at));
    assert!(two.updated_at > one.updated_at);
    store.close().await.unwrap();
    let store = place.store().await;
    let held: Vec<TemplateOverride> = store.configuration().templates.iter().map(|t| (**t).clone()).collect();
    assert_eq!(held, std::slice::from_ref(&two));
    assert_eq!(store.delete_template(two.id, Some(1), Vec::new()).await.unwrap_err(), Error::Stale { revision: 2 });
    store.delete_template(two.id, Some(2), Vec::new()).await.unwrap();
    assert!(store.configuration().templates.is_empty());
    assert!(matches!(store.delete_template(two.id, None, Vec::new()).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn what_cannot_be_is_said_with_its_field() {
    let place = Place::new();
    let store = place.store().await;
    let faults = |n: NewTemplate| {
        let store = store.clone();
        async move {
            let error = store.put_template(n, None).await.unwrap_err();
            fields(&error).into_iter().map(str::to_owned).collect::<Vec<_>>()
        }
    };
    assert_eq!(faults(new("tenant:ghost", "", "")).await, ["scope", "name"]);
    assert_eq!(faults(new("site", "base.tpl", "a\0b")).await, ["source"], "no text of PostgreSQL");
    for name in ["@pack/base.tpl", "../x.tpl", "a//b.tpl", "a\nb", "a\\b", " a"] {
        assert_eq!(faults(new("site", name, "")).await, ["name"], "{name:?}");
    }
    assert_eq!(faults(NewTemplate { pack: "acme@1".into(), ..new("site", "a", &"x".repeat(600_000)) }).await, ["pack", "source"]);
    let all = store.put_templates(vec![(new("site", "a.tpl", ""), None), (new("tenant:ghost", "a.tpl", ""), None)]).await;
    assert!(all.is_err() && store.configuration().templates.is_empty(), "all or none");
}

#[tokio::test]
async fn a_tenant_with_overrides_is_not_deleted() {
    let place = Place::new();
    let store = place.store().await;
    store
        .create_tenant(|t, _| {
            t.name = "a".into();
            Ok(())
        })
        .await
        .unwrap();
    let one = store.put_template(new("tenant:a", "base.tpl", ""), None).await.unwrap();
    let refusal = store.delete_tenant("a", None).await.unwrap_err().to_string();
    assert!(refusal.contains("1 template override:"), "{refusal}");
    store.delete_template(one.id, None, Vec::new()).await.unwrap();
    store.delete_tenant("a", None).await.unwrap();
}

#[tokio::test]
async fn a_common_override_moves_the_tag_and_one_device_s_its_generation() {
    let place = Place::new();
    let store = place.store().await;
    let device = store
        .create_device(|d, _| {
            (d.mac, d.pack) = (Some(mac(1)), Some("acme@1.0.0".into()));
            Ok(())
        })
        .await
        .unwrap();
    let selector = |tenant: &str, pack: &str| LayerSelector { tenant: tenant.into(), pack: Some(pack.into()), ..LayerSelector::default() };
    let tags = || {
        let held = store.configuration();
        [("default", "acme@1.0.0"), ("default", "acme"), ("default", "other")].map(|(t, p)| held.layers_tag(&selector(t, p)))
    };
    let before = tags();
    let own = NewTemplate {
        device_file: true,
        devices: vec![device.id, Id::from_parts(device.created_at, [9; 10])],
        ..new("site", "000001.cfg.tpl", "")
    };
    let own = store.put_template(own, None).await.unwrap();
    let generation = || async { store.device(device.id).await.unwrap().unwrap().generation };
    assert_eq!((tags(), generation().await), (before, device.generation + 1));
    store.delete_template(own.id, None, vec![device.id]).await.unwrap();
    assert_eq!((tags(), generation().await), (before, device.generation + 2));
    let base = store.put_template(new("site", "base.tpl", ""), None).await.unwrap();
    let after = tags();
    assert!(after[0] != before[0] && after[1] != before[1] && after[2] == before[2], "{before:?} {after:?}");
    assert_eq!(generation().await, device.generation + 2);
    store.delete_template(base.id, None, Vec::new()).await.unwrap();
    assert_eq!(tags(), before);
}
