//! What was acknowledged is there: after a kill, after a torn log, among thousands at once.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use offhook_core::{account::Account, clock::Clock, configuration::Configuration, profile::Profile};
use offhook_store::{DeviceFilter, DeviceSort, Page, Store, StoreOptions};
use rand::{RngExt, SeedableRng};
use sqlx::{AnyConnection, Connection};

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

/// What becomes of the log's file when the machine stops: its end is missing, or is not what was written.
#[derive(Debug)]
enum Damage {
    Cut,
    Flip,
}

/// One write of a kind that its number tells.
async fn numbered(store: &Store, n: u64) {
    match n % 3 {
        0 => {
            let named = move |p: &mut Profile, _: &Configuration| {
                p.name = format!("p{n}");
                Ok(())
            };
            drop(store.create_profile(named).await.unwrap());
        }
        1 => {
            let named = move |a: &mut Account, _: &Configuration| {
                a.name = format!("a{n}");
                Ok(())
            };
            drop(store.create_account(named).await.unwrap());
        }
        _ => drop(device(store, n).await),
    }
}

/// The numbers of the writes that are there.
async fn present(store: &Store, writes: u64) -> Vec<u64> {
    let mut found = Vec::new();
    for n in 1..=writes {
        let there = match n % 3 {
            0 => store.configuration().profiles().any(|p| p.name == format!("p{n}")),
            1 => store.account_by_name("default", &format!("a{n}")).await.unwrap().is_some(),
            _ => store.device_by_mac(mac(n)).await.unwrap().is_some(),
        };
        if there {
            found.push(n);
        }
    }
    found
}

async fn number(conn: &mut AnyConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
}

#[tokio::test]
async fn a_log_torn_at_a_hundred_places_keeps_all_that_was_acknowledged_before() {
    // The log of a server is the server's.
    if on_postgres() {
        return;
    }
    const WRITES: u64 = 24;
    let place = Place::new();
    // Schema and first rows are in the database itself, the log begins with the first write.
    place.store().await.close().await.unwrap();
    let store = place.store().await;
    let file = |place: &Place, name: &str| place.options.data_dir.join(name);
    let log_length = || fs::metadata(file(&place, "offhook.db-wal")).unwrap().len();
    let mut lengths = vec![log_length()];
    for n in 1..=WRITES {
        numbered(&store, n).await;
        lengths.push(log_length());
    }
    assert!(lengths.windows(2).all(|pair| pair[0] < pair[1]), "each write is in the log: {lengths:?}");
    let files = ["offhook.db", "offhook.db-wal", "secret.key"].map(|name| (name, fs::read(file(&place, name)).unwrap()));

    let seed: u64 = std::env::var("OFFHOOK_SEED").map_or_else(|_| rand::rng().random(), |s| s.parse().unwrap());
    eprintln!("OFFHOOK_SEED={seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut kept = BTreeSet::new();
    for round in 0..100 {
        let damage = if round % 2 == 0 { Damage::Cut } else { Damage::Flip };
        let at = random.random_range(0..lengths[WRITES as usize]);
        let torn = Place::new();
        fs::create_dir_all(&torn.options.data_dir).unwrap();
        for (name, bytes) in &files {
            let mut bytes = bytes.clone();
            match damage {
                _ if *name != "offhook.db-wal" => {}
                Damage::Cut => bytes.truncate(at as usize),
                Damage::Flip => bytes[at as usize] ^= 1 << random.random_range(0..8),
            }
            fs::write(file(&torn, name), bytes).unwrap();
        }
        let what = format!("seed {seed}, round {round}: {damage:?} at {at}");
        let store = torn.open().await.unwrap_or_else(|why| panic!("{what}: {why}"));
        // What was whole before that place, and nothing behind it.
        let whole = lengths.iter().skip(1).filter(|length| **length <= at).count() as u64;
        assert_eq!(present(&store, WRITES).await, (1..=whole).collect::<Vec<_>>(), "{what}");
        kept.insert(whole);
        // Memory goes on from what is there.
        let next = Arc::new(AtomicU64::new(0));
        let told = next.clone();
        store.on_change(move |changes| told.store(changes[0].seq, Ordering::SeqCst));
        numbered(&store, 1000).await;
        store.close().await.unwrap();
        let mut conn = AnyConnection::connect(&format!("sqlite:{}", file(&torn, "offhook.db").display())).await.unwrap();
        let said: String = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut conn).await.unwrap();
        assert_eq!(said, "ok", "{what}");
        let (count, newest) =
            (number(&mut conn, "SELECT COUNT(*) FROM changes").await, number(&mut conn, "SELECT MAX(seq) FROM changes").await);
        assert_eq!((newest as u64, count), (next.load(Ordering::SeqCst), newest), "{what}: changes are numbered without a gap");
    }
    assert!(kept.len() > 10, "places all over the log: {kept:?}");
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
