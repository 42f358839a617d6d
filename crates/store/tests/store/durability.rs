//! What was acknowledged is there: after a kill, after a torn log, among thousands at once.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use offhook_core::clock::Clock;
use offhook_store::{DeviceFilter, DeviceSort, Page, Store, StoreOptions};
use rand::RngExt;

use crate::common::*;

const DIR: &str = "OFFHOOK_CRASH_DIR";
const FIRST: &str = "OFFHOOK_CRASH_FIRST";
const URL: &str = "OFFHOOK_CRASH_URL";

/// Not a test by itself: the process that the next one kills. Prints the number of each write that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_one_that_is_killed() {
    let (Ok(dir), Ok(first)) = (std::env::var(DIR), std::env::var(FIRST)) else { return };
    let first: u64 = first.parse().unwrap();
    let place = Place::new();
    let options = StoreOptions { url: std::env::var(URL).unwrap(), ..StoreOptions::in_dir(dir) };
    let store = Store::open(options, place.clock.clone(), Arc::new(Dice)).await.unwrap();
    let tasks = (0..8).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in (first + task..).step_by(8) {
                device_with(&store, n, |d| d.settings = settings(r#"{"access":{"admin_password":"s"}}"#)).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {n}").unwrap();
                out.flush().unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn killed_at_any_moment_it_keeps_what_it_acknowledged() {
    let place = Place::new();
    let (_, here) = module_path!().split_once("::").unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0u64..10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("{here}::the_one_that_is_killed"), "--nocapture"])
            .env(DIR, &place.options.data_dir)
            .env(URL, &place.options.url)
            .env(FIRST, (round * 100_000 + 1).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Killed when it is in full swing: after some acknowledgements, amid the next writes.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut numbers = lines.by_ref().filter_map(|l| l.split_once("acknowledged ")?.1.parse::<u64>().ok());
        acknowledged.extend(numbers.by_ref().take(rand::rng().random_range(20..120)));
        child.kill().unwrap();
        acknowledged.extend(numbers);
        child.wait().unwrap();

        let store = place.store().await;
        for n in &acknowledged {
            assert!(store.device_by_mac(mac(*n)).await.unwrap().is_some(), "{n} was acknowledged in round {round} or before and is gone");
        }
        device(&store, round * 100_000 + 99_999).await;
        store.close().await.unwrap();
    }
    assert!(acknowledged.len() >= 200, "only {} writes in ten rounds", acknowledged.len());
}

#[tokio::test]
async fn a_torn_log_loses_only_its_end() {
    // The log of a server is the server's.
    if on_postgres() {
        return;
    }
    let place = Place::new();
    let store = place.store().await;
    for n in 1..=20 {
        device(&store, n).await;
    }
    // What a stop of the machine leaves: the files as they are now, the log cut amid its last page.
    let copy = Place::new();
    fs::create_dir_all(&copy.options.data_dir).unwrap();
    for name in ["offhook.db", "offhook.db-wal", "secret.key"] {
        fs::copy(place.options.data_dir.join(name), copy.options.data_dir.join(name)).unwrap();
    }
    let wal = fs::File::options().write(true).open(copy.options.data_dir.join("offhook.db-wal")).unwrap();
    let length = wal.metadata().unwrap().len();
    wal.set_len(length - 1000).unwrap();
    let torn = copy.store().await;
    for n in 1..=19 {
        assert!(torn.device_by_mac(mac(n)).await.unwrap().is_some(), "{n}");
    }
    assert!(torn.device_by_mac(mac(20)).await.unwrap().is_none(), "the last transaction is whole or not there");
    device(&torn, 20).await;
}

async fn many(count: u64) -> (Place, Store, Duration) {
    let place = Place::new();
    let store = place.store().await;
    let began = Instant::now();
    let tasks = (1..=count).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            device_with(&store, n, move |d| {
                d.model = Some(["T46S", "T28P", "CP-7960"][n as usize % 3].into());
                d.settings = settings(&format!(r#"{{"lines":{{"1":{{"username":"{n}","password":"secret{n}"}}}}}}"#));
            })
            .await
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    (place, store, began.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_written_together() {
    let (_place, store, _) = many(1_000).await;
    assert_eq!(store.count_devices().await.unwrap()["ready"], 1_000);
    assert_eq!(store.configuration().epoch, 0, "devices do not touch the configuration");
}

/// `cargo test -p offhook-store --test store -- --ignored --nocapture figures`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures; run by hand"]
async fn figures() {
    let say = |what: &str, took: Duration, n: u32| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{what}: {took:?}, {:?} each", took / n).unwrap();
    };
    let (place, store, took) = many(10_000).await;
    say("10,000 devices created at once", took, 10_000);
    let p = store
        .create_profile(|p, _| {
            p.name = "all".into();
            Ok(())
        })
        .await
        .unwrap();
    let began = Instant::now();
    for n in 1..=200 {
        let id = store.device_by_mac(mac(n)).await.unwrap().unwrap().id;
        store
            .update_device(id, None, |d, _| {
                d.profiles = vec!["all".into()];
                Ok(())
            })
            .await
            .unwrap();
    }
    say("200 updates, one after the other", began.elapsed(), 200);
    let began = Instant::now();
    for n in 0..100 {
        store
            .update_profile(p.id, None, move |p, _| {
                p.label = n.to_string();
                Ok(())
            })
            .await
            .unwrap();
    }
    say("100 changes of a profile, 10,000 devices", began.elapsed(), 100);
    let began = Instant::now();
    for n in 1..=2_000 {
        store.device_for_serving(mac(n), &store.configuration()).await.unwrap().unwrap();
    }
    say("2,000 look-ups for serving", began.elapsed(), 2_000);
    let began = Instant::now();
    let mut page = Page { sort: DeviceSort::Label, limit: 1000, ..Page::default() };
    while {
        page.cursor = store.devices(&DeviceFilter::default(), &page).await.unwrap().next_cursor;
        page.cursor.is_some()
    } {}
    say("10 pages of 1,000", began.elapsed(), 10);
    let began = Instant::now();
    let seen: Vec<_> = store.devices(&DeviceFilter::default(), &Page { limit: 1000, ..Page::default() }).await.unwrap().items;
    let all = seen
        .iter()
        .map(|d| offhook_store::Seen {
            device: Some(d.id),
            last_seen: Some(crate::common::seen(place.clock.now().as_millis(), "10.1.2.3")),
            ..Default::default()
        })
        .collect();
    store.record(all).await.unwrap();
    say("1,000 sightings in one batch (and reading a page)", began.elapsed(), 1_000);
    let began = Instant::now();
    store.close().await.unwrap();
    say("closing", began.elapsed(), 1);
    let began = Instant::now();
    place.store().await;
    say("opening", began.elapsed(), 1);
}
