//! The one page that an administrator wants of a phone: what it is, where, what it fetched, whether that is today's, why not, and what to
//! type next.

use std::collections::BTreeSet;

use offhook_core::{Mac, trace::Reason};
use serde_json::Value;

use super::page;
use crate::{
    client::Client,
    commands::{document, requests, settings_table},
    explain,
    failure::Outcome,
    output::{Output, items, member, size},
};

/// So many requests are looked at; the newest of each file is shown.
const ASKED: usize = 50;
/// So many of the newest refused requests are looked through for those that ask for this phone's files from elsewhere.
const REFUSED: usize = 200;
/// Most lines of a table.
const ROWS: usize = 8;
/// So many changes since the last fetch are named.
const CAUSES: usize = 4;

/// What the server says of a device. What was not asked is null.
#[derive(Debug, Default)]
pub struct Page {
    device: Value,
    explained: Value,
    check: Value,
    asked: Value,
    strangers: Vec<Value>,
    sent: Value,
}

impl Page {
    /// Asks for everything.
    pub async fn read(client: &Client, device: Value) -> Outcome<Self> {
        let id = member(&device, "id");
        let mut page = Self::short(client, device).await;
        page.asked = client.list(&["devices", &id, "requests"], &[], ASKED).await?;
        page.sent = client.list(&["devices", &id, "uploads"], &[], 5).await.unwrap_or_default();
        // A device that no pack serves cannot be checked: the page says so itself.
        page.check = client.post(&["devices", &id, "check"], &[], &document()).await.unwrap_or_default();
        if let Ok(mac) = member(&page.device, "mac").parse::<Mac>() {
            let refused = client.list(&["requests"], &[("decision", Some("refused".to_owned()))], REFUSED).await.unwrap_or_default();
            page.strangers =
                items(&refused).iter().filter(|r| names(r, mac) && r.get("device").is_none_or(Value::is_null)).cloned().collect();
        }
        Ok(page)
    }

    /// After a write: without what it asked for lately.
    pub async fn short(client: &Client, device: Value) -> Self {
        let id = member(&device, "id");
        let explained = client.get(&["devices", &id, "settings"], &[("explain", Some("true".to_owned()))]).await.unwrap_or_default();
        Self { device, explained, ..Self::default() }
    }

    /// Of the document alone.
    pub fn of(device: Value) -> Self {
        Self { device, ..Self::default() }
    }

    /// Prints it.
    pub fn print(&self, out: &mut Output<'_>) -> Outcome {
        let text = |path: &str| member(&self.device, path);
        let title = [text("label"), page::name(&self.device)].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("  ");
        let title = out.strong(&title);
        out.long_line(&title)?;
        out.fields(&[
            ("  State", state(&self.device)),
            ("  Its own file", self.own_file(out)),
            ("  Changed since", self.causes(out)),
            ("  What", what(&self.device)),
            ("  Serial number", text("serial")),
            ("  UUID", text("uuid")),
            ("  Tenant", text("tenant")),
            ("  Location", text("location")),
            ("  Tags", text("tags")),
            ("  Served by", pack(&self.device)),
            ("  Profiles", self.profiles()),
            ("  Takes away", text("unset")),
            ("  Last seen", last_seen(out, &self.device)),
            ("  Calls itself", text("last_seen.user_agent")),
            ("  Id", text("id")),
        ])?;
        self.lines(out)?;
        self.own_settings(out)?;
        self.requests(out)?;
        if !items(&self.sent).is_empty() {
            out.heading("Sent by it")?;
            page::uploads(out, &self.sent)?;
        }
        self.problems(out)?;
        let next = self.next();
        if !next.is_empty() {
            out.heading("What to do next")?;
            next.iter().try_for_each(|step| out.paragraph("  ", step))?;
        }
        Ok(())
    }

    fn is(&self, state: &str) -> bool {
        member(&self.device, "state") == state
    }

    fn sync(&self) -> String {
        member(&self.device, "sync")
    }

    /// The newest request of those that were shown which was given its bootstrap file.
    fn bootstrap(&self) -> Option<&Value> {
        let given = |r: &&Value| explain::known(r.get("reason").unwrap_or(&Value::Null)) == Some(Reason::PendingFile);
        items(&self.asked).iter().find(given)
    }

    fn own_file(&self, out: &Output<'_>) -> String {
        let fetched = member(&self.device, "last_fetch.at");
        let fetched = if fetched.is_empty() { String::new() } else { format!(" (fetched {})", out.ago(&fetched)) };
        if self.is("pending") {
            return match self.bootstrap() {
                Some(request) => format!("only its bootstrap file so far, fetched {}", out.ago(&member(request, "at"))),
                None => "none until it is approved".to_owned(),
            };
        }
        match self.sync().as_str() {
            "never" => "never fetched".to_owned(),
            "current" => out.good(&format!("current: what it has is today's{fetched}")),
            "outdated" => out.bad(&format!("outdated: what it has is not today's{fetched}")),
            other => other.to_owned(),
        }
    }

    /// What made its file another one.
    fn causes(&self, out: &Output<'_>) -> String {
        let causes = self.device.get("outdated_by").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let told = |cause: &Value| {
            let name = member(cause, "name");
            let what = match member(cause, "noun").as_str() {
                "device" => "its own settings".to_owned(),
                "site" => "the site's settings".to_owned(),
                "unknown" => {
                    return "nothing that has a date: something was taken away, it told another model or firmware, or a file \
                                     that its settings name is another one"
                        .to_owned();
                }
                noun => format!("{} {name}", noun.replace('-', " ")),
            };
            format!("{what}, {}", out.ago(&member(cause, "at")))
        };
        let mut lines: Vec<String> = causes.iter().take(CAUSES).map(told).collect();
        if causes.len() > CAUSES {
            lines.push(format!("and {} more", causes.len() - CAUSES));
        }
        lines.join("\n")
    }

    /// Those that apply: assigned, their parents, and those that match by themselves.
    fn profiles(&self) -> String {
        let assigned: Vec<&str> = array(&self.device, "profiles").iter().filter_map(Value::as_str).collect();
        if self.is("pending") {
            let once = |name: &&str| format!("{name} (once it is approved)");
            return assigned.iter().map(once).collect::<Vec<_>>().join("\n");
        }
        let mut told = Vec::new();
        for layer in array(&self.explained, "layers").iter().filter_map(Value::as_str) {
            let matching = layer.strip_prefix("site profile ").or_else(|| layer.strip_prefix("tenant profile "));
            match (matching, layer.strip_prefix("profile ")) {
                (Some(name), _) => told.push(format!("{name} (it matches)")),
                (None, Some(name)) if !assigned.contains(&name) => told.push(format!("{name} (a parent)")),
                _ => {}
            }
        }
        told.extend(assigned.iter().map(|name| (*name).to_owned()));
        told.join(", ")
    }

    fn lines(&self, out: &mut Output<'_>) -> Outcome {
        let pending = self.is("pending");
        let of = if pending { &self.device } else { &self.explained };
        let effective = of.pointer("/settings/lines").and_then(Value::as_object);
        let row = |(number, line): (&String, &Value)| {
            let name = ["label", "display_name"].iter().map(|n| member(line, n)).find(|t| !t.is_empty()).unwrap_or_default();
            let user = ["number", "username"].iter().map(|n| member(line, n)).find(|t| !t.is_empty()).unwrap_or_default();
            let state = if member(line, "enabled") == "false" { "off" } else { "" };
            let account = Some(member(line, "account")).filter(|a| !a.is_empty()).unwrap_or_else(|| "(none)".to_owned());
            vec![number.clone(), account, user, name, server(line), state.to_owned()]
        };
        let mut rows: Vec<_> = effective.into_iter().flatten().map(row).collect();
        rows.sort_by_key(|row| row.first().and_then(|n| n.parse::<u32>().ok()));
        if rows.is_empty() {
            return Ok(());
        }
        out.heading(if pending { "Lines, once it is approved" } else { "Lines" })?;
        out.table(&["line", "account", "number", "name", "server", ""], rows, "")
    }

    fn own_settings(&self, out: &mut Output<'_>) -> Outcome {
        let settings = self.device.get("settings").unwrap_or(&Value::Null);
        out.heading("Settings of its own")?;
        settings_table(out, settings, "None: everything comes from its profiles, tenant and site.")
    }

    /// The newest request of each file, and why not where it was refused.
    fn requests(&self, out: &mut Output<'_>) -> Outcome {
        let mut seen = BTreeSet::new();
        let newest = items(&self.asked).iter().filter(|r| seen.insert((member(r, "path"), member(r, "decision"))));
        let newest: Vec<&Value> = newest.take(ROWS).collect();
        if !newest.is_empty() {
            out.heading("What it asked for last")?;
            let row = |r: &&Value| {
                let bytes = r.get("bytes").and_then(Value::as_u64).unwrap_or(0);
                let got = if member(r, "decision") == "allowed" { size(bytes) } else { "nothing".to_owned() };
                vec![out.ago(&member(r, "at")), member(r, "path"), requests::status(r), got, member(r, "transport"), member(r, "ip")]
            };
            let rows = newest.iter().map(row).collect();
            out.table(&["when", "file", "status", "got", "over", "from"], rows, "")?;
            why_not(out, &newest, &page::name(&self.device))?;
        }
        if self.strangers.is_empty() {
            return Ok(());
        }
        out.heading("Somebody else asked for its files, and was refused")?;
        let first: Vec<&Value> = self.strangers.iter().take(3).collect();
        let row = |r: &&Value| vec![out.ago(&member(r, "at")), member(r, "path"), member(r, "transport"), member(r, "ip")];
        let rows = first.iter().map(row).collect();
        out.table(&["when", "file", "over", "from"], rows, "")?;
        why_not(out, &first, &page::name(&self.device))
    }

    /// What stands in its way, and what a person should know.
    fn problems(&self, out: &mut Output<'_>) -> Outcome {
        let failed = items(self.check.get("files").unwrap_or(&Value::Null)).iter().filter(|f| !member(f, "error").is_empty());
        let mut failed: Vec<String> = failed.map(|f| format!("{}: {}", member(f, "path"), member(f, "error"))).collect();
        failed.extend(self.missing_firmware());
        let policy = member(&self.check, "policy");
        if !failed.is_empty() || !policy.is_empty() {
            out.heading("What stands in its way")?;
            for told in failed.iter().chain([&policy]).filter(|t| !t.is_empty()) {
                let told = out.bad(told);
                out.paragraph("", &told)?;
            }
        }
        let notes = [&self.check, &self.explained].into_iter().find_map(|of| of.get("notes")).unwrap_or(&Value::Null);
        page::notes(out, notes)
    }

    /// What it would be given, were it stored.
    fn missing_firmware(&self) -> impl Iterator<Item = String> {
        items(self.check.get("files").unwrap_or(&Value::Null)).iter().filter_map(page::missing_firmware)
    }

    fn next(&self) -> Vec<String> {
        let name = page::name(&self.device);
        let text = |path: &str| member(&self.device, path);
        let mut steps = Vec::new();
        if text("pack").is_empty() {
            steps.push(format!(
                "Say what it is, by --model or --pack (offhook pack list has them):\noffhook device set {name} --model MODEL"
            ));
        }
        if self.check.get("ok") == Some(&Value::Bool(false)) {
            steps.push(format!("See what fails, and where:\noffhook device check {name}"));
        }
        if self.missing_firmware().next().is_some() {
            let model = Some(text("model")).filter(|m| !m.is_empty()).map(|m| format!(" --model {m}")).unwrap_or_default();
            steps.push(format!(
                "Store the firmware that is missing; the second lists what can be fetched:\noffhook firmware add FILE\n\
                 offhook firmware catalogue{model}"
            ));
        }
        if self.is("pending") {
            if self.device.pointer("/settings/lines").is_none() {
                steps.push(format!("Give it a line:\noffhook device set {name} lines.1.account=ACCOUNT"));
            }
            steps.push(format!("Approve it:\noffhook device approve {name}"));
        }
        if self.is("disabled") {
            steps.push(format!("To serve it again:\noffhook device approve {name}"));
        }
        if !text("reported_model").is_empty() {
            steps.push(format!(
                "It is set to {}, and calls itself {}. If it is right:\noffhook device set {name} --model {}",
                text("model"),
                text("reported_model"),
                text("reported_model")
            ));
        }
        if self.is("ready") && text("last_seen.at").is_empty() {
            steps.push(
                "It never asked for anything: point it at this server (the pack's page tells how) and watch:\noffhook requests --follow"
                    .to_owned(),
            );
        } else if self.is("ready") && self.sync() == "never" {
            steps.push("It was seen and never had its own file. Restart it, and watch:\noffhook requests --follow".to_owned());
        }
        if self.is("ready") && self.sync() == "outdated" {
            steps.push(format!("Have it fetch today's file now; else it does at its next boot or check:\noffhook device sync {name}"));
        }
        if steps.is_empty() && !self.asked.is_null() {
            steps.push(format!("Nothing: all is as it should be. Where each of its settings comes from:\noffhook device settings {name}"));
        }
        steps
    }
}

/// Reasons of refused requests, each once, with the remedy.
fn why_not(out: &mut Output<'_>, requests: &[&Value], phone: &str) -> Outcome {
    let mut told = BTreeSet::new();
    for request in requests.iter().filter(|r| member(r, "decision") != "allowed") {
        let reason = request.get("reason").unwrap_or(&Value::Null);
        if told.insert(explain::reason(reason)) {
            out.paragraph("  ", &format!("{}: {}", member(request, "path"), explain::reason(reason)))?;
            // What the state asks for stands below, as it is now.
            let below = explain::known(reason).is_some_and(|r| matches!(r, Reason::PendingFile | Reason::Disabled));
            match explain::advice(reason, phone, &member(request, "ip")) {
                Some(next) if !below => out.paragraph("  ", &format!("→ {next}"))?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whether a request asks for a file of that MAC's name.
fn names(request: &Value, mac: Mac) -> bool {
    let bare: String = mac.to_string().chars().filter(char::is_ascii_hexdigit).collect();
    let path: String = member(request, "path").to_lowercase().chars().filter(|c| !matches!(c, ':' | '-')).collect();
    path.contains(&bare)
}

fn array<'v>(of: &'v Value, name: &str) -> &'v [Value] {
    of.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// `pbx.example:5070 +1`
fn server(line: &Value) -> String {
    let servers = array(line, "servers");
    let Some(first) = servers.first() else { return member(line, "registrar.host") };
    let port = Some(member(first, "port")).filter(|p| !p.is_empty()).map(|p| format!(":{p}")).unwrap_or_default();
    let more = if servers.len() > 1 { format!(" +{}", servers.len() - 1) } else { String::new() };
    format!("{}{port}{more}", member(first, "host"))
}

fn what(device: &Value) -> String {
    let text = |path: &str| member(device, path);
    let mut what = [text("vendor"), text("model")].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ");
    if what.is_empty() {
        what = "not known yet".to_owned();
    }
    if text("model_pinned") == "true" {
        what.push_str(" (a person chose the model)");
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

fn last_seen(out: &Output<'_>, device: &Value) -> String {
    match member(device, "last_seen.at").as_str() {
        "" => "never".to_owned(),
        at => format!("{}, from {} over {}", out.when(at), member(device, "last_seen.ip"), member(device, "last_seen.transport")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn printed(page: &Page) -> String {
        let mut bytes = Vec::new();
        page.print(&mut Output::plain(&mut bytes, "2026-11-21T04:00:00Z")).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().all(|l| l.chars().count() <= 80), "wider than 80 columns:\n{text}");
        text
    }

    fn device(own: Value) -> Value {
        let mut device = json!({
            "id": "0192f0c1-0000-7000-8000-000000000001", "tenant": "default", "mac": "00:11:22:33:44:55", "vendor": "acme", "model": "P1",
            "firmware": "1.2", "pack": "acme-pack", "pack_pinned": false, "state": "ready", "profiles": ["reception"],
            "settings": {"lines": {"1": {"account": "1001", "password": "********"}}}, "unset": [], "label": "Front desk", "tags": [],
            "location": "", "sync": "never", "serial": null,
            "last_seen": {"at": "2026-11-21T03:57:00.000Z", "ip": "10.0.0.9", "transport": "http", "path": "/001122334455.cfg", "user_agent": "P1 1.2"}
        });
        for (name, value) in own.as_object().unwrap() {
            device[name] = value.clone();
        }
        device
    }

    fn request(own: Value) -> Value {
        let mut request = json!({"id": "1", "at": "2026-11-21T03:57:00.000Z", "ip": "10.0.0.9", "transport": "http", "method": "GET",
            "path": "/001122334455.cfg", "status": 200, "bytes": 2048, "decision": "allowed", "reason": "own_file"});
        for (name, value) in own.as_object().unwrap() {
            request[name] = value.clone();
        }
        request
    }

    fn has(text: &str, expected: &[&str]) {
        // Widths of columns depend on what stands in them.
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for expected in expected {
            assert!(plain(text).contains(&plain(expected)), "{expected}\n--- not in ---\n{text}");
        }
    }

    #[test]
    fn a_pending_phone_says_what_it_got_and_how_it_is_approved() {
        let asked = json!({"items": [request(json!({"reason": "pending_file"}))]});
        let explained =
            json!({"values": [], "layers": ["pending"], "notes": [{"path": "lines.1.srtp", "message": "not supported by this model"}]});
        let page = Page { device: device(json!({"state": "pending"})), asked, explained, ..Page::default() };
        has(
            &printed(&page),
            &[
                "Front desk  00:11:22:33:44:55\n",
                "acme P1, firmware 1.2",
                "pending: it gets bootstrap files without credentials",
                "only its bootstrap file so far, fetched 3 min ago",
                "pack acme-pack, chosen by what is known of it",
                "reception (once it is approved)",
                "2026-11-21 03:57:00 UTC (3 min ago), from 10.0.0.9 over http",
                "Lines, once it is approved\nLINE  ACCOUNT",
                "lines.1.account   1001",
                "lines.1.password  ********",
                "lines.1.srtp  not supported by this model",
                "3 min ago  /001122334455.cfg  200     2.0 KiB  http  10.0.0.9",
                "What to do next\n  Approve it:\n    offhook device approve 00:11:22:33:44:55",
            ],
        );
    }

    #[test]
    fn an_outdated_phone_says_why() {
        let causes = json!([{"noun": "profile", "name": "office", "at": "2026-11-21T03:59:00.000Z"},
            {"noun": "site", "name": null, "at": "2026-11-21T03:58:30.000Z"}]);
        let own = json!({"sync": "outdated", "last_fetch": {"at": "2026-11-21T03:50:00.000Z", "path": "/x"}, "outdated_by": causes});
        let explained = json!({"layers": ["built-in", "site", "site profile all-p1", "profile base", "profile reception", "device"],
            "settings": {"lines": {"10": {"username": "10", "enabled": false}, "2": {"account": "1001", "number": "1001", "display_name": "Desk",
            "servers": [{"host": "pbx.example", "port": 5070}, {"host": "b"}]}}}, "values": [], "notes": []});
        let page = Page { device: device(own), explained, asked: json!({"items": []}), ..Page::default() };
        has(
            &printed(&page),
            &[
                "outdated: what it has is not today's (fetched 10 min ago)",
                "Changed since  profile office, 60 s ago\n                 the site's settings, 1 min ago",
                "all-p1 (it matches), base (a parent), reception",
                "2     1001     1001    Desk  pbx.example:5070 +1\n10    (none)   10                                 off",
                "offhook device sync 00:11:22:33:44:55",
            ],
        );
    }

    #[test]
    fn a_phone_that_was_never_seen_says_who_asked_in_its_place() {
        let stranger = request(json!({"decision": "refused", "reason": "stranger", "status": 404, "ip": "203.0.113.9", "device": null}));
        let page =
            Page { device: device(json!({"last_seen": null})), asked: json!({"items": []}), strangers: vec![stranger], ..Page::default() };
        has(
            &printed(&page),
            &[
                "Last seen      never",
                "never fetched",
                "Somebody else asked",
                "203.0.113.9",
                "phones.trusted_networks",
                "offhook requests --follow",
            ],
        );
    }

    #[test]
    fn all_is_well_is_said_too() {
        let own = json!({"sync": "current", "last_fetch": {"at": "2026-11-21T03:58:00.000Z", "path": "/x"}});
        let page = Page { device: device(own), asked: json!({"items": [request(json!({}))]}), ..Page::default() };
        has(&printed(&page), &["current: what it has is today's (fetched 2 min ago)", "Nothing: all is as it should be."]);
    }

    #[test]
    fn firmware_that_is_missing_is_something_to_do() {
        let absent = "firmware is not stored: a.rom (offhook firmware add FILE)";
        let check = json!({"ok": true, "policy": null, "notes": [], "files": [{"path": "/a.rom", "error": null, "optional": true, "absent": absent}]});
        let own = json!({"sync": "current", "last_fetch": {"at": "2026-11-21T03:58:00.000Z", "path": "/x"}});
        let text = printed(&Page { device: device(own), asked: json!({"items": []}), check, ..Page::default() });
        has(&text, &["What stands in its way\n/a.rom: firmware is not stored: a.rom", "offhook firmware catalogue --model P1"]);
        assert!(!text.contains("all is as it should be"), "{text}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let asked = json!({"items": [request(json!({"decision": "refused", "status": 1001, "reason": "unknown_file", "path": "x.cnf"}))]});
        let check = json!({"ok": false, "policy": "no trusted network", "notes": [], "files": [{"path": "/a", "error": "base.tpl:3: x"}]});
        let page = Page { device: device(json!({"model_pinned": true, "reported_model": "P2"})), asked, check, ..Page::default() };
        has(
            &printed(&page),
            &[
                "(a person chose the model)",
                "it calls itself P2",
                "x.cnf: no pack knows a file of this name",
                "What stands in its way\n/a: base.tpl:3: x\nno trusted network",
                "offhook device check 00:11:22:33:44:55",
                "offhook device set 00:11:22:33:44:55 --model P2",
            ],
        );
    }

    #[test]
    fn a_file_of_a_mac_is_known_in_any_spelling() {
        let mac: Mac = "00:11:22:33:44:55".parse().unwrap();
        for path in ["/001122334455.cfg", "SIP001122334455.cnf", "/00-11-22-33-44-55/x"] {
            assert!(names(&json!({ "path": path }), mac), "{path}");
        }
        assert!(!names(&json!({"path": "/001122334456.cfg"}), mac));
    }
}
