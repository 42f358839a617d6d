//! Layers: who wins, what is unset, how accounts enter, where values came from.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::settings;
use crate::settings::{
    AccountValues, Alphabet, Effective, GeneratedForm, Layer, LayerSource, Path, RawSecrets, Scope, Settings, VariableContext, built_in,
    compose, validate_unset,
};

/// A layer that owns what it holds.
struct Owned(LayerSource, Settings, Vec<Path>);

fn layer(source: LayerSource, value: Value) -> Owned {
    Owned(source, settings(value), Vec::new())
}

fn unsetting(source: LayerSource, value: Value, unset: &[&str]) -> Owned {
    Owned(source, settings(value), validate_unset(unset).unwrap())
}

fn merged(layers: &[Owned]) -> Effective {
    with_accounts(layers, &BTreeMap::new())
}

fn with_accounts(layers: &[Owned], accounts: &BTreeMap<&str, AccountValues>) -> Effective {
    let layers: Vec<Layer<'_>> =
        layers.iter().map(|Owned(source, settings, unset)| Layer { source: source.clone(), settings, unset }).collect();
    compose(&layers, &|name| accounts.get(name))
}

fn account(value: Value) -> AccountValues {
    AccountValues::validate(&value, Scope::Account).unwrap()
}

#[track_caller]
fn came_from(effective: &Effective, path: &str, value: Value, layer: &LayerSource, account: Option<&str>) {
    let leaf = effective.get(&path.parse().unwrap()).unwrap_or_else(|| panic!("{path} is not set"));
    assert_eq!((leaf.value, leaf.provenance.layer, leaf.provenance.account), (&value, layer, account), "{path}");
}

use LayerSource::{Device, Site, SiteEnforced};

fn profile(name: &str) -> LayerSource {
    LayerSource::Profile(name.into())
}

#[test]
fn objects_merge_lists_and_scalars_are_replaced() {
    let effective = merged(&[
        layer(Site, json!({ "time": { "zone": "UTC", "ntp": ["a", "b"] }, "lines": { "1": { "label": "x" } } })),
        layer(Device, json!({ "time": { "ntp": ["c"] }, "lines": { "2": {} } })),
    ]);
    assert_eq!(effective.to_json(), json!({ "lines": { "1": { "label": "x" }, "2": {} }, "time": { "zone": "UTC", "ntp": ["c"] } }));
    came_from(&effective, "time.zone", json!("UTC"), &Site, None);
    came_from(&effective, "time.ntp", json!(["c"]), &Device, None);
    let ntp = effective.get(&"time.ntp".parse().unwrap()).unwrap();
    assert_eq!(ntp.overridden.iter().map(|provenance| provenance.layer).collect::<Vec<_>>(), [&Site]);
    assert_eq!(effective.value("lines.1.label"), Some(&json!("x")));
    assert!(
        effective.value("lines.1").is_none() && effective.value("lines.1.label.x").is_none() && effective.value("lines.3.label").is_none()
    );
}

#[test]
fn numbers_stand_in_their_order() {
    let effective = merged(&[
        layer(Site, json!({ "keys": { "10": { "label": "x" } } })),
        layer(Device, json!({ "keys": { "2": { "label": "y" } }, "lines": { "3": { "label": "z" } } })),
    ]);
    assert_eq!(
        serde_json::to_string(&effective.to_json()).unwrap(),
        r#"{"lines":{"3":{"label":"z"}},"keys":{"2":{"label":"y"},"10":{"label":"x"}}}"#
    );
}

#[test]
fn unset_takes_away_what_is_below() {
    let effective = merged(&[
        layer(
            Site,
            json!({ "keys": { "5": { "type": "blf", "value": "1" }, "6": {} }, "time": { "zone": "UTC" }, "raw": { "x": { "a.b": 1 } } }),
        ),
        unsetting(profile("p"), json!({ "keys": { "5": { "label": "new" } } }), &["keys.5", "time.zone", "raw.x.\"a.b\"", "lines.9"]),
    ]);
    assert_eq!(effective.to_json(), json!({ "keys": { "5": { "label": "new" }, "6": {} } }));
}

#[test]
fn enforced_settings_stand_above_the_device() {
    let effective = merged(&[
        layer(LayerSource::Tenant("t".into()), json!({ "access": { "ssh": true, "web": "off" } })),
        unsetting(Device, json!({ "access": { "ssh": true, "telnet": "on" } }), &["access"]),
        layer(LayerSource::TenantEnforced("t".into()), json!({ "access": { "telnet": "off", "ssh": false } })),
        layer(SiteEnforced, json!({ "access": { "telnet": "privileged" } })),
    ]);
    came_from(&effective, "access.telnet", json!("privileged"), &SiteEnforced, None);
    came_from(&effective, "access.ssh", json!(false), &LayerSource::TenantEnforced("t".into()), None);
    assert!(effective.value("access.web").is_none(), "unset by the device");
}

#[test]
fn another_type_replaces_the_whole_object() {
    let key = |key: Value| json!({ "keys": { "1": key }, "soft_keys": { "1": { "type": "dnd", "states": ["idle"] } }, "ports": { "1": { "type": "fxs", "gain_rx_db": 3 } } });
    let below = layer(Site, key(json!({ "type": "blf", "value": "100", "label": "Bob", "pickup": "*8" })));
    let effective = merged(&[
        below,
        layer(
            Device,
            json!({ "keys": { "1": { "type": "speed_dial", "value": "200" } }, "soft_keys": { "1": { "type": "dnd", "label": "x" } }, "ports": { "1": { "type": "fxo" } } }),
        ),
    ]);
    assert_eq!(
        effective.to_json(),
        json!({ "keys": { "1": { "type": "speed_dial", "value": "200" } }, "soft_keys": { "1": { "type": "dnd", "label": "x", "states": ["idle"] } }, "ports": { "1": { "type": "fxo" } } })
    );
}

#[test]
fn account_values_enter_at_the_layer_that_names_it() {
    let accounts =
        BTreeMap::from([("1001", account(json!({ "username": "1001", "password": "P", "display_name": "Anna", "label": "Anna" })))]);
    let effective = with_accounts(
        &[
            layer(Site, json!({ "lines": { "1": { "display_name": "site", "codecs": ["pcma"] } } })),
            layer(profile("p"), json!({ "lines": { "1": { "account": "1001", "label": "same layer" } } })),
            layer(Device, json!({ "lines": { "1": { "password": "own" } } })),
        ],
        &accounts,
    );
    came_from(&effective, "lines.1.username", json!("1001"), &profile("p"), Some("1001"));
    came_from(&effective, "lines.1.display_name", json!("Anna"), &profile("p"), Some("1001"));
    came_from(&effective, "lines.1.label", json!("same layer"), &profile("p"), None);
    came_from(&effective, "lines.1.password", json!("own"), &Device, None);
    came_from(&effective, "lines.1.codecs", json!(["pcma"]), &Site, None);
    came_from(&effective, "lines.1.account", json!("1001"), &profile("p"), None);
}

#[test]
fn only_the_last_named_account_enters() {
    let accounts = BTreeMap::from([
        ("a", account(json!({ "username": "a", "password": "PA", "display_name": "Anna" }))),
        ("b", account(json!({ "username": "b", "password": "PB" }))),
    ]);
    let below = || layer(profile("p"), json!({ "lines": { "1": { "account": "a" } } }));
    let effective = with_accounts(
        &[
            layer(Site, json!({ "lines": { "1": { "display_name": "site" } } })),
            below(),
            layer(Device, json!({ "lines": { "1": { "account": "b" } } })),
        ],
        &accounts,
    );
    came_from(&effective, "lines.1.password", json!("PB"), &Device, Some("b"));
    came_from(&effective, "lines.1.display_name", json!("site"), &Site, None);
    for unset in ["lines.1.account", "lines.1", "lines"] {
        let effective = with_accounts(&[below(), unsetting(Device, json!({}), &[unset])], &accounts);
        assert!(effective.value("lines.1.password").is_none() && effective.value("lines.1.username").is_none(), "{unset}");
    }
    let effective = with_accounts(&[below(), unsetting(Device, json!({}), &["lines.1.password", "lines.10"])], &accounts);
    assert!(effective.value("lines.1.password").is_none());
    assert_eq!(effective.value("lines.1.username"), Some(&json!("a")));
}

#[test]
fn an_unknown_account_is_told() {
    let effective = merged(&[layer(Device, json!({ "lines": { "2": { "account": "nobody", "label": "x" } } }))]);
    assert_eq!(effective.unknown_accounts(), [("lines.2.account".parse().unwrap(), "nobody".to_owned())]);
    assert_eq!(effective.value("lines.2.label"), Some(&json!("x")));
    let names = settings(json!({ "lines": { "2": { "account": "b" }, "1": { "account": "a" }, "3": {} } }));
    assert_eq!(names.accounts().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn derived_passwords_are_filled_in_and_stay_hidden() {
    let mut effective =
        merged(&[Owned(LayerSource::BuiltIn, built_in().clone(), vec![]), layer(Device, json!({ "dect": { "pin": "generate" } }))]);
    let four = GeneratedForm { max: 4, ..GeneratedForm::default() };
    effective.fill_generated(b"key", "device", &|path| (path.to_string() == "dect.pin").then_some(four));
    let password = effective.value("access.admin_password").unwrap().as_str().unwrap().to_owned();
    assert_eq!(password.len(), 12);
    assert_eq!(effective.value("dect.pin").unwrap().as_str().unwrap().len(), 4);
    let explained = serde_json::to_string(&effective.explain(RawSecrets::none())).unwrap();
    assert!(explained.contains(r#"{"path":"access.admin_password","value":"(generated)","layer":"built-in"}"#), "{explained}");
    assert!(!explained.contains(&password) && !format!("{effective:?}").contains(&password));
    effective.without_secrets(RawSecrets::none());
    assert!(effective.value("access.admin_password").is_none());
    assert_eq!(effective.value("access.web"), Some(&json!("https")));
}

#[test]
fn a_family_has_its_say_in_derived_passwords() {
    let derived = |form: GeneratedForm| {
        let device = json!({ "access": { "admin_password": "generate" }, "dect": { "pin": "generate" } });
        let mut effective = merged(&[layer(Device, device)]);
        effective.fill_generated(b"key", "device", &|_| Some(form));
        ["access.admin_password", "dect.pin"].map(|path| effective.value(path).unwrap().as_str().unwrap().to_owned())
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let [password, pin] = derived(GeneratedForm { alphabet: Some(Alphabet::Digits), max: 6, length: None });
    assert!(digits(&password) && password.len() == 6 && digits(&pin), "{password} {pin}");
    let [password, pin] = derived(GeneratedForm { alphabet: Some(Alphabet::Keypad), max: 64, length: Some(16) });
    assert!(!digits(&password) && password.len() == 16, "{password}");
    assert!(digits(&pin), "a field of digits takes nothing else: {pin}");
}

#[test]
fn generate_written_in_any_layer_rotates() {
    let generate = || json!({ "access": { "admin_password": "generate" } });
    let built_in = || Owned(LayerSource::BuiltIn, built_in().clone(), vec![]);
    let derived = |layers: &[Owned]| {
        let mut effective = merged(layers);
        effective.fill_generated(b"key", "device", &|_| None);
        effective.value("access.admin_password").unwrap().clone()
    };
    let passwords = [
        derived(&[built_in()]),
        derived(&[built_in(), layer(Device, generate())]),
        derived(&[built_in(), layer(profile("p"), generate()), layer(Device, generate())]),
        derived(&[
            built_in(),
            layer(Site, json!({ "access": { "admin_password": "typed" } })),
            layer(profile("p"), generate()),
            layer(Device, json!({ "access": { "admin_password": { "generate": 3 } } })),
        ]),
    ];
    let distinct: std::collections::BTreeSet<String> = passwords.iter().map(Value::to_string).collect();
    assert_eq!(distinct.len(), passwords.len(), "{passwords:?}");
    assert_eq!(derived(&[built_in()]), passwords[0]);
}

#[test]
fn secrets_are_masked_and_taken_out_of_effective_settings() {
    let mut effective = merged(&[layer(
        Site,
        json!({ "directory": { "phonebooks": [{ "id": "x", "password": "S1" }] }, "raw": { "x": { "my.key": "S2", "url": "http://u:S3@h", "listed": "S4" } }, "intercom": { "codes": ["55"] } }),
    )]);
    let mut raw = RawSecrets::default();
    raw.add("x", &["listed"]);
    assert_eq!(
        effective.masked(&raw),
        json!({
            "intercom": { "codes": ["********"] },
            "directory": { "phonebooks": [{ "id": "x", "password": "********" }] },
            "raw": { "x": { "listed": "********", "my.key": "********", "url": "http://u:********@h" } },
        })
    );
    effective.without_secrets(&raw);
    assert_eq!(
        effective.to_json(),
        json!({ "intercom": { "codes": [] }, "directory": { "phonebooks": [{ "id": "x" }] }, "raw": { "x": { "url": "http://h" } } })
    );
}

#[test]
fn variables_are_expanded_in_every_text() {
    let mut effective = merged(&[layer(
        Site,
        json!({ "lines": { "1": { "number": "100", "label": "${line.1.number} ${device.label}" } }, "time": { "ntp": ["${server.host}"] },
            "services": { "url": "http://${server.host}/${line.1.number}" }, "raw": { "x": { "a": "$${device.mac}" } } }),
    )]);
    let context = VariableContext { lines: effective.line_variables(), server_host: Some("10.0.0.1".into()), ..Default::default() };
    let missing = effective.expand(&context);
    assert_eq!(missing.iter().map(|(path, variable)| format!("{path} {variable}")).collect::<Vec<_>>(), ["lines.1.label ${device.label}"]);
    assert_eq!(effective.value("lines.1.label"), Some(&json!("100 ")));
    assert_eq!(effective.value("time.ntp"), Some(&json!(["10.0.0.1"])));
    assert_eq!(effective.value("services.url"), Some(&json!("http://10.0.0.1/100")));
    assert_eq!(effective.value("raw.x.a"), Some(&json!("${device.mac}")));
}

#[test]
fn an_explanation_names_layer_account_and_what_was_overridden() {
    let accounts = BTreeMap::from([("1001", account(json!({ "label": "Anna" })))]);
    let effective = with_accounts(
        &[layer(Site, json!({ "lines": { "1": { "label": "x" } } })), layer(Device, json!({ "lines": { "1": { "account": "1001" } } }))],
        &accounts,
    );
    let rows = serde_json::to_value(effective.explain(RawSecrets::none())).unwrap();
    assert_eq!(
        rows,
        json!([
            { "path": "lines.1.account", "value": "1001", "layer": "device" },
            { "path": "lines.1.label", "value": "Anna", "layer": "device", "account": "1001", "overridden": ["site"] },
        ])
    );
}

#[test]
fn the_layers_stand_in_the_contracts_order() {
    let name = || "n".into();
    let order = [
        LayerSource::BuiltIn,
        Site,
        LayerSource::SiteProfile(name()),
        LayerSource::Tenant(name()),
        LayerSource::TenantProfile(name()),
        LayerSource::Profile(name()),
        Device,
        LayerSource::TenantEnforced(name()),
        SiteEnforced,
    ];
    assert!(order.is_sorted());
    let texts = order.map(|source| source.to_string());
    assert_eq!(
        texts,
        [
            "built-in",
            "site",
            "site profile n",
            "tenant n",
            "tenant profile n",
            "profile n",
            "device",
            "enforced by tenant n",
            "enforced by site"
        ]
    );
}
