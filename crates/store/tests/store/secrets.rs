//! No secret stands anywhere on the disk in clear.

use std::fs;

use offhook_core::settings::RawSecrets;
use offhook_store::StoreOptions;

use crate::common::*;

const PLANTED: [&str; 7] = [
    "planted-account-secret",
    "planted-device-secret",
    "planted-profile-secret",
    "planted-site-secret",
    "planted-tenant-secret",
    "planted-raw-secret",
    "planted-code",
];

#[tokio::test]
async fn no_planted_secret_is_on_the_disk() {
    let mut place = Place::new();
    let mut raw = RawSecrets::default();
    raw.add("apack", &["quiet_name"]);
    place.options = StoreOptions { raw_secrets: raw, ..place.options };
    let store = place.store().await;
    let a = account(&store, "1001", false).await;
    store
        .update_account(a.id, None, |a, _| {
            a.code = Some("planted-code".into());
            Ok(())
        })
        .await
        .unwrap();
    let d = device_with(&store, 1, |d| {
        d.settings = settings(
            r#"{"lines":{"1":{"username":"u","password":"planted-device-secret"}},"raw":{"apack":{"quiet_name":"planted-raw-secret","account.1.password":77123456}},
                "provisioning":{"url":"http://user:planted-device-secret@host/"}}"#,
        );
    })
    .await
    .unwrap();
    let p = store
        .create_profile(|p, _| {
            p.name = "p".into();
            p.settings = settings(r#"{"access":{"menu_pin":"4711","admin_password":"planted-profile-secret"}}"#);
            Ok(())
        })
        .await
        .unwrap();
    store
        .update_site(None, |s, _| {
            s.settings = settings(r#"{"access":{"admin_password":"planted-site-secret"}}"#);
            Ok(())
        })
        .await
        .unwrap();
    store
        .update_tenant("default", None, |t, _| {
            t.enforced = settings(r#"{"access":{"user_password":"planted-tenant-secret"}}"#);
            Ok(())
        })
        .await
        .unwrap();
    let (token, text) = store.create_token("t", offhook_core::token::Role::Admin, None).await.unwrap();
    assert!(store.verify_token(&text).await.unwrap().is_some_and(|t| t.id == token.id));

    let look = || {
        let mut contents = Vec::new();
        for entry in fs::read_dir(&place.options.data_dir).unwrap() {
            let path = entry.unwrap().path();
            if !path.is_dir() && !path.ends_with("secret.key") {
                contents.push((path.display().to_string(), fs::read(&path).unwrap()));
            }
        }
        contents.extend(place.database.as_ref().map(|d| ("the database".to_owned(), d.dump())));
        for (name, content) in &contents {
            for secret in PLANTED.iter().copied().chain([text.as_str(), "77123456", "4711"]) {
                let found = content.windows(secret.len()).any(|w| w == secret.as_bytes());
                assert!(!found, "{secret} stands in {name}");
            }
        }
        contents.iter().map(|(_, content)| content.len()).sum::<usize>()
    };
    assert!(look() > 10_000, "the log and the database were looked at");
    store.close().await.unwrap();
    look();

    let store = place.store().await;
    assert_eq!(store.device(d.id).await.unwrap().unwrap().settings, d.settings);
    assert_eq!(store.configuration().profile(None, "p"), Some(&p));
    assert_eq!(store.account(a.id).await.unwrap().unwrap().code.as_deref(), Some("planted-code"));
    // Debug knows no pack's list of raw parameters; what the model knows as secret it masks.
    let debug = format!("{:?}", store.device(d.id).await.unwrap());
    assert!(!debug.contains("planted-device-secret"));
}

#[tokio::test]
async fn derived_keys_differ_and_last() {
    let place = Place::new();
    let store = place.store().await;
    let (generate, hash) = (store.master_key_for("generate"), store.master_key_for("hash"));
    assert_ne!(generate, hash);
    store.close().await.unwrap();
    let file = fs::read_to_string(place.options.data_dir.join("secret.key")).unwrap();
    let hex: String = generate.iter().map(|b| format!("{b:02x}")).collect();
    assert_ne!(file.trim(), hex);
    assert_eq!(place.store().await.master_key_for("generate"), generate);
    assert_ne!(Place::new().store().await.master_key_for("generate"), generate);
}
