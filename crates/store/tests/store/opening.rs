//! What opens, what does not, and what the operator is told.

use std::{fs, os::unix::fs::PermissionsExt};

use offhook_core::Error;
use sqlx::{Connection, Executor};

use crate::common::*;

pub async fn sql(place: &Place, text: &'static str) {
    if let Some(database) = &place.database {
        database.sql(text);
        return;
    }
    sqlx::any::install_default_drivers();
    let file = place.options.data_dir.join("offhook.db");
    let mut conn = sqlx::AnyConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    conn.execute(text).await.unwrap();
    conn.close().await.unwrap();
}

async fn used() -> Place {
    let place = Place::new();
    let store = place.store().await;
    device(&store, 1).await;
    store.close().await.unwrap();
    place
}

#[tokio::test]
async fn files_are_their_owners_alone() {
    let place = Place::new();
    let store = place.store().await;
    device(&store, 1).await;
    let mode = |name: &str| fs::metadata(place.options.data_dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    let database: &[&str] = if on_postgres() { &[] } else { &["offhook.db", "offhook.db-wal"] };
    for name in ["secret.key", "store.lock"].iter().chain(database) {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

#[tokio::test]
async fn without_its_key_it_stays_shut() {
    let place = used().await;
    let key = place.options.data_dir.join("secret.key");
    let away = place.dir.path().join("away");
    fs::rename(&key, &away).unwrap();
    let why = place.refusal().await;
    assert!(why.contains("secret.key") && why.contains("restore"), "{why}");
    assert!(!key.exists(), "no new key is made over a lost one");
    fs::write(&key, format!("{}\n", "ab".repeat(32))).unwrap();
    assert!(place.refusal().await.contains("not the one that this database was written with"));
    fs::write(&key, "junk").unwrap();
    assert!(place.refusal().await.contains("64 hexadecimal digits"));
    fs::rename(&away, &key).unwrap();
    assert!(place.store().await.device_by_mac(mac(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn two_at_once_are_one_too_many() {
    let place = Place::new();
    let store = place.store().await;
    assert!(place.refusal().await.contains("another offhook"));
    store.close().await.unwrap();
    place.store().await;
}

#[tokio::test]
async fn a_newer_or_foreign_schema_is_refused() {
    let place = used().await;
    sql(&place, "INSERT INTO migrations VALUES (999, 'future', 'x', 0)").await;
    let why = place.refusal().await;
    assert!(why.contains("schema 999") && why.contains("newer offhook"), "{why}");
    sql(&place, "DELETE FROM migrations WHERE number = 999").await;
    sql(&place, "UPDATE migrations SET checksum = 'other' WHERE number = 1").await;
    assert!(place.refusal().await.contains("another build"));
}

#[tokio::test]
async fn bad_urls_say_what_is_allowed() {
    let mut place = Place::new();
    for url in ["mysql://x", "sqlite:", "sqlite::memory:", "sqlite:a?mode=ro"] {
        place.options.url = url.into();
        assert!(place.refusal().await.contains("write sqlite:FILE"), "{url}");
    }
    place.options.url = "sqlite:odd name #1%.db".into();
    place.store().await;
    assert!(place.options.data_dir.join("odd name #1%.db").exists());
}

#[tokio::test]
async fn closed_is_closed() {
    let place = Place::new();
    let store = place.store().await;
    store.health().await.unwrap();
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(store.health().await, Err(Error::Unavailable(_))));
    let late = device_with(&store, 1, |_| {}).await;
    assert!(matches!(late, Err(Error::Unavailable(_))));
    let wal = place.options.data_dir.join("offhook.db-wal");
    assert!(fs::metadata(wal).map_or(0, |m| m.len()) == 0, "the log was brought home");
}

#[tokio::test]
async fn a_sealed_value_opens_only_in_its_place() {
    let place = Place::new();
    let store = place.store().await;
    let secret = r#"{"access":{"admin_password":"one"}}"#;
    let a = device_with(&store, 1, move |d| d.settings = settings(secret)).await.unwrap();
    device(&store, 2).await;
    store.close().await.unwrap();
    sql(&place, "UPDATE devices SET settings = (SELECT settings FROM devices WHERE mac = '00:15:65:00:00:01')").await;
    let store = place.store().await;
    assert!(store.device(a.id).await.is_ok());
    let moved = store.device_by_mac(mac(2)).await.unwrap_err();
    assert!(matches!(&moved, Error::Internal(text) if !text.contains("one\"")), "{moved:?}");
}
