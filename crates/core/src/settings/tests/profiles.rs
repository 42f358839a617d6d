//! Profiles: what they match, in which order, with which parents; firmware versions.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::json;

use crate::settings::{Match, MatchFacts, ProfileGraphError, compare_versions, linearise};

fn graph(edges: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    edges.iter().map(|(name, parents)| ((*name).to_owned(), parents.iter().map(|parent| (*parent).to_owned()).collect())).collect()
}

#[test]
fn each_profile_stands_after_its_parents_and_once() {
    let graph = graph(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[]), ("e", &["a"])]);
    let parents = |name: &str| graph.get(name).map(Vec::as_slice);
    assert_eq!(linearise(&["e"], &parents).unwrap(), ["d", "b", "c", "a", "e"]);
    assert_eq!(linearise(&["c", "a", "c"], &parents).unwrap(), ["d", "c", "b", "a"]);
    assert!(linearise(&[], &parents).unwrap().is_empty());
}

#[test]
fn a_cycle_is_named() {
    let graph = graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("self", &["self"]), ("lost", &["nobody"])]);
    let parents = |name: &str| graph.get(name).map(Vec::as_slice);
    let cycle = linearise(&["a"], &parents).unwrap_err();
    assert_eq!(cycle, ProfileGraphError::Cycle(vec!["b".into(), "c".into(), "b".into()]));
    assert!(cycle.to_string().contains("b → c → b"));
    assert_eq!(linearise(&["self"], &parents).unwrap_err(), ProfileGraphError::Cycle(vec!["self".into(), "self".into()]));
    assert_eq!(
        linearise(&["lost"], &parents).unwrap_err(),
        ProfileGraphError::Unknown { name: "nobody".into(), child: Some("lost".into()) }
    );
    assert_eq!(linearise(&["nobody"], &parents).unwrap_err(), ProfileGraphError::Unknown { name: "nobody".into(), child: None });
}

#[test]
fn a_long_chain_of_parents_is_no_trouble() {
    let names: Vec<String> = (0..3000).map(|n| format!("p{n}")).collect();
    let graph: BTreeMap<String, Vec<String>> =
        names.iter().enumerate().map(|(at, name)| (name.clone(), names.get(at + 1).cloned().into_iter().collect())).collect();
    let order = linearise(&["p0"], &|name| graph.get(name).map(Vec::as_slice)).unwrap();
    assert_eq!((order.len(), order[0], order[2999]), (3000, "p2999", "p0"));
}

fn matcher(value: serde_json::Value) -> Match {
    Match::validate(&value).unwrap()
}

#[test]
fn all_that_is_given_must_hold() {
    let facts = MatchFacts { pack: Some("yealink"), vendor: Some("yealink"), model: Some("T46S"), firmware: Some("66.86.0.15") };
    assert!(matcher(json!({ "vendor": "Yealink", "model": "t46s", "firmware": ">=66.80" })).matches(&facts));
    assert!(!matcher(json!({ "vendor": "yealink", "model": "T28P" })).matches(&facts));
    assert!(!matcher(json!({ "firmware": "<66.80" })).matches(&facts));
    assert!(!matcher(json!({ "model": "T46S" })).matches(&MatchFacts::default()), "what is not known does not match");
    assert!(!Match::default().matches(&facts), "nothing given matches nothing");
}

#[test]
fn less_specific_comes_first() {
    let mut matches = [
        json!({ "firmware": ">=1" }),
        json!({ "model": "m", "pack": "p" }),
        json!({ "pack": "p" }),
        json!({ "model": "m" }),
        json!({ "vendor": "v", "pack": "p" }),
        json!({ "vendor": "v" }),
    ]
    .map(matcher);
    matches.sort_by_key(Match::specificity);
    let order: Vec<String> = matches.iter().map(|matched| serde_json::to_string(matched).unwrap()).collect();
    assert_eq!(
        order,
        [
            r#"{"pack":"p"}"#,
            r#"{"vendor":"v"}"#,
            r#"{"pack":"p","vendor":"v"}"#,
            r#"{"model":"m"}"#,
            r#"{"pack":"p","model":"m"}"#,
            r#"{"firmware":">=1"}"#
        ]
    );
}

#[test]
fn a_bad_match_is_refused() {
    for bad in [
        json!({}),
        json!(null),
        json!([]),
        json!({ "pack": null }),
        json!({ "model": "" }),
        json!({ "model": "a\u{7}" }),
        json!({ "modell": "x" }),
        json!({ "model": 7960 }),
    ] {
        assert!(Match::validate(&bad).is_err(), "{bad}");
    }
    for range in ["", "..", ">=", "abc", ">=66.86 <67", "66..a", "1;2", ">=66,"] {
        assert!(Match::validate(&json!({ "firmware": range })).is_err(), "{range}");
    }
    assert_eq!(Match::validate(&json!({ "model": 1, "firmware": "x", "other": 1 })).unwrap_err().len(), 3);
}

#[test]
fn ranges_of_firmware() {
    let holds = |range: &str, version: &str| {
        matcher(json!({ "firmware": range })).matches(&MatchFacts { firmware: Some(version), ..Default::default() })
    };
    for (range, version, expected) in [
        (">=66.86", "66.86.0.15", true),
        (">=66.86", "66.85.9", false),
        (">=66.86", "66.100", true),
        (">66.86", "66.86.0.15", false),
        (">66.86", "66.87", true),
        ("<=66.86", "66.86.0.15", true),
        ("<66.86", "66.86", false),
        ("66.80..66.86", "66.80", true),
        ("66.80..66.86", "66.86.0.15", true),
        ("66.80..66.86", "66.87", false),
        ("66.80..", "70", true),
        ("..66.80", "66.79.1", true),
        ("66.86", "66.86.0.15", true),
        ("=66.86", "66.8", false),
        (">=66.80, <66.90", "66.86", true),
        (">=66.80, <66.90", "66.90", false),
        ("P0S3-8-12", "P0S3-8-12-00", true),
        ("7.4.8", "7.4.8a", true),
    ] {
        assert_eq!(holds(range, version), expected, "{version} in {range}");
    }
}

#[test]
fn versions_compare_by_groups_of_digits() {
    for (a, b, expected) in [
        ("66.86.0.15", "66.86.0.5", Ordering::Greater),
        ("10.1", "10.1.0", Ordering::Equal),
        ("6.1.5(a)", "6.1.5(b)", Ordering::Equal),
        ("83.V2.11.0", "83.V2.9.0", Ordering::Greater),
        ("", "0", Ordering::Equal),
        ("99999999999999999999999", "1", Ordering::Greater),
    ] {
        assert_eq!(compare_versions(a, b), expected, "{a} {b}");
        assert_eq!(compare_versions(b, a), expected.reverse(), "{b} {a}");
    }
}
