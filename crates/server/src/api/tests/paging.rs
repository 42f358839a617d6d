//! Lists that change while somebody reads them page by page: what stays is shown once, whatever comes, goes or changes meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::harness::Server;

/// A list whose things are made by POST and have an address of their own.
struct Noun {
    path: &'static str,
    sorts: &'static [&'static str],
    make: fn(u32) -> Value,
    change: Option<fn(u32) -> Value>,
}

const NOUNS: &[Noun] = &[
    Noun {
        path: "/devices",
        sorts: &["created_at", "mac", "label", "model", "last_seen"],
        make: |n| json!({"mac": format!("00:15:65:00:{:02x}:{:02x}", n % 7, n), "label": format!("d{}", n % 3), "state": "pending"}),
        change: Some(|n| json!({"location": format!("moved {n}")})),
    },
    Noun {
        path: "/profiles",
        sorts: &["name", "created_at"],
        make: |n| json!({"name": format!("p{n}")}),
        change: Some(|n| json!({"label": format!("{n}")})),
    },
    Noun { path: "/tenants", sorts: &[], make: |n| json!({"name": format!("t{n}")}), change: None },
    Noun {
        path: "/accounts",
        sorts: &["name", "created_at"],
        make: |n| json!({"name": format!("a{n}")}),
        change: Some(|n| json!({"display_name": format!("{n}")})),
    },
    Noun {
        path: "/phonebooks",
        sorts: &["name", "created_at"],
        make: |n| json!({"name": format!("b{n}")}),
        change: Some(|n| json!({"contacts": [{"name": format!("{n}"), "numbers": [{"type": "work", "number": "1"}]}]})),
    },
    Noun {
        path: "/address-maps",
        sorts: &[],
        make: |n| json!({"address": format!("192.0.2.{n}"), "name": "x.example"}),
        change: Some(|n| json!({"name": format!("y{n}.example")})),
    },
    Noun { path: "/tokens", sorts: &[], make: |n| json!({"label": format!("k{n}"), "role": "read-only"}), change: None },
];

/// What is done between two pages: to the thing of that number.
#[derive(Clone, Copy, Debug)]
enum Change {
    Make,
    Delete(usize),
    Edit(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![Just(Change::Make), (0usize..40).prop_map(Change::Delete), (0usize..40).prop_map(Change::Edit)]
}

async fn read_while_it_changes(noun: &Noun, sort: Option<&str>, descending: bool, limit: usize, changes: &[Change]) {
    let server = Server::start().await;
    let mut next = 1;
    let mut there: BTreeMap<String, u32> = BTreeMap::new();
    let make = async |next: &mut u32| {
        let n = *next;
        *next += 1;
        server.clock.forward(1);
        let made = server.post(noun.path, (noun.make)(n)).await.expect(201);
        (made["id"].as_str().unwrap().to_owned(), n)
    };
    for _ in 0..9 {
        let (id, n) = make(&mut next).await;
        there.insert(id, n);
    }
    let stays: BTreeSet<String> = there.keys().cloned().collect();
    let (mut gone, mut shown, mut cursor) = (BTreeSet::new(), Vec::new(), None::<String>);
    let mut changes = changes.iter().copied();
    for _ in 0..100 {
        let mut query = format!("{}?limit={limit}", noun.path);
        if let Some(sort) = sort {
            query.push_str(&format!("&sort={}{sort}", if descending { "-" } else { "" }));
        }
        if let Some(cursor) = &cursor {
            query.push_str(&format!("&cursor={cursor}"));
        }
        let page = server.get(&query).await.expect(200);
        shown.extend(page["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()));
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
        for change in changes.by_ref().take(2) {
            let nth = |at: usize| there.keys().nth(at % there.len()).cloned().unwrap();
            match change {
                Change::Make => {
                    let (id, n) = make(&mut next).await;
                    there.insert(id, n);
                }
                Change::Delete(at) if there.len() > 3 => {
                    let id = nth(at);
                    there.remove(&id);
                    server.delete(&format!("{}/{id}", noun.path)).await.expect(204);
                    gone.insert(id);
                }
                Change::Edit(at) => {
                    let id = nth(at);
                    if let Some(change) = noun.change {
                        server.patch(&format!("{}/{id}", noun.path), change(next)).await.expect(200);
                    }
                }
                Change::Delete(_) => {}
            }
        }
    }
    assert_eq!(cursor, None, "{}: the list has no end", noun.path);
    let once: BTreeSet<&String> = shown.iter().collect();
    assert_eq!(once.len(), shown.len(), "{} by {sort:?}: something is shown twice: {shown:?}", noun.path);
    for id in stays.difference(&gone) {
        assert!(once.contains(id), "{} by {sort:?}: {id} is passed over", noun.path);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn what_stays_is_shown_once(
        noun in 0..NOUNS.len(), sort in 0usize..6, descending: bool, limit in 1usize..4, changes in prop::collection::vec(change(), 0..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let noun = &NOUNS[noun];
        let sort = noun.sorts.get(sort % (noun.sorts.len() + 1)).copied();
        runtime.block_on(read_while_it_changes(noun, sort, descending, limit, &changes));
    }
}

#[tokio::test]
async fn every_list_in_every_order() {
    let changes = [Change::Delete(2), Change::Make, Change::Edit(4), Change::Delete(7), Change::Make, Change::Edit(0), Change::Make];
    for noun in NOUNS {
        for sort in std::iter::once(None).chain(noun.sorts.iter().copied().map(Some)) {
            read_while_it_changes(noun, sort, sort.is_some(), 2, &changes).await;
        }
    }
}
