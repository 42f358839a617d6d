//! What each field takes and refuses.

use serde_json::{Value, json};

use super::{faults, settings};
use crate::settings::{AccountValues, Path, Scope, Settings};

/// The document that has `value` at a path of names.
fn at(path: &str, value: &Value) -> Value {
    let path: Path = path.parse().unwrap();
    let names = path.names().unwrap();
    names.iter().rev().fold(value.clone(), |inner, name| json!({ *name: inner }))
}

#[track_caller]
fn takes(path: &str, values: &[Value]) {
    for value in values {
        let found = faults(&at(path, value));
        assert!(found.is_empty(), "{path} = {value}: {found:?}");
    }
}

#[track_caller]
fn refuses(path: &str, values: &[Value]) {
    for value in values {
        let found = faults(&at(path, value));
        assert!(!found.is_empty(), "{path} = {value} should be refused");
        assert!(found[0].path.starts_with(path), "{path} = {value}: {found:?}");
    }
}

macro_rules! values {
    ($($values:tt)*) => { json!([$($values)*]).as_array().unwrap() };
}

#[test]
fn enumerations_are_closed() {
    takes("lines.1.mwi", values!["off", "subscribe", "unsolicited"]);
    takes("lines.1.call_waiting", values!["off", "on", "visual", "tone"]);
    takes("lines.1.dtmf", values!["rfc2833", "inband", "info", "auto", "rfc2833_and_info"]);
    takes("lines.1.dtmf_info", values!["relay", "dtmf", "event"]);
    takes("lines.1.keepalive_method", values!["crlf", "options", "notify"]);
    takes("lines.1.send_identity", values!["none", "pai", "rpid"]);
    takes("network.pc_port", values!["on", "off"]);
    takes("network.ipv6", values!["off", "slaac", "dhcp", "static"]);
    takes("directory.ldap.tls", values!["off", "starttls", "ldaps"]);
    takes("network.port", values!["auto", "10h", "10f", "100h", "100f", "1000f"]);
    takes("provisioning.resync.mode", values!["off", "boot", "interval", "daily", "weekly"]);
    takes("provisioning.firmware.policy", values!["never", "upgrade", "exact", "ask"]);
    takes("network.dot1x.mode", values!["off", "md5", "tls", "peap_mschapv2", "ttls_mschapv2", "peap_gtc", "ttls_gtc", "fast"]);
    takes("logging.syslog.level", values!["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"]);
    takes("access.telnet", values!["off", "on", "privileged"]);
    takes("protocol", values!["sip", "sccp"]);
    refuses("lines.1.mwi", values!["Off", "yes", true, 1, "", []]);
    refuses("network.pc_port", values![true]);
    takes("lines.1.codecs", values![["pcmu", "g722", "g726_32", "g723_53", "amr", "l16"], []]);
    refuses("lines.1.codecs", values![["pcmu", "pcmu"], ["g711"], "pcmu"]);
}

#[test]
fn numbers_have_bounds() {
    takes("network.sip_dscp", values![0, 46, 63]);
    refuses("network.sip_dscp", values![-1, 64, 46.5, "46", true]);
    takes("network.vlan.id", values![0, 4094]);
    refuses("network.vlan.id", values![4095]);
    takes("audio.volumes.ringer", values![0, 100]);
    refuses("audio.volumes.ringer", values![101]);
    takes("provisioning.resync.days", values![[1, 7]]);
    refuses("provisioning.resync.days", values![[0], [8], [1, 1]]);
    takes("network.sip_port", values![1, 65535]);
    refuses("network.sip_port", values![0, 65536, 18446744073709551615u64]);
    takes("network.rtp_ports", values![{ "min": 10000, "max": 10000 }, { "min": 5 }]);
    refuses("network.rtp_ports", values![{ "min": 2, "max": 1 }]);
}

#[test]
fn numbered_objects_take_plain_numbers() {
    takes("lines", values![{ "1": {}, "4000": {} }]);
    refuses("lines", values![{ "0": {} }, { "01": {} }, { "+1": {} }, { "a": {} }, { "4001": {} }, { "1": [] }, [], { "": {} }]);
}

#[test]
fn a_local_port_is_a_number_on_a_device_only() {
    takes("lines.1.local_port", values!["auto", 5062]);
    for scope in [Scope::Site, Scope::Tenant, Scope::Profile] {
        assert!(Settings::validate(&at("lines.1.local_port", &json!("auto")), scope).is_ok());
        let faults = Settings::validate(&at("lines.1.local_port", &json!(5062)), scope).unwrap_err();
        assert!(faults[0].message.contains("on a device"), "{faults:?}");
    }
    refuses("lines.1.local_port", values![0, "5062"]);
}

#[test]
fn an_account_is_a_partial_line() {
    assert!(AccountValues::validate(&json!({ "username": "1001", "servers": [{ "host": "pbx" }] }), Scope::Account).is_ok());
    for field in [json!({ "account": "x" }), json!({ "local_port": "auto" }), json!({ "shared": "sca" }), json!({ "lines": {} })] {
        // The scope is the account's whatever the caller says.
        assert!(AccountValues::validate(&field, Scope::Device).is_err(), "{field}");
    }
}

#[test]
fn control_characters_are_refused_everywhere() {
    for c in ['\0', '\u{1}', '\t', '\n', '\r', '\u{1f}', '\u{7f}', '\u{80}', '\u{85}', '\u{9f}', '\u{2028}', '\u{2029}'] {
        let text = format!("a{c}b");
        refuses("lines.1.label", &[json!(text)]);
        refuses("lines.1.password", &[json!(text)]);
        refuses("display.text", &[json!(text)]);
        refuses("raw.x.p", &[json!(text)]);
        let found = faults(&json!({ "raw": { "x": { text.clone(): 1 } } }));
        assert_eq!(found.len(), 1, "{c:?}");
        assert!(found[0].message.contains(&format!("U+{:04X}", u32::from(c))), "{found:?}");
        assert!(!found[0].path.contains(c));
    }
    takes("lines.1.label", values!["  blanks stay  ", "Bücher & <Söhne> \"x\" 日本 \u{a0}\u{2027}", ""]);
    assert_eq!(settings(json!({ "display": { "text": "THC Inc. " } })).tree()["display"]["text"], "THC Inc. ");
}

#[test]
fn forms_of_texts() {
    takes("time.zone", values!["Europe/Paris", "America/Argentina/Ushuaia", "Etc/UTC", "UTC"]);
    refuses("time.zone", values!["Paris", "europe/paris", "CET+1", "Etc/Unknown", "Factory", "posixrules", "localtime", "", "../UTC", 1]);
    takes("locale.language", values!["fr", "en-GB", "zh-Hant-TW", "sr-Latn", "es-419"]);
    refuses("locale.language", values!["French", "f", "en_GB", "en-", "-en", "en-toolongpart", "en-a"]);
    takes("locale.tones", values!["FR", "GB"]);
    refuses("locale.tones", values!["fr", "UK", "FRA", "XX"]);
    takes("locale.custom_tones.dial", values!["350+440", "480+620@500/500", "425", "400+450@400/200/400/2000"]);
    refuses("locale.custom_tones.dial", values!["350+", "0", "480@500", "480@500/", "a", "1+2+3+4+5", "99999"]);
    takes("time.date_format", values!["DD/MM/YYYY", "WWW DD MMM", "D.M.YY", "YYYY-MM-DD"]);
    refuses("time.date_format", values!["dd/mm/yyyy", "DDD", "", "/", "DDMM"]);
    takes("provisioning.resync.at", values!["00:00", "23:59"]);
    refuses("provisioning.resync.at", values!["24:00", "7:30", "07:60", "0730", "+7:30"]);
    takes("provisioning.firmware.window", values!["22:00-05:00"]);
    refuses("provisioning.firmware.window", values!["22:00", "22:00-25:00"]);
    takes("provisioning.firmware.version", values!["66.86.0.15", "P0S3-8-12-00", "6.1.5(a)"]);
    refuses("provisioning.firmware.version", values!["latest", "1 2", "1/2"]);
    takes("access.menu_pin", values!["0000"]);
    refuses("access.menu_pin", values!["12a4", 1234]);
}

#[test]
fn addresses() {
    takes("lines.1.registrar.host", values!["pbx", "pbx.example.", "10.0.0.1", "2001:db8::1", "sip_1.lan", "${server.host}"]);
    refuses("lines.1.registrar.host", values!["", "a b", "10.0.0.256", "10.0.0", "-a.b", "http://a", "a/b", "pbx:5060", "[::1]", "a..b"]);
    takes("network.ip.address", values!["10.0.0.1", "fe80::1"]);
    refuses("network.ip.address", values!["10.0.0", "host"]);
    takes("network.ip.mask", values!["255.255.255.0", "255.255.255.255"]);
    refuses("network.ip.mask", values!["255.0.255.0", "0.0.0.0", "/24"]);
    takes("access.web_allow", values![["10.0.0.0/8", "10.0.0.1", "2001:db8::/32"]]);
    refuses("access.web_allow", values![["10.0.0.0/33"], ["host"]]);
    takes("network.http_proxy", values!["proxy", "proxy:3128", "[::1]:3128", "http://proxy:3128/"]);
    refuses("network.http_proxy", values!["proxy:0", "proxy:99999", "a b"]);
    let base = |mac: &str| json!([{ "mac": mac }]);
    takes("dect.bases", &[base("00:15:65:aa:bb:cc"), base("001565AABBCC"), base("00-15-65-AA-BB-CC"), base("0015.65aa.bbcc")]);
    refuses("dect.bases", &[base("00:15:65:aa:bb"), base("00:15:65:aa:bb:cg"), base("0:015:65:aa:bb:cc"), json!([{ "name": "x" }])]);
}

#[test]
fn urls_are_absolute() {
    takes(
        "provisioning.url",
        values![
            "https://host/p",
            "http://10.0.0.1:8667",
            "tftp://[2001:db8::1]/x",
            "http://u:p@h/?a=b#c",
            "${server.url}/x",
            "https://${server.host}:8443/"
        ],
    );
    refuses(
        "provisioning.url",
        values![
            "host/p",
            "/p",
            "http://",
            "http:///x",
            "http://a b/",
            "http://h/\"",
            "http://h:port/",
            "javascript:alert(1)",
            "http://h:0/",
            "http://h\\x"
        ],
    );
    takes("action_urls.incoming_call", values!["http://h/?from=${call.remote}&to=${call.local}&id=${call.id}&ip=${phone.ip}"]);
    refuses("services.url", values!["http://h/?from=${call.remote}"]);
    takes("display.logo", values!["logo.png", "https://host/logo.bmp", "Logo of 2024 (blue).png"]);
    refuses(
        "display.logo",
        values!["", "../x", "a/b", ".hidden", "C:\\x", "data:image/png;base64,AAAA", "-----BEGIN CERTIFICATE-----", "http://"],
    );
}

#[test]
fn what_is_looked_up_takes_no_variables() {
    takes("lines.1.account", values!["1001", "anna@office"]);
    refuses("lines.1.account", values!["${device.label}", "a b", ""]);
}

#[test]
fn dial_plans() {
    let rule = |matched: &str, replace: &str| json!([{ "match": matched, "replace": replace }]);
    takes(
        "calls.dial_plan",
        &[rule("0,(xxx.)", "$1"), rule("[1-5]xx", "9"), rule("(0)(x)", "$2$1"), rule("*#[135*]", "+33"), json!([{ "match": "x." }])],
    );
    for wrong in ["", "a", "x.x", "(x", "x)", "((x))", "[", "[]", "[5-1]", "[a]", ".", ",", "()"] {
        refuses("calls.dial_plan", &[json!([{ "match": wrong }])]);
    }
    refuses("calls.dial_plan", &[rule("x", "$1"), rule("x", "$"), rule("x", "$0"), rule("x", ""), json!([{ "replace": "1" }])]);
}

#[test]
fn custom_keys_name_the_vendors_type() {
    takes("keys.1", values![{ "type": "custom", "vendor_type": "73", "value": "x", "line": 1 }, { "label": "x" }, { "vendor_type": "5" }]);
    refuses("keys.1", values![{ "type": "custom" }, { "type": "blf", "vendor_type": "5" }, { "type": "unknown" }]);
    refuses("modules.1.keys.1", values![{ "type": "custom" }]);
    takes("soft_keys.1", values![{ "type": "dnd", "states": ["idle", "connected"] }]);
    refuses("soft_keys.1", values![{ "states": ["sleeping"] }]);
    refuses("programmable_keys", values![{ "any_key": { "type": "dnd" } }]);
    refuses("action_urls", values![{ "sneezed": "http://h/" }]);
}

#[test]
fn raw_parameters() {
    takes("raw.cisco-7940-7960-sip", values![{ "line1_name": "x", "a.b c!": "", "n": 1, "f": 1.5, "b": true, "${": "$${x}" }]);
    refuses("raw.x", values![{ "a": null }, { "a": [] }, { "a": {} }, { "": 1 }, { "a": "${nonsense}" }, { "a": "x".repeat(4097) }, "x"]);
    refuses("raw", values![{ "Pack": {} }, { "a/b": {} }, { "": {} }]);
}

#[test]
fn locked_settings_are_paths() {
    takes("access.locked", values![["calls.dnd", "lines.1", "keys", "raw.x.\"a.b\""]]);
    refuses("access.locked", values![["calls.nonsense"], ["lines.1.servers[0]"], ["calls.dnd", "calls.dnd"]]);
}

#[test]
fn items_of_lists_are_complete() {
    takes("lines.1.servers", values![[{ "host": "a" }, { "host": "b", "port": 5061, "transport": "tls", "expires_s": 60 }], []]);
    refuses("lines.1.servers", values![[{ "port": 5060 }], [null], [{ "host": "a", "user": "x" }], {}]);
    refuses("directory.phonebooks", values![[{ "interval_s": 60 }]]);
    // A single object is merged from layers, so a part of it will do.
    takes("lines.1.registrar", values![{ "port": 5060 }]);
}

#[test]
fn all_faults_come_at_once_with_path_and_what_is_allowed() {
    let found = faults(&json!({
        "lines": { "1": { "mwi": "maybe", "servers": [{ "host": "a", "port": 99999 }] }, "x": {} },
        "time": { "zone": "Mars", "nonsense": 1, "ntp": null },
        "raw": { "yealink": { "account.1.label": [] } },
    }));
    let paths: Vec<&str> = found.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(
        paths,
        ["lines.x", "lines.1.servers[0].port", "lines.1.mwi", "time.zone", "time.ntp", "time.nonsense", r#"raw.yealink."account.1.label""#]
    );
    let text = found.iter().map(|fault| format!("{fault}\n")).collect::<String>();
    for part in
        ["\"maybe\"", "one of off, subscribe, unsolicited", "99999", "from 1 to 65535", "\"Mars\"", "Europe/Paris", "unset", "date_format"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn faults_never_show_secrets() {
    let found = faults(&json!({
        "lines": { "1": { "password": "hunter2\n" } },
        "access": { "admin_password": ["hunter2"], "menu_pin": "hunter2" },
        "intercom": { "codes": ["hunter2"] },
        "directory": { "phonebooks": [{ "url": "http://u:hunter2@h h/", "password": 1 }] },
        "provisioning": { "url": "x http://u:hunter2@h/", "password": "${hunter2}", "pasword": "hunter2" },
        "raw": { "x": { "sip_password": ["hunter2"], "y": "\u{1}hunter2" } },
        "network": { "wifi": { "key": "hunter2".repeat(10) } },
    }));
    assert!(found.len() >= 11, "{found:#?}");
    assert!(!format!("{found:?}").contains("hunter2"), "{found:#?}");
}

#[test]
fn documents_are_bounded() {
    let lines: serde_json::Map<String, Value> =
        (1..=4000).map(|n| (n.to_string(), json!({ "label": "x".repeat(128), "display_name": "y".repeat(128) }))).collect();
    let found = faults(&json!({ "lines": lines }));
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("too big"), "{found:?}");
    refuses("lines.1.label", &[json!("x".repeat(129))]);
    takes("lines.1.label", &[json!("é".repeat(128))]);
    refuses("emergency.numbers", &[json!((0..33).map(|n| n.to_string()).collect::<Vec<_>>())]);
    let many: serde_json::Map<String, Value> = (0..5000).map(|n| (format!("x{n}"), json!(1))).collect();
    let found = faults(&Value::Object(many));
    assert_eq!(found.len(), 101);
    assert!(found[100].message.contains("more faults"));
    assert_eq!(faults(&json!([])).len(), 1);
}
