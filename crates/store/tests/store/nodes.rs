//! Several nodes on one database: what one writes, the others have when the write is acknowledged; nothing is lost when connections are,
//! and a node that died hinders nobody. An embedded database has one node.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use offhook_core::{Error, asset::AssetKind};
use offhook_store::{NewPack, Seen, Store, What};

use crate::{common::*, requests::record};

/// Two nodes; none on an embedded database.
async fn two() -> Option<(Place, Store, Place, Store)> {
    two_of(Place::new()).await
}

async fn two_of(one: Place) -> Option<(Place, Store, Place, Store)> {
    if !on_postgres() {
        return None;
    }
    let first = one.store().await;
    let two = one.beside();
    let second = two.store().await;
    Some((one, first, two, second))
}

async fn site_language(store: &Store, language: &'static str) {
    let text = format!(r#"{{"locale":{{"language":"{language}"}}}}"#);
    store
        .update_site(None, move |s, _| {
            s.settings = settings(&text);
            Ok(())
        })
        .await
        .unwrap();
}

fn changes_of(store: &Store) -> Arc<Mutex<Vec<What>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hook = heard.clone();
    store.on_change(move |changes| hook.lock().unwrap().extend(changes.iter().map(|c| c.what.clone())));
    heard
}

/// Asks again and again until it is so.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !so().await {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_one_writes_the_other_has_when_it_is_acknowledged() {
    let Some((_a, first, _b, second)) = two().await else { return };
    let heard = changes_of(&second);
    for (n, language) in ["fr", "de", "it", "en"].into_iter().enumerate() {
        site_language(&first, language).await;
        assert_eq!(second.configuration().site, first.configuration().site);
        let d = device(&first, n as u64).await;
        let what = What::Device { id: d.id, mac: d.mac, former_mac: None };
        assert!(heard.lock().unwrap().contains(&what), "the other's caches hear of it: {:?}", heard.lock().unwrap());
        assert_eq!(second.device(d.id).await.unwrap(), Some(d));
    }
    let p = second
        .create_profile(|p, _| {
            p.name = "p".into();
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(first.configuration().profile(None, "p"), Some(&p));
    let d = device_with(&first, 9, |d| d.profiles = vec!["p".into()]).await.unwrap();
    assert!(matches!(second.delete_profile(p.id, None).await, Err(Error::Conflict(_))));
    second.delete_device(d.id, Some(1)).await.unwrap();
    assert_eq!(first.device(d.id).await.unwrap(), None);
    let (token, text) = first.create_token("t", offhook_core::token::Role::Operator, None).await.unwrap();
    assert!(second.verify_token(&text).await.unwrap().is_some());
    first.revoke_token(token.id).await.unwrap();
    assert!(second.verify_token(&text).await.unwrap().is_none(), "a token that was revoked there is refused here");
}

#[tokio::test]
async fn bytes_are_on_every_node_and_go_from_all() {
    let Some((_a, first, b, second)) = two().await else { return };
    let blob = async |store: &Store, bytes: &[u8]| {
        let mut blob = store.new_blob().await.unwrap();
        blob.write(bytes).await.unwrap();
        blob.finish().await.unwrap()
    };
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let firmware = first.add_firmware("big.rom", "p", blob(&first, &bytes).await).await.unwrap();
    assert_eq!(second.shelf().get("BIG.rom"), Some(&firmware));
    let read = async |store: &Store| {
        let mut all = Vec::new();
        let mut file = store.open_firmware(&firmware).await.unwrap();
        tokio::io::AsyncReadExt::read_to_end(&mut file, &mut all).await.unwrap();
        all
    };
    assert!(read(&second).await == bytes);
    // What lies in the folder is a copy, and what is wrong with it is mended.
    let copy = b.options.data_dir.join("blobs").join(&firmware.sha256);
    let mut wrong = bytes.clone();
    wrong[2_000_000] ^= 1;
    std::fs::write(&copy, &wrong).unwrap();
    second.close().await.unwrap();
    let second = b.store().await;
    assert!(read(&second).await == bytes);
    std::fs::remove_file(&copy).unwrap();
    assert!(read(&second).await == bytes);
    let asset = second
        .add_asset(offhook_store::NewAsset { name: "logo.png".into(), tenant: None, kind: AssetKind::Png }, blob(&second, b"logo").await);
    let asset = asset.await.unwrap();
    assert_eq!(first.library().asset(None, "logo.png").unwrap().id, asset.id);
    let count = || _a.database.as_ref().unwrap().sql("SELECT COUNT(*) FROM blobs");
    assert_eq!(count(), "2");
    second.delete_firmware(firmware.id).await.unwrap();
    assert!(first.shelf().is_empty());
    assert_eq!(count(), "1");
    drop(blob(&first, b"nobody takes these").await);
    until("bytes that nobody took go", async || count() == "1").await;
    first.delete_asset(asset.id, None).await.unwrap();
    assert_eq!((count(), _a.database.as_ref().unwrap().sql("SELECT COUNT(*) FROM blob_chunks")), ("0".into(), "0".into()));
}

#[tokio::test]
async fn both_write_at_once_and_nothing_is_lost() {
    let Some((_a, first, _b, second)) = two().await else { return };
    both_write(first, second).await;
}

#[tokio::test]
async fn nothing_is_lost_whatever_isolation_the_database_has_by_default() {
    let place = Place::new();
    if let Some(database) = &place.database {
        let set = "ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''";
        database.sql(&format!("DO $$ BEGIN EXECUTE format('{set}', current_database()); END $$"));
    }
    let Some((_a, first, _b, second)) = two_of(place).await else { return };
    both_write(first, second).await;
}

async fn both_write(first: Store, second: Store) {
    let one = device(&first, 1).await;
    let tasks = (0..40_u64).map(|n| {
        let store = if n % 2 == 0 { first.clone() } else { second.clone() };
        tokio::spawn(async move {
            store
                .update_device(one.id, None, move |d, _| {
                    d.tags.push(format!("t{n}"));
                    Ok(())
                })
                .await
                .unwrap();
            store
                .create_profile(move |p, _| {
                    p.name = format!("p{n}");
                    Ok(())
                })
                .await
                .unwrap();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    for store in [&first, &second] {
        let d = store.device(one.id).await.unwrap().unwrap();
        assert_eq!((d.tags.len(), d.revision), (40, 41));
        assert_eq!(store.configuration().profiles().count(), 40);
    }
    let same = (first.create_profile(named), second.create_profile(named));
    let (x, y) = tokio::join!(same.0, same.1);
    assert_eq!([&x, &y].iter().filter(|r| matches!(r, Err(Error::Conflict(_)))).count(), 1, "a name is taken once: {x:?} {y:?}");
}

fn named(p: &mut offhook_core::profile::Profile, _: &offhook_core::configuration::Configuration) -> Result<(), Error> {
    p.name = "same".into();
    Ok(())
}

#[tokio::test]
async fn what_was_missed_is_made_up_for() {
    let Some((a, first, _b, second)) = two().await else { return };
    let database = a.database.as_ref().unwrap();
    for language in ["fr", "de", "it"] {
        database.cut();
        site_language(&first, language).await;
        until("the cut node catches up", async || second.configuration().site == first.configuration().site).await;
        assert!(second.device_by_mac(mac(1)).await.unwrap().is_none(), "and reads again");
    }
    // What is kept of the changes does not reach back to what this node knows.
    let heard = changes_of(&second);
    database.sql("BEGIN; SELECT pg_advisory_xact_lock(31356312439713643); DELETE FROM changes; INSERT INTO changes VALUES (500, 'configuration', ''); UPDATE site SET revision = 77; COMMIT");
    until("a node far behind reads everything", async || second.configuration().site.revision == 77).await;
    assert!(heard.lock().unwrap().contains(&What::Everything));
    site_language(&second, "en").await;
    assert_eq!(first.configuration().site.revision, 78);
    second.health().await.unwrap();
}

#[tokio::test]
async fn a_node_that_died_hinders_nobody() {
    let Some((a, first, _b, second)) = two().await else { return };
    // As if killed: its row stays, and nobody tells anything.
    a.database.as_ref().unwrap().sql("INSERT INTO nodes SELECT 'dead', beat, 0 FROM nodes LIMIT 1");
    let begin = Instant::now();
    for n in 0..20_u64 {
        device(&first, n).await;
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "one write waits for a second, and not each");
    site_language(&first, "fr").await;
    assert_eq!(second.configuration().site, first.configuration().site, "those that live are waited for still");
    second.close().await.unwrap();
    assert_eq!(a.database.as_ref().unwrap().sql("SELECT COUNT(*) FROM nodes WHERE id <> 'dead'"), "1");
}

#[tokio::test]
async fn packs_are_loaded_before_the_write_is_acknowledged() {
    let Some((_a, first, _b, second)) = two().await else { return };
    let loaded = Arc::new(AtomicU64::new(0));
    let (count, loading) = (loaded.clone(), second.clone());
    let task = tokio::spawn(async move {
        loop {
            let change = loading.packs_changed().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            count.store(loading.installed_packs().await.unwrap().len() as u64, Ordering::SeqCst);
            drop(change);
        }
    });
    // Whoever asks for changes of packs is waited for from then on.
    tokio::task::yield_now().await;
    for n in 1..=3 {
        let version = format!("{n}.0.0");
        let new = NewPack { pack: "p".into(), version, origin: String::new(), archive: vec![n as u8], by: "t".into() };
        first.install_pack(new).await.unwrap();
        assert_eq!(loaded.load(Ordering::SeqCst), n);
    }
    task.abort();
}

#[tokio::test]
async fn a_node_without_the_key_is_told_to_copy_it() {
    let Some((one, first, ..)) = two().await else { return };
    let place = one.beside();
    std::fs::remove_file(place.options.data_dir.join("secret.key")).unwrap();
    let said = place.refusal().await;
    assert!(said.contains("copy the key file of another node"), "{said}");
    assert!(!place.options.data_dir.join("secret.key").exists());
    let mut options = one.beside();
    options.options.url = options.options.url.replace("offhook@", "nobody:hidden-password@");
    let said = options.refusal().await;
    assert!(!said.contains("hidden-password"), "{said}");
    drop(first);
}

#[tokio::test]
async fn the_log_of_requests_is_bounded_for_all_nodes() {
    if !on_postgres() {
        return;
    }
    let mut one = Place::new();
    one.options.request_log_rows = 32;
    let first = one.store().await;
    let two = one.beside();
    let second = two.store().await;
    for round in 0..20 {
        for (whose, store) in [&first, &second].into_iter().enumerate() {
            let whose = whose as u8;
            let seen = (0..4_u8).map(|n| Seen { request: Some(record(round * 8 + whose * 4 + n, None)), ..Seen::default() }).collect();
            store.record(seen).await.unwrap();
        }
        let rows: u64 = one.database.as_ref().unwrap().sql("SELECT COUNT(*) FROM requests").parse().unwrap();
        assert!(rows <= 32 + 2 * 8, "{rows} in round {round}");
    }
}
