//! Archives: everything comes back as it was, secrets included, also into the other database; what is broken changes nothing.

use std::{fs, path::PathBuf, sync::Arc};

use offhook_core::{Error, asset::AssetKind, phonebook::Contact, request::Transport, token::Role, upload::UploadKind};
use offhook_store::{Author, Manifest, NewAsset, NewTemplate, NewUpload, Progress, Store, StoreOptions, UploadLimits, adopt_key, move_to};
use tokio::{io::AsyncReadExt, sync::mpsc};

use crate::common::*;

async fn blob(store: &Store, bytes: &[u8]) -> offhook_store::Blob {
    let mut writer = store.new_blob().await.unwrap();
    writer.write(bytes).await.unwrap();
    writer.finish().await.unwrap()
}

/// One of everything, at least; some of it changed, so that there is a history.
async fn furnished(place: &Place) -> Store {
    let store = place.store().await;
    let (admin, _) = store.create_token("somebody", Role::Admin, None).await.unwrap();
    let store = store.by(Author { token: admin.id, label: "somebody".into(), from: None, restores: None });
    store
        .create_tenant(|t, _| {
            t.name = "acme".into();
            Ok(())
        })
        .await
        .unwrap();
    let profile = store
        .create_profile(|p, _| {
            p.name = "office".into();
            p.settings = settings(r#"{"access":{"admin_password":"planted-profile-secret"}}"#);
            Ok(())
        })
        .await
        .unwrap();
    store
        .update_profile(profile.id, None, |p, _| {
            p.label = "changed".into();
            Ok(())
        })
        .await
        .unwrap();
    account(&store, "1001", false).await;
    let phone = device_with(&store, 1, |d| {
        d.profiles = vec!["office".into()];
        d.tags = ["floor-2".to_owned()].into();
        d.settings = settings(r#"{"lines":{"1":{"account":"1001"}},"time":{"zone":"Europe/Paris"}}"#);
    })
    .await
    .unwrap();
    let template = NewTemplate {
        scope: offhook_core::template::Scope::Site,
        pack: "p".into(),
        name: "base.tpl".into(),
        source: "text".into(),
        device_file: false,
        devices: Vec::new(),
        base_version: None,
        base_source: None,
        author: "ann".into(),
    };
    store.put_template(template, None).await.unwrap();
    store.add_firmware("P0S.sb2", "p", blob(&store, &[7; 300_000]).await).await.unwrap();
    let logo = NewAsset { name: "logo".into(), tenant: None, kind: AssetKind::Png };
    store.add_asset(logo, blob(&store, b"picture").await).await.unwrap();
    store
        .create_phonebook(|b| {
            b.name = "all".into();
            b.contacts = vec![Contact { name: "Zoë".into(), ..Contact::default() }];
            Ok(())
        })
        .await
        .unwrap();
    let sent = NewUpload {
        device: phone.id,
        name: "log".into(),
        file: "log.txt".into(),
        kind: UploadKind::Log,
        ip: "10.0.0.9".parse().unwrap(),
        transport: Transport::Http,
    };
    store
        .add_upload(sent, UploadLimits { versions: 2, device: 1 << 20, total: 1 << 20 }, blob(&store, b"log of a phone").await)
        .await
        .unwrap();
    store
}

async fn saved(store: &Store, file: &std::path::Path, with_key: bool) -> Manifest {
    let (send, mut pieces) = mpsc::channel::<offhook_core::Result<Vec<u8>>>(4);
    let writing = async {
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.recv().await {
            bytes.extend(piece.unwrap());
        }
        bytes
    };
    let saving = async move { store.backup(with_key, &send).await };
    let (manifest, bytes) = tokio::join!(saving, writing);
    fs::write(file, bytes).unwrap();
    manifest.unwrap()
}

/// What must be there again; the secrets in clear.
async fn shown(store: &Store) -> Vec<String> {
    let phone = store.device_by_mac(mac(1)).await.unwrap().unwrap();
    let mut firmware = Vec::new();
    let stored = store.shelf().get("P0S.sb2").cloned().unwrap();
    store.open_firmware(&stored).await.unwrap().read_to_end(&mut firmware).await.unwrap();
    vec![
        format!("{:?} {:?} {:?}", phone.id, phone.settings, phone.tags),
        format!("{:?}", store.configuration().profiles().collect::<Vec<_>>()),
        format!("{:?}", store.configuration().tenants.keys()),
        format!("{:?}", store.account_by_name("default", "1001").await.unwrap().map(|a| a.values)),
        format!("{:?}", store.library()),
        format!("{:?}", store.tokens().await.unwrap()),
        format!("{:?}", store.uploads(phone.id).await.unwrap()),
        format!("{} {}", firmware.len(), firmware.iter().all(|b| *b == 7)),
    ]
}

fn archive(place: &Place) -> PathBuf {
    place.dir.path().join("backup.tar.gz")
}

#[tokio::test]
async fn everything_comes_back_as_it_was() {
    let place = Place::new();
    let store = furnished(&place).await;
    let before = shown(&store).await;
    let file = archive(&place);
    let manifest = saved(&store, &file, false).await;
    for (table, least) in
        [("devices", 1), ("history", 1), ("audit", 8), ("device_search", 1), ("templates", 1), ("uploads", 1), ("tokens", 1)]
    {
        assert!(manifest.tables[table].rows >= least, "{table}: {:?}", manifest.tables);
    }
    assert_eq!((manifest.blobs, manifest.blob_bytes), (3, 300_021));
    let bytes = fs::read(&file).unwrap();
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&*bytes), &mut plain).unwrap();
    let text = String::from_utf8_lossy(&plain);
    assert!(!text.contains("planted-") && text.contains("Europe/Paris") && !text.contains("secret.key"));

    // Everything is changed, then put back.
    let phone = store.device_by_mac(mac(1)).await.unwrap().unwrap();
    store.delete_device(phone.id, None).await.unwrap();
    device(&store, 2).await;
    let firmware = store.shelf().get("P0S.sb2").cloned().unwrap();
    store.delete_firmware(firmware.id).await.unwrap();
    let epoch = store.configuration().epoch;
    let changes = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = changes.clone();
    store.on_change(move |list| heard.lock().unwrap().extend(list.iter().map(|c| format!("{:?}", c.what))));
    store.restore(&file, Progress::default()).await.unwrap();
    assert_eq!(shown(&store).await, before);
    assert!(store.configuration().epoch > epoch, "caches would take new for old");
    assert!(store.device_by_mac(mac(2)).await.unwrap().is_none());
    assert_eq!(fs::read_dir(place.options.data_dir.join("blobs")).unwrap().count(), 3);
    let heard = changes.lock().unwrap().join(" ");
    assert!(["Everything", "Configuration"].iter().all(|w| heard.contains(w)), "{heard}");
    let newest = store.audit(&Default::default(), &Default::default()).await.unwrap().items.remove(0);
    assert_eq!((newest.action.as_str(), newest.noun.as_str()), ("restore", "store"));

    // And after a start.
    store.close().await.unwrap();
    assert_eq!(shown(&place.store().await).await, before);
}

#[tokio::test]
async fn what_is_deleted_meanwhile_is_in_the_archive() {
    let place = Place::new();
    let store = furnished(&place).await;
    let mut firmware = Vec::new();
    for n in 0..8u8 {
        firmware.push(store.add_firmware(&format!("f{n}"), "p", blob(&store, &[n; 200_000]).await).await.unwrap().id);
    }
    let (send, mut pieces) = mpsc::channel(1);
    let saving = store.clone();
    let saving = tokio::spawn(async move { saving.backup(false, &send).await });
    let mut bytes = pieces.recv().await.unwrap().unwrap();
    for id in firmware {
        store.delete_firmware(id).await.unwrap();
    }
    while let Some(piece) = pieces.recv().await {
        bytes.extend(piece.unwrap());
    }
    let manifest = saving.await.unwrap().unwrap();
    fs::write(archive(&place), bytes).unwrap();
    assert_eq!(store.check_archive(&archive(&place)).await.unwrap(), manifest);
    store.restore(&archive(&place), Progress::default()).await.unwrap();
    assert_eq!(store.shelf().iter().count(), 9);
}

#[tokio::test]
async fn who_asks_is_not_locked_out_and_a_trial_changes_nothing() {
    let place = Place::new();
    let store = furnished(&place).await;
    let file = archive(&place);
    saved(&store, &file, false).await;
    let (late, _) = store.create_token("late", Role::Admin, None).await.unwrap();
    device(&store, 2).await;
    let late = store.by(Author { token: late.id, label: "late".into(), from: None, restores: None });
    late.dry().restore(&file, Progress::default()).await.unwrap();
    assert!(store.device_by_mac(mac(2)).await.unwrap().is_some());
    late.restore(&file, Progress::default()).await.unwrap();
    assert!(store.device_by_mac(mac(2)).await.unwrap().is_none());
    let labels: Vec<String> = store.tokens().await.unwrap().into_iter().map(|t| t.label).collect();
    assert!(labels.contains(&"late".to_owned()) && labels.contains(&"somebody".to_owned()), "{labels:?}");
    device(&store, 3).await;
}

#[tokio::test]
async fn what_is_broken_changes_nothing() {
    let place = Place::new();
    let store = furnished(&place).await;
    let file = archive(&place);
    saved(&store, &file, false).await;
    let whole = fs::read(&file).unwrap();
    let before = shown(&store).await;
    for (what, bytes) in [
        ("cut", whole[..whole.len() - 40].to_vec()),
        ("half", whole[..whole.len() / 2].to_vec()),
        ("nothing", Vec::new()),
        ("no archive", b"hello".to_vec()),
        ("twice", [&*whole, &*whole].concat()),
    ] {
        fs::write(&file, bytes).unwrap();
        let refused = store.restore(&file, Progress::default()).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{what}: {refused:?}");
    }
    let mut refused = 0;
    for at in (100..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        fs::write(&file, bytes).unwrap();
        // Some bits of a compressed stream mean nothing: what passes is what was saved.
        match store.restore(&file, Progress::default()).await {
            Err(Error::Invalid(_)) => refused += 1,
            passed => assert!(passed.is_ok(), "byte {at}: {passed:?}"),
        }
        assert_eq!(shown(&store).await, before, "byte {at}");
    }
    assert!(refused > 30, "{refused}");
    assert_eq!(fs::read_dir(place.options.data_dir.join("blobs")).unwrap().count(), 3);
}

#[tokio::test]
async fn another_key_is_refused_unless_the_store_is_new() {
    let (place, other) = (Place::new(), Place::new());
    let store = furnished(&place).await;
    let before = shown(&store).await;
    let (bare, keyed) = (archive(&place), place.dir.path().join("keyed.tar.gz"));
    saved(&store, &bare, false).await;
    saved(&store, &keyed, true).await;

    assert!(adopt_key(&bare, &other.options).unwrap_err().to_string().contains("secret.key"));
    assert!(adopt_key(&keyed, &other.options).unwrap(), "the key comes with the archive");
    let new = other.store().await;
    new.restore(&bare, Progress::default()).await.unwrap();
    assert_eq!(shown(&new).await, before);

    let third = Place::new();
    let third_store = third.store().await;
    assert!(!adopt_key(&keyed, &third.options).unwrap(), "it has a key of its own");
    for file in [&bare, &keyed] {
        let Err(Error::Invalid(faults)) = third_store.restore(file, Progress::default()).await else { panic!("another key was taken") };
        assert!(faults[0].message.contains("another key") && faults[0].message.contains("--offline"), "{faults:?}");
    }
}

#[tokio::test]
async fn an_archive_of_either_database_goes_into_the_other() {
    let place = Place::new();
    let store = furnished(&place).await;
    let before = shown(&store).await;
    let file = archive(&place);
    let manifest = saved(&store, &file, true).await;
    let dir = tempfile::tempdir().unwrap();
    // The other one than that of this suite.
    let mut options = StoreOptions::in_dir(dir.path().join("data"));
    let database = (!on_postgres()).then(offhook_tests::postgres::Database::new);
    if let Some(database) = &database {
        options.url = database.url();
    }
    assert!(adopt_key(&file, &options).unwrap());
    let other = Store::open(options, place.clock.clone(), Arc::new(Dice)).await.unwrap();
    other.restore(&file, Progress::default()).await.unwrap();
    assert_eq!(shown(&other).await, before);
    let again = saved(&other, &dir.path().join("again"), false).await;
    for (table, sum) in &manifest.tables {
        // A restore says that devices are to fetch again; it wrote the log by nobody.
        assert_eq!(again.tables[table], *sum, "{table}");
    }
}

#[tokio::test]
async fn everything_moves_to_the_other_database_and_back() {
    let place = Place::new();
    let store = furnished(&place).await;
    let before = shown(&store).await;
    let running = move_to(place.options.clone(), "sqlite:x.db", place.clock.clone(), Arc::new(Dice), Progress::default()).await;
    assert!(running.unwrap_err().to_string().contains("already runs"));
    store.close().await.unwrap();

    let database = (!on_postgres()).then(offhook_tests::postgres::Database::new);
    let there = database.as_ref().map_or_else(|| "sqlite:moved.db".to_owned(), |d| d.url());
    let moving = |from: StoreOptions, to: String| {
        let clock = place.clock.clone();
        async move { move_to(from, &to, clock, Arc::new(Dice), Progress::default()).await }
    };
    let moved = moving(place.options.clone(), there.clone()).await.unwrap();
    assert_eq!(moved.tables["devices"].rows, 1);
    let twice = moving(place.options.clone(), there.clone()).await.unwrap_err().to_string();
    assert!(twice.contains("not empty"), "{twice}");
    let same = moving(place.options.clone(), place.options.url.clone()).await.unwrap_err().to_string();
    assert!(same.contains("in use"), "{same}");

    let options = StoreOptions { url: there, ..place.options.clone() };
    let other = Store::open(options.clone(), place.clock.clone(), Arc::new(Dice)).await.unwrap();
    assert_eq!(shown(&other).await, before);
    other.close().await.unwrap();
    let back = moving(options, "sqlite:back.db".into()).await.unwrap();
    assert_eq!(back.tables["history"], moved.tables["history"]);
    let options = StoreOptions { url: "sqlite:back.db".into(), ..place.options.clone() };
    let again = Store::open(options, place.clock.clone(), Arc::new(Dice)).await.unwrap();
    assert_eq!(shown(&again).await, before);
}
