//! What phones sent: bounded, the oldest go first, bytes go with the last row.

use std::fs;

use offhook_core::{Error, Id, request::Transport, upload::UploadKind};
use offhook_store::{NewUpload, Store, UploadLimits};
use tokio::io::AsyncReadExt;

use crate::common::*;

const LIMITS: UploadLimits = UploadLimits { versions: 2, device: 100, total: 150 };

async fn sent(store: &Store, device: Id, name: &str, bytes: &[u8]) -> offhook_core::Result<Id> {
    let mut blob = store.new_blob().await.unwrap();
    blob.write(bytes).await.unwrap();
    let new = NewUpload {
        device,
        name: name.into(),
        file: format!("{name}.txt"),
        kind: UploadKind::Log,
        ip: "10.0.0.9".parse().unwrap(),
        transport: Transport::Tftp,
    };
    store.add_upload(new, LIMITS, blob.finish().await.unwrap()).await.map(|u| u.id)
}

fn blobs(place: &Place) -> usize {
    fs::read_dir(place.options.data_dir.join("blobs")).unwrap().count()
}

async fn ids(store: &Store, device: Id) -> Vec<Id> {
    store.uploads(device).await.unwrap().iter().map(|u| u.id).collect()
}

#[tokio::test]
async fn the_oldest_make_room() {
    let place = Place::new();
    let store = place.store().await;
    let (one, two) = (device(&store, 1).await.id, device(&store, 2).await.id);
    let first = sent(&store, one, "log", b"first").await.unwrap();
    place.clock.forward(1);
    let second = sent(&store, one, "log", b"second").await.unwrap();
    place.clock.forward(1);
    let third = sent(&store, one, "log", b"first").await.unwrap();
    assert_eq!(ids(&store, one).await, [third, second], "two versions of a name are kept, the newest first");
    assert_ne!(first, third);
    assert_eq!(blobs(&place), 2, "the same bytes lie there once");
    let upload = store.uploads(one).await.unwrap().remove(0);
    assert_eq!((upload.file.as_str(), upload.size, upload.kind), ("log.txt", 5, UploadKind::Log));
    let mut bytes = Vec::new();
    store.open_upload(&upload).await.unwrap().read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"first");

    place.clock.forward(1);
    let big = sent(&store, one, "calls", &[7; 95]).await.unwrap();
    assert_eq!(ids(&store, one).await, [big, third], "a device has so many bytes");
    place.clock.forward(1);
    let other = sent(&store, two, "log", &[8; 90]).await.unwrap();
    assert_eq!(ids(&store, one).await, [] as [Id; 0], "and so have all together");
    assert_eq!((ids(&store, two).await, blobs(&place)), (vec![other], 1));
}

#[tokio::test]
async fn uploads_go_with_their_device_and_outlive_a_restart() {
    let place = Place::new();
    let store = place.store().await;
    let id = device(&store, 1).await.id;
    let upload = sent(&store, id, "log", b"text").await.unwrap();
    store.close().await.unwrap();
    let store = place.store().await;
    assert_eq!((ids(&store, id).await, blobs(&place)), (vec![upload], 1));
    assert!(matches!(store.delete_upload(upload, upload).await, Err(Error::NotFound { .. })));
    store.delete_device(id, None).await.unwrap();
    assert_eq!(blobs(&place), 0);
    assert!(matches!(sent(&store, id, "log", b"text").await, Err(Error::NotFound { .. })));
    assert_eq!(blobs(&place), 0, "what nobody takes leaves nothing");
}

#[tokio::test]
async fn several_firmware_files_come_all_or_none() {
    let place = Place::new();
    let store = place.store().await;
    let blob = async |bytes: &[u8]| {
        let mut blob = store.new_blob().await.unwrap();
        blob.write(bytes).await.unwrap();
        blob.finish().await.unwrap()
    };
    let kept = store.add_firmware("b.bin", "p", blob(b"same").await).await.unwrap();
    let set = vec![("a.bin".to_owned(), "p".to_owned(), blob(b"new").await), ("B.bin".to_owned(), "p".to_owned(), blob(b"same").await)];
    let added = store.add_firmware_set(set).await.unwrap();
    assert_eq!((added.len(), &added[1]), (2, &kept), "what is there with these bytes stays");
    let set = vec![("c.bin".to_owned(), "p".to_owned(), blob(b"more").await), ("b.bin".to_owned(), "p".to_owned(), blob(b"other").await)];
    assert!(matches!(store.add_firmware_set(set).await, Err(Error::Conflict(_))));
    assert!(store.shelf().get("c.bin").is_none());
    assert_eq!(blobs(&place), 2);
}
