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
    store.revoke_token(token.id).await.unwrap();
    assert!(store.ensure_admin_token(&file).await.unwrap(), "a lost last token is mended by a restart");
}
