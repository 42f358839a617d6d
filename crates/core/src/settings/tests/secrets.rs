//! Secrets: found, masked, sealed and taken out.

use serde_json::{Value, json};

use super::settings;
use crate::settings::{AccountValues, RawSecrets, SEALED, Scope, Settings};

fn document() -> Settings {
    settings(json!({
        "lines": { "1": { "username": "u", "password": "S1" } },
        "access": { "admin_password": "generate" },
        "intercom": { "codes": ["51", "52"] },
        "directory": { "phonebooks": [{ "id": "b", "password": "S3" }, { "name": "x", "url": "https://bob:S4@h/" }] },
        "keys": { "1": { "type": "url", "value": "see http://a:S5@h/x?y=z@w and ftp://b:S6@h" } },
        "raw": {
            "x": { "Sip.PassWord": "S7", "keyboard": true, "pin_PWD": 5, "listed": "S8", "url": "http://c:S9@h", "open": "http://h:80/p@q", "user": "http://me@h/" },
            "y": { "listed": "open" },
        },
    }))
}

fn listed() -> RawSecrets {
    let mut raw = RawSecrets::default();
    raw.add("x", &["Listed"]);
    raw
}

fn found(document: &Settings, raw: &RawSecrets) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    document.for_each_secret(raw, &mut |path, value| found.push((path.to_string(), value.clone())));
    found
}

#[test]
fn every_secret_is_found_with_its_path() {
    let found = found(&document(), &listed());
    let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "lines.1.password",
            "keys.1.value",
            "intercom.codes[0]",
            "intercom.codes[1]",
            "directory.phonebooks[0].password",
            "directory.phonebooks[1].url",
            r#"raw.x."Sip.PassWord""#,
            "raw.x.keyboard",
            "raw.x.listed",
            "raw.x.pin_PWD",
            "raw.x.url",
        ]
    );
    assert_eq!(found[2].1, json!("51"));
    assert_eq!(found[7].1, json!(true));
}

#[test]
fn masks_hide_every_secret_and_nothing_else() {
    let masked = document().masked(&listed());
    let text = masked.to_string();
    for secret in ["S1", "51", "52", "S3", "S4", "S5", "S6", "S7", "S8", "S9"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert_eq!(masked["directory"]["phonebooks"][1]["url"], "https://bob:********@h/");
    assert_eq!(masked["keys"]["1"]["value"], "see http://a:********@h/x?y=z@w and ftp://b:********@h");
    assert_eq!(masked["raw"]["x"]["open"], "http://h:80/p@q");
    assert_eq!(masked["raw"]["x"]["user"], "http://me@h/");
    assert_eq!(masked["raw"]["y"]["listed"], "open");
    assert_eq!(masked["lines"]["1"]["username"], "u");
    assert_eq!(masked["intercom"]["codes"], json!(["********", "********"]));
}

#[test]
fn debug_and_serde_are_masked() {
    let document = document();
    for text in [format!("{document:?}"), serde_json::to_string(&document).unwrap()] {
        assert!(!text.contains("S1") && !text.contains("S9") && text.contains("********"), "{text}");
    }
}

#[test]
fn sealing_and_opening_gives_the_document_back() {
    let plain = document();
    let mut sealed = plain.clone();
    let seal = &mut |_: &_, value: &mut Value| {
        *value = format!("{SEALED}{}", value.to_string().replace('S', "#")).into();
        Ok::<_, ()>(())
    };
    sealed.for_each_secret_mut(&listed(), seal).unwrap();
    let stored = serde_json::to_string(sealed.tree()).unwrap();
    assert!(!stored.contains("S1") && !stored.contains("S6"), "{stored}");
    // Opened with another list of names: what is sealed is found all the same.
    let mut opened = Settings::from_stored(serde_json::from_str(&stored).unwrap()).unwrap();
    let open = &mut |_: &_, value: &mut Value| {
        if let Some(text) = value.as_str().and_then(|text| text.strip_prefix(SEALED)) {
            *value = serde_json::from_str(&text.replace('#', "S")).unwrap();
        }
        Ok::<_, ()>(())
    };
    opened.for_each_secret_mut(RawSecrets::none(), open).unwrap();
    assert_eq!(opened, plain);
}

#[test]
fn an_error_ends_the_walk() {
    let mut seen = 0;
    let outcome = document().for_each_secret_mut(&listed(), &mut |_, _| {
        seen += 1;
        if seen == 2 { Err("no key") } else { Ok(()) }
    });
    assert_eq!((outcome, seen), (Err("no key"), 2));
}

#[test]
fn without_secrets_nothing_secret_is_left() {
    let bare = document().without_secrets(&listed());
    assert_eq!(
        Value::Object(bare.tree().clone()),
        json!({
            "lines": { "1": { "username": "u" } },
            "keys": { "1": { "type": "url", "value": "see http://h/x?y=z@w and ftp://h" } },
            "intercom": { "codes": [] },
            "access": {},
            "directory": { "phonebooks": [{ "id": "b" }, { "name": "x", "url": "https://h/" }] },
            "raw": { "x": { "open": "http://h:80/p@q", "url": "http://h", "user": "http://me@h/" }, "y": { "listed": "open" } },
        })
    );
}

#[test]
fn an_account_masks_its_password() {
    let account = AccountValues::validate(&json!({ "username": "1001", "password": "S1" }), Scope::Account).unwrap();
    assert_eq!(account.masked(RawSecrets::none()), json!({ "username": "1001", "password": "********" }));
    let kept = AccountValues::write(&account.masked(RawSecrets::none()), Some(&account), Scope::Account).unwrap();
    assert_eq!(kept, account);
}

#[test]
fn a_password_with_a_slash_is_hidden_all_the_same() {
    let url = |text: &str| {
        settings(json!({ "raw": { "x": { "a": text } } })).masked(RawSecrets::none())["raw"]["x"]["a"].as_str().unwrap().to_owned()
    };
    assert_eq!(url("http://u:pa/ss?w@h/p"), "http://u:********@h/p");
    assert_eq!(url("http://u:p@ss@h/"), "http://u:********@h/");
    assert_eq!(url("http://u:p://q@h/"), "http://u:********@h/");
    for open in
        ["http://h:80/a@b", "http://[::1]/a:b@c", "http://u@h", "http://u:@h/", "sip:u:p@h", "http://h/a:b@c", "://", "http://h: x@y"]
    {
        assert_eq!(url(open), open);
    }
}
