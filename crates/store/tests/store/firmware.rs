//! Firmware: names without letter case, bytes as blobs.

use std::fs;

use offhook_core::Error;
use offhook_store::{Blob, Store};
use tokio::io::AsyncReadExt;

use crate::common::*;

async fn blob(store: &Store, bytes: &[u8]) -> Blob {
    let mut writer = store.new_blob().await.unwrap();
    for part in bytes.chunks(3) {
        writer.write(part).await.unwrap();
    }
    assert_eq!(writer.written(), bytes.len() as u64);
    writer.finish().await.unwrap()
}

fn files(place: &Place) -> usize {
    fs::read_dir(place.options.data_dir.join("blobs")).unwrap().count()
}

#[tokio::test]
async fn names_are_found_in_any_case_and_bytes_are_whole() {
    let place = Place::new();
    let store = place.store().await;
    let b = blob(&store, b"hello firmware").await;
    assert_eq!(b.sha256(), "836bdaaef7134e769cf2c51b1494bb1602a3975412f7893e8b153ce20bbf3acd");
    let f = store.add_firmware("P0S3-8-12-00.sb2", "apack", b).await.unwrap();
    assert_eq!(store.shelf().get("p0s3-8-12-00.SB2"), Some(&f));
    let mut bytes = Vec::new();
    store.open_firmware(&f).await.unwrap().read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"hello firmware");
    let twice = store.add_firmware("P0S3-8-12-00.SB2", "apack", blob(&store, b"other").await).await;
    assert!(matches!(twice, Err(Error::Conflict(_))));
    assert_eq!(files(&place), 1, "what was refused left no bytes");
    for bad in ["", "../x", "a/b", "a\\b", "..", "x\n"] {
        assert!(matches!(store.add_firmware(bad, "apack", blob(&store, b"x").await).await, Err(Error::Invalid(_))), "{bad:?}");
    }
    fs::write(store.firmware_path(&f), b"cut").unwrap();
    if on_postgres() {
        // It was a copy.
        let mut bytes = Vec::new();
        store.open_firmware(&f).await.unwrap().read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes.len() as u64, f.size);
        return;
    }
    assert!(matches!(store.open_firmware(&f).await, Err(Error::Internal(text)) if text.contains("add it again")));
}

#[tokio::test]
async fn bytes_stay_while_a_name_needs_them() {
    let place = Place::new();
    let store = place.store().await;
    let a = store.add_firmware("a", "p", blob(&store, b"same").await).await.unwrap();
    let b = store.add_firmware("b", "p", blob(&store, b"same").await).await.unwrap();
    assert_eq!((a.sha256.as_str(), files(&place)), (b.sha256.as_str(), 1));
    let held = blob(&store, b"same").await;
    store.delete_firmware(a.id).await.unwrap();
    store.delete_firmware(b.id).await.unwrap();
    assert_eq!((store.shelf().len(), files(&place)), (0, 1), "somebody is about to use them");
    drop(held);
    assert_eq!(files(&place), 0);
    assert!(matches!(store.delete_firmware(a.id).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn leftovers_go_at_the_next_start() {
    let place = Place::new();
    let store = place.store().await;
    let f = store.add_firmware("a", "p", blob(&store, b"kept").await).await.unwrap();
    let mut part = store.new_blob().await.unwrap();
    part.write(b"half").await.unwrap();
    drop(part);
    assert_eq!(files(&place), 1);
    fs::write(place.options.data_dir.join("blobs/1234.part"), b"x").unwrap();
    store.close().await.unwrap();
    let store = place.store().await;
    assert_eq!((files(&place), store.shelf().get("A")), (1, Some(&f)));
}
