//! Documents: writing, patching, masks that keep, values that are derived.

use serde_json::{Value, json};

use super::settings;
use crate::settings::{Alphabet, Document, RawSecrets, Scope, Settings, WholeModel, apply_merge_patch, built_in, derive_generated};

fn write(value: Value, old: &Settings) -> Result<Settings, Vec<String>> {
    Settings::write(&value, Some(old), Scope::Device).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_document_stands_in_the_models_order() {
    let document = settings(
        json!({ "raw": { "b": { "z": 1, "a": 2 }, "a": {} }, "keys": { "10": {}, "9": { "label": "x", "type": "blf" } }, "lines": {} }),
    );
    let text = serde_json::to_string(document.tree()).unwrap();
    assert_eq!(text, r#"{"lines":{},"keys":{"9":{"type":"blf","label":"x"},"10":{}},"raw":{"a":{},"b":{"a":2,"z":1}}}"#);
}

#[test]
fn merge_patches_follow_rfc_7396() {
    // The examples of RFC 7396, appendix A.
    for (target, patch, result) in [
        (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
        (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
        (json!({"a":"b"}), json!({"a":null}), json!({})),
        (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
        (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
        (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
        (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
        (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
        (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
        (json!({"a":"b"}), json!(["c"]), json!(["c"])),
        (json!({"a":"foo"}), json!(null), json!(null)),
        (json!({"a":"foo"}), json!("bar"), json!("bar")),
        (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
        (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
        (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
    ] {
        let mut patched = target.clone();
        apply_merge_patch(&mut patched, &patch);
        assert_eq!(patched, result, "{target} + {patch}");
    }
}

#[test]
fn a_patch_is_checked_as_a_whole() {
    let old = settings(json!({ "lines": { "1": { "username": "a", "password": "p" }, "2": {} }, "time": { "zone": "UTC" } }));
    let new = old
        .patch(&json!({ "lines": { "1": { "username": "b", "password": "********" }, "2": null }, "time": null }), Scope::Device)
        .unwrap();
    assert_eq!(Value::Object(new.tree().clone()), json!({ "lines": { "1": { "username": "b", "password": "p" } } }));
    assert_eq!(old.patch(&json!({ "time": { "zone": 1 }, "x": 1 }), Scope::Device).unwrap_err().len(), 2);
    assert_eq!(old.patch(&json!([]), Scope::Device).unwrap_err().len(), 1);
}

#[test]
fn writing_what_was_read_changes_nothing() {
    let old = settings(json!({
        "lines": { "1": { "password": "p1" } },
        "access": { "admin_password": "generate", "menu_pin": "1234" },
        "intercom": { "codes": ["11", "22"] },
        "directory": { "phonebooks": [{ "name": "a", "url": "http://u:p@h/a", "password": "pa" }, { "name": "b", "url": "http://h/b", "password": "pb" }] },
        "raw": { "x": { "a.password": 5, "url": "http://u:secret@h/ and http://v:other@h/", "plain": "y" } },
    }));
    assert_eq!(write(old.masked(RawSecrets::none()), &old).unwrap(), old);
    assert_eq!(old.patch(&old.masked(RawSecrets::none()), Scope::Device).unwrap(), old);
}

#[test]
fn a_mask_needs_the_stored_value_it_stands_for() {
    let mask = json!({ "lines": { "1": { "password": "********" } } });
    assert!(Settings::validate(&mask, Scope::Device).unwrap_err()[0].message.contains("none is stored"));
    assert!(write(mask, &Settings::default()).is_err());
    assert!(serde_json::from_value::<Settings>(json!({ "dect": { "pin": "********" } })).is_err());
    let old = settings(json!({ "provisioning": { "url": "https://u:p@good/" }, "raw": { "x": { "u": "http://u:p@good/" } } }));
    for moved in
        [json!({ "provisioning": { "url": "https://u:********@evil/" } }), json!({ "raw": { "x": { "u": "http://u:********@evil/" } } })]
    {
        assert!(write(moved, &old).unwrap_err()[0].contains("write the password itself"));
    }
}

#[test]
fn a_mask_in_a_list_stays_with_its_item() {
    let book = |name: &str, url: &str, password: &str| json!({ "name": name, "url": url, "password": password });
    let books = |list: Value| json!({ "directory": { "phonebooks": list } });
    let old = settings(books(json!([book("a", "http://h/a", "pa"), book("b", "http://h/b", "pb")])));
    let swapped = write(books(json!([book("b", "http://h/b", "********"), book("a", "http://h/a", "********")])), &old).unwrap();
    assert_eq!(swapped.tree()["directory"]["phonebooks"][0]["password"], "pb");
    assert_eq!(swapped.tree()["directory"]["phonebooks"][1]["password"], "pa");
    assert!(write(books(json!([book("a", "http://evil/", "********")])), &old).is_err());
}

#[test]
fn generate_counts_up_when_it_is_written_again() {
    let first = settings(json!({ "access": { "admin_password": "generate" } }));
    assert_eq!(first.tree()["access"]["admin_password"], json!({ "generate": 1 }));
    assert_eq!(first.masked(RawSecrets::none())["access"]["admin_password"], "(generated)");
    let again = first.patch(&json!({ "access": { "admin_password": "generate" } }), Scope::Device).unwrap();
    assert_eq!(again.tree()["access"]["admin_password"], json!({ "generate": 2 }));
    let other = again.patch(&json!({ "access": { "menu_pin": "1" } }), Scope::Device).unwrap();
    assert_eq!(other.tree()["access"]["admin_password"], json!({ "generate": 2 }), "untouched");
    assert_eq!(write(again.masked(RawSecrets::none()), &again).unwrap(), again);
}

#[test]
fn what_others_must_know_is_not_generated() {
    for document in [
        json!({ "network": { "wifi": { "key": "generate" } } }),
        json!({ "intercom": { "codes": ["generate"] } }),
        json!({ "directory": { "ldap": { "password": { "generate": 1 } } } }),
    ] {
        assert!(Settings::validate(&document, Scope::Device).is_err(), "{document}");
    }
    // Not a secret: an ordinary text.
    settings(json!({ "lines": { "1": { "label": "generate" } }, "raw": { "x": { "y": "generate" } } }));
}

#[test]
fn derived_texts_are_stable_and_typable() {
    let derive = |path: &str, counter, alphabet, max| derive_generated(b"key", "device", path, counter, alphabet, max);
    let text = derive("access.admin_password", 1, Alphabet::Keypad, 12);
    assert_eq!(text.len(), 12);
    assert_eq!(text, derive("access.admin_password", 1, Alphabet::Keypad, 12));
    assert!(text.chars().all(|c| Alphabet::Keypad.characters().contains(c)));
    let digits = derive("dect.pin", 1, Alphabet::Digits, 4);
    assert!(digits.len() == 4 && digits.chars().all(|c| c.is_ascii_digit()), "{digits}");
    assert_eq!(derive("dect.pin", 1, Alphabet::Digits, 0), "");
    let others = [
        derive("access.admin_password", 2, Alphabet::Keypad, 12),
        derive("access.user_password", 1, Alphabet::Keypad, 12),
        derive_generated(b"key2", "device", "access.admin_password", 1, Alphabet::Keypad, 12),
        derive_generated(b"key", "devic", "eaccess.admin_password", 1, Alphabet::Keypad, 12),
        derive_generated(b"", "", "", 0, Alphabet::Keypad, 12),
    ];
    assert!(others.iter().all(|other| *other != text));
}

#[test]
fn derived_texts_never_change_between_versions() {
    // A phone keeps the password that was once derived: this value must stay.
    assert_eq!(derive_generated(&[7; 32], "0192f0c1", "access.admin_password", 1, Alphabet::Keypad, 12), "95kg9x2fqf42");
}

#[test]
fn every_character_is_drawn_alike() {
    let mut counts = [0u32; 10];
    for counter in 0..2000 {
        for digit in derive_generated(b"key", "device", "dect.pin", counter, Alphabet::Digits, 8).bytes() {
            counts[usize::from(digit - b'0')] += 1;
        }
    }
    assert!(counts.iter().all(|count| (1450..1750).contains(count)), "{counts:?}");
}

#[test]
fn built_in_defaults_are_valid_and_safe() {
    let defaults: &Document<WholeModel> = built_in();
    assert_eq!(*defaults, settings(Value::Object(defaults.tree().clone())));
    let tree = defaults.tree();
    assert_eq!(tree["security"], json!({ "trust_servers_only": true, "direct_ip_calls": false }));
    assert_eq!((&tree["access"]["telnet"], &tree["access"]["web"]), (&json!("off"), &json!("https")));
    assert_eq!(defaults.masked(RawSecrets::none())["access"]["admin_password"], "(generated)");
}
