//! Tokens: shown once, kept as a sum, ending when they should.

use std::{fs, os::unix::fs::PermissionsExt};

use offhook_core::{
    Error,
    clock::Clock,
    token::{PREFIX, Role},
};

use crate::common::*;

#[tokio::test]
async fn a_token_is_valid_until_it_ends_or_is_revoked() {
    let place = Place::new();
    let store = place.store().await;
    let end = place.clock.now().plus(std::time::Duration::from_secs(60));
    let (short, text) = store.create_token("short", Role::ReadOnly, Some(end)).await.unwrap();
    let (long, other) = store.create_token("long", Role::Admin, None).await.unwrap();
    assert!(text.starts_with(PREFIX) && text != other);
    assert_eq!(store.verify_token(&text).await.unwrap().map(|t| (t.id, t.role)), Some((short.id, Role::ReadOnly)));
    assert!(store.verify_token("offhook_wrong").await.unwrap().is_none());
    place.clock.forward(60_000);
    assert!(store.verify_token(&text).await.unwrap().is_none());
    assert!(store.verify_token(&other).await.unwrap().is_some());
    store.create_token("another", Role::Admin, None).await.unwrap();
    store.revoke_token(long.id).await.unwrap();
    assert!(store.verify_token(&other).await.unwrap().is_none());
    assert!(matches!(store.revoke_token(long.id).await, Err(Error::NotFound { .. })));
    assert_eq!(fields(&store.create_token("late", Role::Admin, Some(end)).await.unwrap_err()), ["expires_at"]);
}

#[tokio::test]
async fn its_use_is_noted_to_the_minute() {
    let place = Place::new();
    let store = place.store().await;
    let (_, text) = store.create_token("t", Role::Admin, None).await.unwrap();
    store.verify_token(&text).await.unwrap();
    // The note is a write like others: it is done when the store has closed.
    tokio::task::yield_now().await;
    device(&store, 1).await;
    store.close().await.unwrap();
    let used = place.store().await.tokens().await.unwrap()[0].last_used_at.unwrap().as_millis();
    assert!(used % 60_000 == 0 && place.clock.now().as_millis() - used < 60_000);
}

#[tokio::test]
async fn the_first_start_leaves_an_admin_token() {
    let place = Place::new();
    let store = place.store().await;
    let file = place.options.data_dir.join("admin.token");
    assert!(store.ensure_admin_token(&file).await.unwrap());
    assert!(!store.ensure_admin_token(&file).await.unwrap());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let token = store.verify_token(fs::read_to_string(&file).unwrap().trim()).await.unwrap().unwrap();
    assert_eq!(token.role, Role::Admin);
}

#[tokio::test]
async fn an_expired_admin_token_is_mended_by_a_restart() {
    let place = Place::new();
    let store = place.store().await;
    let file = place.options.data_dir.join("admin.token");
    let end = place.clock.now().plus(std::time::Duration::from_secs(60));
    store.create_token("short", Role::Admin, Some(end)).await.unwrap();
    assert!(!store.ensure_admin_token(&file).await.unwrap());
    place.clock.forward(60_000);
    assert!(store.ensure_admin_token(&file).await.unwrap());
}

#[tokio::test]
async fn of_admin_tokens_revoked_at_once_one_stays() {
    let place = Place::new();
    let store = place.store().await;
    let end = place.clock.now().plus(std::time::Duration::from_secs(60));
    let (ending, _) = store.create_token("ending", Role::Admin, Some(end)).await.unwrap();
    let (reader, _) = store.create_token("reader", Role::ReadOnly, None).await.unwrap();
    place.clock.forward(60_000);
    let mut admins = Vec::new();
    for _ in 0..8 {
        admins.push(store.create_token("admin", Role::Admin, None).await.unwrap().0.id);
    }
    let revoked = futures_util::future::join_all(admins.iter().map(|id| store.revoke_token(*id))).await;
    assert_eq!(revoked.iter().filter(|r| matches!(r, Err(Error::Conflict(_)))).count(), 1);
    assert_eq!(store.tokens().await.unwrap().len(), 3);
    store.revoke_token(ending.id).await.unwrap();
    store.revoke_token(reader.id).await.unwrap();
}
