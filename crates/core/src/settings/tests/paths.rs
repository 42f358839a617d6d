//! Paths: written, read, quoted, resolved.

use crate::settings::{Path, Segment, field_at, validate_unset};

fn path(text: &str) -> Path {
    text.parse().unwrap()
}

#[test]
fn names_with_dots_are_quoted() {
    let raw = Path::of(["raw", "yealink", "account.1.label"]);
    assert_eq!(raw.to_string(), r#"raw.yealink."account.1.label""#);
    assert_eq!(path(r#"raw.yealink."account.1.label""#), raw);
    let odd = Path::of(["raw", "x", r#"a"b\c"#]);
    assert_eq!(odd.to_string(), r#"raw.x."a\"b\\c""#);
    assert_eq!(path(&odd.to_string()), odd);
    assert_eq!(path("lines.1.servers[0].host").segments()[3], Segment::Item(0));
    assert_eq!(path("lines.1.servers[0].host").to_string(), "lines.1.servers[0].host");
}

#[test]
fn what_is_no_path_is_refused() {
    for text in
        ["", ".", "a.", ".a", "a..b", "a b", "\"a", "a\"b\"", "a[", "a[x]", "a[01]", "a[-1]", "a[99999999999999999999]", "\"\\n\"", "[0]"]
    {
        assert!(text.parse::<Path>().is_err(), "{text}");
    }
    assert!("a.".repeat(5000).parse::<Path>().is_err());
}

#[test]
fn unset_takes_paths_of_the_model() {
    let good = [
        "keys.5",
        "lines",
        "lines.2",
        "lines.4000.label",
        "modules.1.keys.7.value",
        "raw.yealink",
        r#"raw.yealink."a.b""#,
        "lines.1.servers",
        "time.zone",
    ];
    assert_eq!(validate_unset(&good).unwrap().len(), good.len());
    let bad = [
        "keys.0",
        "keys.05",
        "keys.501",
        "lines.1.servers[0]",
        "lines.1.servers.0",
        "lines.1.nonsense",
        "time.zone.x",
        "raw.yealink.a.b",
        "raw.Yealink",
        "\"a\u{7}\"",
        "",
    ];
    let faults = validate_unset(&bad).unwrap_err();
    assert_eq!(faults.len(), bad.len());
    assert_eq!(faults[1].path, "unset[1]");
    assert!(!faults.iter().any(|fault| fault.message.contains('\u{7}')));
}

#[test]
fn a_field_is_found_by_its_path() {
    assert_eq!(field_at(&path("lines.1.servers[3].port")).unwrap().name, "port");
    assert_eq!(field_at(&path("intercom.codes[0]")).unwrap().name, "codes");
    assert!(field_at(&path("intercom.codes[0]")).unwrap().secret);
    assert!(field_at(&path("lines.1")).is_none());
    assert!(field_at(&path("lines.x.port")).is_none());
}

#[test]
fn a_path_covers_what_is_below_it() {
    assert!(path("lines.1").covers(&path("lines.1.label")));
    assert!(path("lines.1").covers(&path("lines.1")));
    assert!(!path("lines.1").covers(&path("lines.10")));
}
