//! Every filter in every order: the same devices as a person would pick and sort them, page by page, and no query that reads or sorts
//! more than it must.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    cmp::Ordering,
    sync::{
        Arc,
        atomic::{self, AtomicU64},
    },
};

use offhook_core::{
    Mac,
    clock::{Clock, Entropy, Timestamp},
    device::{LastFetch, LastSeen},
    request::Transport,
};
use offhook_tests::postgres::Database;
use sqlx::AssertSqlSafe;

use super::*;
use crate::{Seen, StoreOptions};

const DEVICES: u64 = 240;
/// What counts as few here, so that there are filters that fit few and filters that fit many.
const FEW_HERE: u64 = 20;
const SORTS: [DeviceSort; 6] = DeviceSort::ALL;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }
}

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        // Never the same twice; that is all that ids and seals need here.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, atomic::Ordering::Relaxed).to_be_bytes();
        buffer.fill(0);
        for (byte, of_count) in buffer.iter_mut().rev().zip(count.iter().rev()) {
            *byte = *of_count;
        }
    }
}

async fn store(dir: &std::path::Path, database: Option<&Database>) -> Store {
    let mut options = StoreOptions::in_dir(dir);
    if let Some(database) = database {
        options.url = database.url();
    }
    let store = Store::open(options, Arc::new(Fixed), Arc::new(Fixed)).await.unwrap();
    for tenant in ["acme", "tiny"] {
        let named = |t: &mut offhook_core::tenant::Tenant, _: &offhook_core::configuration::Configuration| {
            t.name = tenant.into();
            Ok(())
        };
        store.create_tenant(named).await.unwrap();
    }
    for profile in ["sales", "rare"] {
        let named = |p: &mut offhook_core::profile::Profile, _: &offhook_core::configuration::Configuration| {
            p.name = profile.into();
            Ok(())
        };
        store.create_profile(named).await.unwrap();
    }
    for n in 0..DEVICES {
        let device = store
            .create_device(move |d, _| {
                fill(d, n);
                Ok(())
            })
            .await
            .unwrap();
        if !n.is_multiple_of(3) {
            leave_traces(&store, &device, n).await;
        }
    }
    // Those that fetched before are outdated now.
    let edit = |d: &mut Device, _: &offhook_core::configuration::Configuration| {
        d.settings = of(r#"{"time":{"zone":"Europe/Oslo"}}"#);
        Ok(())
    };
    for n in (1..DEVICES).step_by(60) {
        let id = store.device_by_mac(mac(n)).await.unwrap().unwrap().id;
        store.update_device(id, None, edit).await.unwrap();
    }
    store
}

fn of(text: &str) -> offhook_core::settings::Settings {
    offhook_core::settings::Settings::validate(&serde_json::from_str(text).unwrap(), offhook_core::settings::Scope::Device).unwrap()
}

fn mac(n: u64) -> Mac {
    let b = (n * 7919 % 65_536).to_be_bytes();
    Mac::new([0x00, 0x15, 0x65, 0x10, b[6], b[7]]).unwrap()
}

/// Many of everything, and few; values that are alike, so that the id decides.
fn fill(d: &mut Device, n: u64) {
    d.mac = (n % 10 != 9 || n % 60 == 1).then(|| mac(n));
    d.tenant = if n % 50 == 3 {
        "tiny"
    } else if n.is_multiple_of(2) {
        "acme"
    } else {
        "default"
    }
    .into();
    d.vendor = Some(if n % 40 == 7 { "other" } else { "maker" }.into());
    d.model = (!n.is_multiple_of(7)).then(|| if n % 45 == 8 { "R1".into() } else { format!("T{}", n % 4) });
    d.pack = Some(
        if n % 30 == 2 {
            "maker@1.0.0"
        } else if n % 44 == 5 {
            "other-one"
        } else {
            "maker"
        }
        .into(),
    );
    d.label = format!("{} {}", ["Desk", "desk", "Éa", "Zoo", ""][n as usize % 5], n % 11);
    d.location = if n % 41 == 9 { "Cellar 100%_x".into() } else { "Floor 1".into() };
    d.tags = if n % 39 == 1 { vec!["vip".into(), "all".into()] } else { vec!["all".into()] };
    d.profiles = if n % 37 == 4 { vec!["rare".into(), "sales".into()] } else { vec!["sales".into()] };
    if n % 38 == 6 {
        d.state = State::Disabled;
    }
}

async fn leave_traces(store: &Store, device: &Device, n: u64) {
    let seen = LastSeen {
        at: Timestamp::from_millis(1_800_000_000_000 + (n as i64 * 7) % 90),
        ip: format!("10.0.{}.{}", n % 4, n % 250).parse().unwrap(),
        transport: Transport::Http,
        path: "/x.cfg".into(),
        user_agent: None,
    };
    let layers_tag = store.configuration().layers_tag(&crate::selector_of(device)) + u64::from(n % 47 == 2);
    let fetch = LastFetch {
        at: seen.at,
        path: "/x.cfg".into(),
        hash: String::new(),
        server_url: String::new(),
        generation: device.generation,
        layers_tag,
    };
    let fetch = (n.is_multiple_of(2) || n % 60 == 1).then_some(fetch);
    store.record(vec![Seen { device: Some(device.id), last_seen: Some(seen), fetch, ..Seen::default() }]).await.unwrap();
}

/// Every filter alone, with many and with few that fit, and some together.
fn filters() -> Vec<DeviceFilter> {
    let text = |t: &str| Some(t.to_owned());
    let none = DeviceFilter::default;
    let mut filters = vec![
        none(),
        DeviceFilter { tenant: text("acme"), ..none() },
        DeviceFilter { tenant: text("tiny"), ..none() },
        DeviceFilter { state: Some(State::Ready), ..none() },
        DeviceFilter { state: Some(State::Disabled), ..none() },
        DeviceFilter { vendor: text("maker"), ..none() },
        DeviceFilter { vendor: text("other"), ..none() },
        DeviceFilter { model: text("T1"), ..none() },
        DeviceFilter { model: text("R1"), ..none() },
        DeviceFilter { pack: text("maker"), ..none() },
        DeviceFilter { pack: text("other-one"), ..none() },
        DeviceFilter { any_version_of: text("maker"), ..none() },
        DeviceFilter { any_version_of: text("other-one"), ..none() },
        DeviceFilter { profile: text("sales"), ..none() },
        DeviceFilter { profile: text("rare"), ..none() },
        DeviceFilter { tag: text("all"), ..none() },
        DeviceFilter { tag: text("vip"), ..none() },
        DeviceFilter { q: text("DESK 1"), ..none() },
        DeviceFilter { q: text("éa"), ..none() },
        DeviceFilter { q: text("0%_x"), ..none() },
        DeviceFilter { q: text("t1\n"), ..none() },
        DeviceFilter { q: text("10.0.3.1"), ..none() },
        DeviceFilter { q: text("o"), ..none() },
        DeviceFilter { q: text("nothing has this"), ..none() },
        DeviceFilter { q: text(&mac(20).bare()), ..none() },
        DeviceFilter { tenant: text("acme"), model: text("T2"), ..none() },
        DeviceFilter { tenant: text("acme"), tag: text("vip"), state: Some(State::Ready), ..none() },
        DeviceFilter { tag: text("all"), profile: text("sales"), q: text("floor"), vendor: text("maker"), ..none() },
    ];
    for sync in [Sync::Never, Sync::Current, Sync::Outdated] {
        filters.push(DeviceFilter { sync: Some(sync), ..none() });
        filters.push(DeviceFilter { sync: Some(sync), tenant: text("acme"), ..none() });
    }
    filters
}

fn reaches() -> [Reach; 4] {
    let of = |names: &[&str]| Reach::of(Some(Arc::new(names.iter().map(|n| (*n).to_owned()).collect())));
    [Reach::ALL, of(&["tiny"]), of(&["acme", "tiny"]), of(&["nobody"])]
}

/// Whether a device fits, without a database.
fn fits(store: &Store, filter: &DeviceFilter, d: &Device) -> bool {
    let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|w| w == value);
    let option = |value: &Option<String>| value.clone().unwrap_or_default();
    let holds = |q: &str| {
        let mac = d.mac.map(|m| format!("{m} {}", m.bare())).unwrap_or_default();
        let ip = d.last_seen.as_ref().map(|s| s.ip.to_string()).unwrap_or_default();
        let text = format!("{mac}\n{}\n{}\n{}\n{ip}", d.label, d.location, option(&d.model)).to_lowercase();
        Mac::parse(q).map_or_else(|| text.contains(&q.to_lowercase()), |m| d.mac == Some(m))
    };
    store.reach().sees(Some(&d.tenant))
        && is(&filter.tenant, &d.tenant)
        && filter.state.is_none_or(|s| s == d.state)
        && is(&filter.vendor, &option(&d.vendor))
        && is(&filter.model, &option(&d.model))
        && is(&filter.pack, &option(&d.pack))
        && filter.any_version_of.as_deref().is_none_or(|p| option(&d.pack).split('@').next() == Some(p))
        && filter.profile.as_ref().is_none_or(|p| d.profiles.contains(p))
        && filter.tag.as_ref().is_none_or(|t| d.tags.contains(t))
        && filter.sync.is_none_or(|s| store.sync_of(d) == s)
        && filter.q.as_deref().is_none_or(holds)
}

fn compared(sort: DeviceSort, a: &Device, b: &Device) -> Ordering {
    let mac = |d: &Device| d.mac.map(|m| m.to_string());
    let seen = |d: &Device| d.last_seen.as_ref().map(|s| s.at);
    let by = match sort {
        DeviceSort::Created => Ordering::Equal,
        DeviceSort::Mac => mac(a).cmp(&mac(b)),
        DeviceSort::Label => a.label.to_ascii_lowercase().cmp(&b.label.to_ascii_lowercase()),
        DeviceSort::Model => a.model.cmp(&b.model),
        DeviceSort::LastSeen => seen(a).cmp(&seen(b)),
        DeviceSort::Updated => a.updated_at.cmp(&b.updated_at),
    };
    by.then_with(|| a.id.to_string().cmp(&b.id.to_string()))
}

#[tokio::test]
async fn every_filter_in_every_order_gives_what_it_should_page_by_page() {
    every_list(None).await;
}

#[tokio::test]
async fn and_on_postgresql_too() {
    every_list(Some(Database::new())).await;
}

async fn every_list(database: Option<Database>) {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), database.as_ref()).await;
    let all = Page { limit: 1000, ..Page::default() };
    let all = store.devices(&DeviceFilter::default(), &all).await.unwrap().items;
    assert_eq!(all.len() as u64, DEVICES);
    let (mut few, mut many) = (0, 0);
    // A server is asked over a socket: fewer pages of fewer callers there.
    let (limit, callers) = if database.is_some() { (97, 2) } else { (29, 4) };
    for (reach, filter) in reaches().into_iter().take(callers).flat_map(|r| filters().into_iter().map(move |f| (r.clone(), f))) {
        let store = store.within(reach);
        let mut expected: Vec<&Device> = all.iter().filter(|d| fits(&store, &filter, d)).collect();
        assert_eq!(store.count_devices_that_fit(&filter).await.unwrap(), expected.len() as u64, "{filter:?}");
        for (sort, descending) in SORTS.into_iter().flat_map(|s| [(s, false), (s, true)]) {
            expected.sort_by(|a, b| compared(sort, a, b));
            if descending {
                expected.reverse();
            }
            if expected.len() as u64 <= FEW_HERE {
                few += 1
            } else {
                many += 1
            }
            let mut found = Vec::new();
            let mut page = Page { sort, descending, cursor: None, limit };
            loop {
                let listed = store.devices_by(&filter, &page, FEW_HERE).await.unwrap();
                assert!(listed.items.len() == limit as usize || listed.next_cursor.is_none());
                found.extend(listed.items.into_iter().map(|d| d.id));
                page.cursor = listed.next_cursor;
                if page.cursor.is_none() {
                    break;
                }
            }
            let expected: Vec<_> = expected.iter().map(|d| d.id).collect();
            assert_eq!(found, expected, "{filter:?} by {} descending {descending}", sort.as_str());
        }
    }
    assert!(few > 100 && many > 100, "{few} lists of few, {many} of many: both ways are to be tried");
}

#[tokio::test]
async fn no_list_reads_the_table_or_sorts_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), None).await;
    let mut walked = 0;
    for (reach, filter) in reaches().into_iter().flat_map(|r| filters().into_iter().map(move |f| (r.clone(), f))) {
        let store = store.within(reach);
        let conditions = conditions(&filter, store.reach(), store.shared.dialect);
        for condition in &conditions {
            let plan = plan(&store, condition.counted(10)).await;
            assert!(!scans(&plan), "{filter:?} is counted by {plan:#?}");
        }
        for (sort, descending) in SORTS.into_iter().flat_map(|s| [(s, false), (s, true)]) {
            let way = store.way(&conditions, filter.order(sort), FEW_HERE).await.unwrap();
            let first = Page { sort, descending, cursor: None, limit: 5 };
            let next = store.devices_by(&filter, &first, FEW_HERE).await.unwrap().next_cursor;
            for page in [Some(first.clone()), next.map(|cursor| Page { cursor: Some(cursor), ..first })].into_iter().flatten() {
                let name = format!("devices {}", sort.as_str());
                let (select, clauses, order) = query(&way, &conditions, filter.order(sort), &name);
                for sql in clauses.queries(&select, order, &page).unwrap().1 {
                    let plan = plan(&store, sql).await;
                    let what = format!("{filter:?} by {} of {:?}: {plan:#?}", sort.as_str(), page.cursor);
                    let sorted = plan.iter().any(|line| line.contains("ORDER BY"));
                    match way {
                        Way::Few(_) => assert!(!scans(&plan), "{what}"),
                        _ if page.cursor.is_some() => assert!(!scans(&plan) && !walks(&plan) && !sorted, "{what}"),
                        _ => assert!(!scans(&plan) && !sorted, "{what}"),
                    }
                    walked += 1;
                }
            }
        }
    }
    assert!(walked > 1000);
}

/// The lines of a query's plan.
async fn plan(store: &Store, sql: Sql) -> Vec<String> {
    let rows = Sql::from("EXPLAIN QUERY PLAN ").then(sql).then(" LIMIT 5").fetch(&store.shared.readers).await.unwrap();
    rows.iter().map(|r| text(r, "detail").unwrap()).collect()
}

/// Whether a table that grows with the devices is read from end to end.
fn scans(plan: &[String]) -> bool {
    let tables = ["devices", "n", "device_tags", "device_profiles", "s"];
    plan.iter().any(|line| tables.iter().any(|t| line.as_str() == format!("SCAN {t}") || line.contains("AUTOMATIC")))
}

/// Whether an index is read from its beginning.
fn walks(plan: &[String]) -> bool {
    plan.iter().any(|line| line.starts_with("SCAN devices USING"))
}

#[tokio::test]
async fn the_other_lists_are_read_by_index_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path(), None).await;
    for sql in [
        "SELECT id, record FROM requests WHERE id < 'x' ORDER BY id DESC",
        "SELECT id, record FROM requests WHERE device = 'x' AND id < 'x' ORDER BY id DESC",
        "SELECT id, record FROM requests WHERE tenant = 'x' AND id < 'x' ORDER BY id DESC",
        "SELECT id FROM accounts INDEXED BY accounts_by_name WHERE tenant = 'x' AND tenant || '/' || name > 'x' ORDER BY tenant || '/' || name, id",
        "SELECT id FROM accounts INDEXED BY accounts_by_name WHERE tenant || '/' || name = 'x' AND id > 'x' ORDER BY id",
    ] {
        let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&store.shared.readers).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|r| text(r, "detail").unwrap()).collect();
        assert!(plan.iter().all(|line| line.starts_with("SEARCH")), "{sql}: {plan:?}");
    }
}
