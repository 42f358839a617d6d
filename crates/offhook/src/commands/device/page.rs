//! What is printed of devices: the list, the one page of a device, its files, its settings, its check.

use offhook_core::trace::Reason;
use serde_json::Value;

use crate::{
    commands::{requests, settings_table},
    failure::Outcome,
    output::{Output, items, member, moment, size},
};

/// One line per device.
pub fn list(out: &mut Output<'_>, devices: &[Value]) -> Outcome {
    let row = |device: &Value| {
        let seen = member(device, "last_seen.at");
        let seen = if seen.is_empty() { "never".to_owned() } else { out.ago(&seen) };
        let model = Some(member(device, "model")).filter(|m| !m.is_empty()).unwrap_or_else(|| member(device, "vendor"));
        vec![
            name(device),
            model,
            member(device, "state"),
            member(device, "sync"),
            seen,
            member(device, "last_seen.ip"),
            member(device, "label"),
        ]
    };
    let rows = devices.iter().map(row).collect();
    out.table(
        &["mac", "model", "state", "files", "seen", "from", "label"],
        rows,
        "There are no devices. Add one (offhook device add --help), or switch a phone on: it shows up as pending.",
    )
}

/// Its MAC, else what it is known by.
fn name(device: &Value) -> String {
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

/// What an administrator wants to know of one device.
pub fn show(out: &mut Output<'_>, device: &Value, asked: &Value, sent: &Value, explained: &Value) -> Outcome {
    let text = |path: &str| member(device, path);
    let title = [text("label"), name(device)].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("  ");
    let title = out.strong(&title);
    out.line(title)?;
    out.fields(&[
        ("  What", what(device)),
        ("  State", state(device)),
        ("  Served by", pack(device)),
        ("  Its own file", sync(device)),
        ("  Last seen", last_seen(out, device)),
        ("  Asked for", text("last_seen.path")),
        ("  User-Agent", text("last_seen.user_agent")),
        ("  Location", text("location")),
        ("  Tags", text("tags")),
        ("  Tenant", text("tenant")),
        ("  Profiles", text("profiles")),
        ("  Takes away", text("unset")),
        ("  Id", text("id")),
    ])?;
    out.heading("Settings of its own")?;
    settings_table(out, device.get("settings").unwrap_or(&Value::Null), "None: everything comes from its profiles, tenant and site.")?;
    notes(out, explained.get("notes").unwrap_or(&Value::Null))?;
    if asked.is_object() && !items(asked).is_empty() {
        out.heading("Lately")?;
        // What the state asks for stands below, as it is now.
        requests::show(out, asked, false, &[Reason::PendingFile, Reason::Disabled])?;
    }
    if !items(sent).is_empty() {
        out.heading("Sent by it")?;
        uploads(out, sent)?;
    }
    let next = next(device);
    if !next.is_empty() {
        out.heading("What to do next")?;
        next.iter().try_for_each(|step| out.paragraph("  ", step))?;
    }
    Ok(())
}

fn what(device: &Value) -> String {
    let text = |path: &str| member(device, path);
    let mut what = [text("vendor"), text("model")].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ");
    if what.is_empty() {
        what = "not known yet".to_owned();
    }
    if !text("firmware").is_empty() {
        what.push_str(&format!(", firmware {}", text("firmware")));
    }
    if !text("reported_model").is_empty() {
        what.push_str(&format!("; it calls itself {}", text("reported_model")));
    }
    what
}

fn state(device: &Value) -> String {
    match member(device, "state").as_str() {
        "pending" => "pending: it gets bootstrap files without credentials until it is approved".to_owned(),
        "ready" => "ready: it gets its files".to_owned(),
        "disabled" => "disabled: it is answered like a stranger".to_owned(),
        other => other.to_owned(),
    }
}

fn pack(device: &Value) -> String {
    match (member(device, "pack").as_str(), member(device, "pack_pinned").as_str()) {
        ("", _) => "no pack yet: nothing known of it tells its family".to_owned(),
        (pack, "true") => format!("pack {pack}, chosen by a person"),
        (pack, _) => format!("pack {pack}, chosen by what is known of it"),
    }
}

fn sync(device: &Value) -> String {
    match member(device, "sync").as_str() {
        "never" => "never fetched".to_owned(),
        "current" => "current: the last one it fetched is today's".to_owned(),
        "outdated" if member(device, "state") == "ready" => {
            "outdated: something changed since it last fetched; it gets it at its next boot or check".to_owned()
        }
        "outdated" => "outdated: something changed since it last fetched".to_owned(),
        other => other.to_owned(),
    }
}

fn last_seen(out: &Output<'_>, device: &Value) -> String {
    match member(device, "last_seen.at").as_str() {
        "" => "never".to_owned(),
        at => format!("{}, from {} over {}", out.when(at), member(device, "last_seen.ip"), member(device, "last_seen.transport")),
    }
}

fn next(device: &Value) -> Vec<String> {
    let name = name(device);
    let text = |path: &str| member(device, path);
    let mut steps = Vec::new();
    if text("state") == "pending" {
        let has_line = device.get("settings").and_then(|s| s.get("lines")).is_some();
        if !has_line {
            steps.push(format!("Give it a line:\noffhook device set {name} lines.1.account=ACCOUNT"));
        }
        steps.push(format!("Approve it:\noffhook device approve {name}"));
    }
    if text("state") == "disabled" {
        steps.push(format!("To serve it again:\noffhook device approve {name}"));
    }
    if text("state") == "ready" && text("last_seen.at").is_empty() {
        steps.push(
            "It never asked for anything: point it at this server (the pack's page tells how) and watch:\noffhook requests --follow"
                .to_owned(),
        );
    }
    if text("state") == "ready" && text("sync") == "outdated" {
        steps.push("Restart it, or let its own timer come, and it fetches today's file.".to_owned());
    }
    if text("pack").is_empty() {
        steps.push(format!("Say what it is, by --model or --pack (offhook pack list has them):\noffhook device set {name} --model MODEL"));
    }
    steps
}

fn notes(out: &mut Output<'_>, notes: &Value) -> Outcome {
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
        let hash: String = member(file, "hash").chars().take(12).collect();
        vec![member(file, "path"), member(file, "kind"), secret.to_owned(), state, hash]
    });
    let rows = rows.collect();
    out.table(&["path", "kind", "secrets", "size", "hash"], rows, "It may ask for no file: no pack serves it yet.")
}

/// Why there is no file now.
fn none(file: &Value) -> String {
    let why = crate::explain::reason(file.get("absent").unwrap_or(&Value::Null));
    match member(file, "optional").as_str() {
        "true" => "none (normal)".to_owned(),
        _ => format!("none: {why}"),
    }
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
        let text = printed(|out| list(out, &[device(), json!({"serial": "S1", "state": "ready", "sync": "current", "label": "x"})]));
        assert!(text.starts_with("MAC"), "{text}");
        assert!(text.contains("00:11:22:33:44:55  P1     pending  never    3 min ago  10.0.0.9"), "{text}");
        assert!(text.contains("S1"), "{text}");
        assert!(printed(|out| list(out, &[])).contains("offhook device add --help"));
    }

    #[test]
    fn the_page_tells_what_it_is_where_and_what_to_do() {
        let asked = json!({"items": [{"id": "1", "at": "2026-11-21T03:57:00.000Z", "ip": "10.0.0.9", "transport": "http", "method": "GET",
            "path": "/001122334455.cfg", "status": 200, "bytes": 10, "decision": "allowed", "reason": "pending_file"}]});
        let explained = json!({"values": [], "notes": [{"path": "lines.1.srtp", "message": "not supported by this model"}]});
        let text = printed(|out| show(out, &device(), &asked, &json!({ "items": [] }), &explained));
        for expected in [
            "Front desk  00:11:22:33:44:55\n",
            "acme P1, firmware 1.2",
            "pending: it gets bootstrap files without credentials",
            "pack acme-pack, chosen by what is known of it",
            "never fetched",
            "2026-11-21 03:57:00 UTC (3 min ago), from 10.0.0.9 over http",
            "lines.1.account   1001",
            "lines.1.password  ********",
            "lines.1.srtp  not supported by this model",
            "approve it to give it the real one\n\nWhat to do next\n  Approve it:\n",
            "Lately\n2026-11-21 03:57:00  10.0.0.9  http GET /001122334455.cfg",
            "What to do next",
            "offhook device approve 00:11:22:33:44:55",
        ] {
            assert!(text.contains(expected), "{expected}\n--- not in ---\n{text}");
        }
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
        assert!(text.contains("0123456789ab") && !text.contains("abc"), "{text}");
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
