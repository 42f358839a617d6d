//! What is printed of devices: the list, and of one its files, its settings, its check. Its own page is in `show.rs`.

use serde_json::Value;

use crate::{
    failure::Outcome,
    output::{Output, items, member, moment, size},
};

/// One line per device.
pub fn list(out: &mut Output<'_>, devices: &[Value], none: &str) -> Outcome {
    let row = |device: &Value| {
        let seen = member(device, "last_seen.at");
        let seen = if seen.is_empty() { "never".to_owned() } else { out.ago(&seen) };
        let model = Some(member(device, "model")).filter(|m| !m.is_empty()).unwrap_or_else(|| member(device, "vendor"));
        vec![name(device), model, member(device, "state"), files_of(device), seen, member(device, "last_seen.ip"), member(device, "label")]
    };
    let rows = devices.iter().map(row).collect();
    out.table(&["mac", "model", "state", "files", "seen", "from", "label"], rows, none)
}

/// Whether it has its own file. One that is pending may only have fetched what it boots with.
fn files_of(device: &Value) -> String {
    match (member(device, "state").as_str(), member(device, "last_seen.at").as_str()) {
        ("pending", "") => "never".to_owned(),
        ("pending", _) => "bootstrap".to_owned(),
        _ => member(device, "sync"),
    }
}

/// Its MAC, else what it is known by.
pub fn name(device: &Value) -> String {
    ["mac", "serial", "uuid", "id"].iter().map(|n| member(device, n)).find(|t| !t.is_empty()).unwrap_or_default()
}

/// What a device sent.
pub fn uploads(out: &mut Output<'_>, list: &Value) -> Outcome {
    let row = |u: &Value| {
        let bytes = u.get("size").and_then(Value::as_u64).unwrap_or(0);
        vec![member(u, "file"), member(u, "kind"), size(bytes), moment(&member(u, "at")), member(u, "transport")]
    };
    let rows = items(list).iter().map(row).collect();
    out.table(&["file", "kind", "size", "came (utc)", "by"], rows, "It sent nothing that its pack takes.")
}

/// What a person should know of its settings.
pub fn notes(out: &mut Output<'_>, notes: &Value) -> Outcome {
    let rows: Vec<_> = notes.as_array().into_iter().flatten().map(|n| vec![member(n, "path"), member(n, "message")]).collect();
    if rows.is_empty() {
        return Ok(());
    }
    out.heading("To be known")?;
    out.table(&["setting", "what about it"], rows, "")
}

/// Every file that it may ask for.
pub fn files(out: &mut Output<'_>, files: &Value) -> Outcome {
    let rows = items(files).iter().map(|file| {
        let bytes = file.get("size").and_then(Value::as_u64).map(size);
        let state = bytes.unwrap_or_else(|| none(file));
        let secret = if member(file, "credentials") == "true" { "yes" } else { "" };
        vec![member(file, "path"), member(file, "kind"), secret.to_owned(), state]
    });
    let rows = rows.collect();
    out.table(&["path", "kind", "secrets", "size"], rows, "It may ask for no file: no pack serves it yet.")
}

/// Why there is no file now.
fn none(file: &Value) -> String {
    let why = crate::explain::reason(file.get("absent").unwrap_or(&Value::Null));
    match member(file, "optional").as_str() {
        "true" if missing_firmware(file).is_none() => "none (normal)".to_owned(),
        _ => format!("none: {why}"),
    }
}

/// Firmware that is wanted and not stored.
pub fn missing_firmware(file: &Value) -> Option<String> {
    let absent = file.get("absent")?;
    crate::explain::is_missing_firmware(absent).then(|| format!("{}: {}", member(file, "path"), crate::explain::reason(absent)))
}

/// Every setting that applies, with its layer.
pub fn settings(out: &mut Output<'_>, explained: &Value, below: &str) -> Outcome {
    let wanted =
        |path: &str| below.is_empty() || path == below || path.strip_prefix(below).is_some_and(|rest| rest.starts_with(['.', '[']));
    let values = explained.get("values").unwrap_or(explained);
    let row = |value: &Value| {
        let account = member(value, "account");
        let layer = member(value, "layer");
        let mut from = if account.is_empty() { layer } else { format!("{layer}, account {account}") };
        let maps = member(value, "address_maps");
        if !maps.is_empty() {
            from.push_str(&format!(", by address map {maps}"));
        }
        vec![member(value, "path"), member(value, "value"), from]
    };
    let rows = items(values).iter().filter(|v| wanted(&member(v, "path"))).map(row).collect();
    out.table(&["setting", "value", "from"], rows, "Nothing is set there.")?;
    if items(values).iter().any(|v| member(v, "layer") == "pending") {
        out.line("")?;
        out.paragraph("", "It is pending: its profiles and its own settings count once it is approved.")?;
    }
    if below.is_empty() { notes(out, explained.get("notes").unwrap_or(&Value::Null)) } else { Ok(()) }
}

/// What rendering every file gave.
pub fn check(out: &mut Output<'_>, answer: &Value) -> Outcome {
    let policy = member(answer, "policy");
    if !policy.is_empty() {
        let bad = out.bad("It could never fetch its own file: ");
        out.paragraph("", &format!("{bad}{policy}"))?;
    }
    let rows = items(answer.get("files").unwrap_or(&Value::Null)).iter().map(|file| {
        let error = member(file, "error");
        let bytes = file.get("size").and_then(Value::as_u64);
        let state = match (error.as_str(), bytes) {
            ("", Some(bytes)) => format!("good, {}", size(bytes)),
            ("", None) => none(file),
            (error, _) => error.to_owned(),
        };
        vec![member(file, "path"), member(file, "kind"), state]
    });
    let rows = rows.collect();
    out.table(&["path", "kind", "result"], rows, "It may ask for no file: no pack serves it yet.")?;
    let mut all: Vec<Value> = items(answer.get("notes").unwrap_or(&Value::Null)).to_vec();
    for file in items(answer.get("files").unwrap_or(&Value::Null)) {
        let found = items(file.get("notes").unwrap_or(&Value::Null));
        all.extend(found.iter().filter(|n| !all.contains(n)).cloned().collect::<Vec<_>>());
    }
    notes(out, &Value::Array(all))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn printed(print: impl FnOnce(&mut Output<'_>) -> Outcome) -> String {
        let mut bytes = Vec::new();
        print(&mut Output::plain(&mut bytes, "2026-11-21T04:00:00Z")).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().all(|l| l.chars().count() <= 80), "wider than 80 columns:\n{text}");
        text
    }

    fn device() -> Value {
        json!({
            "id": "0192f0c1-0000-7000-8000-000000000001", "tenant": "default", "mac": "00:11:22:33:44:55", "vendor": "acme", "model": "P1",
            "firmware": "1.2", "pack": "acme-pack", "pack_pinned": false, "state": "pending", "profiles": ["reception"],
            "settings": {"lines": {"1": {"account": "1001", "password": "********"}}}, "unset": [], "label": "Front desk", "tags": [],
            "location": "", "sync": "never", "serial": null,
            "last_seen": {"at": "2026-11-21T03:57:00.000Z", "ip": "10.0.0.9", "transport": "http", "path": "/001122334455.cfg", "user_agent": "P1 1.2"}
        })
    }

    #[test]
    fn the_list_fits_80_columns() {
        let text = printed(|out| list(out, &[device(), json!({"serial": "S1", "state": "ready", "sync": "current", "label": "x"})], ""));
        assert!(text.starts_with("MAC"), "{text}");
        assert!(text.contains("00:11:22:33:44:55  P1     pending  bootstrap  3 min ago  10.0.0.9"), "{text}");
        assert!(text.contains("S1"), "{text}");
        assert!(printed(|out| list(out, &[], "None.")) == "None.\n");
    }

    #[test]
    fn files_say_why_there_are_none() {
        let answer = json!({"items": [
            {"path": "/a.cfg", "kind": "device", "credentials": true, "optional": false, "size": 5123, "hash": "0123456789abcdef", "absent": null},
            {"path": "/a.bin", "kind": "firmware", "credentials": false, "optional": false, "size": null, "hash": null,
             "absent": "firmware is not stored: a.bin (offhook firmware add FILE)"},
            {"path": "/a.boot", "kind": "device", "credentials": false, "optional": true, "size": null, "hash": null, "absent": null}]});
        let text = printed(|out| files(out, &answer));
        assert!(text.contains("/a.cfg   device    yes      5.0 KiB"), "{text}");
        assert!(text.contains("none: firmware is not stored") && text.contains("none (normal)"), "{text}");
    }

    #[test]
    fn settings_name_their_layer() {
        let explained = json!({"values": [
            {"path": "lines.1.username", "value": "1001", "layer": "device", "account": "1001"},
            {"path": "lines.10.username", "value": "x", "layer": "site"},
            {"path": "time.ntp", "value": ["ntp.example"], "layer": "site", "address_maps": ["192.0.2.1"]},
            {"path": "time.zone", "value": "Europe/Paris", "layer": "profile reception"}],
            "notes": [{"path": "time.zone", "message": "nearest"}]});
        let text = printed(|out| settings(out, &explained, ""));
        assert!(text.contains("time.zone          Europe/Paris  profile reception"), "{text}");
        assert!(
            text.contains("device, account 1001") && text.contains("site, by address map 192.0.2.1") && text.contains("nearest"),
            "{text}"
        );
        assert!(!text.contains("pending"), "{text}");
        let pending = json!({"values": [{"path": "lines.1.label", "value": "UNPROV", "layer": "pending"}], "notes": []});
        assert!(printed(|out| settings(out, &pending, "")).contains("count once it is approved"));
        let text = printed(|out| settings(out, &explained, "lines.1"));
        assert!(text.contains("lines.1.username") && !text.contains("lines.10") && !text.contains("time.zone"), "{text}");
    }

    #[test]
    fn a_check_tells_each_file_and_the_policy() {
        let answer = json!({"ok": false, "policy": "no trusted network", "notes": [{"path": "a", "message": "b"}], "files": [
            {"path": "/a.cfg", "kind": "device", "size": 10, "error": null, "notes": [{"path": "a", "message": "b"}]},
            {"path": "/b.cfg", "kind": "common", "size": null, "error": "the template failed: base.tpl:3: x", "notes": []}]});
        let text = printed(|out| check(out, &answer));
        assert!(text.contains("It could never fetch its own file: no trusted network"), "{text}");
        assert!(text.contains("good, 10 B") && text.contains("base.tpl:3"), "{text}");
        assert_eq!(text.matches("a        b").count(), 1, "{text}");
    }
}
