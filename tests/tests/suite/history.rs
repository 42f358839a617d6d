//! Who changed what, and making it undone: with the command line, and phones that fetch what it comes to.

use std::process::Output;

use offhook_tests::{Setup, clients::curl, server::Server};
use reqwest::Method;
use serde_json::{Value, json};

const MAC: &str = "00:15:65:aa:bb:cc";
const FILE: &str = "/001565aabbcc.cfg";

fn text(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.lines().all(|l| l.chars().count() <= 80), "wider than 80 columns:\n{text}");
    text
}

fn cli(server: &Server, line: &str) -> String {
    text(&server.cli(&line.split(' ').collect::<Vec<_>>()))
}

fn json_of(server: &Server, line: &str) -> Value {
    let output = server.cli(&line.split(' ').chain(["--json"]).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fetched(server: &Server) -> String {
    let answer = curl(&server.phone_url(FILE), &["-A", "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc"]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

#[test]
fn three_edits_are_looked_at_and_the_first_comes_back() {
    let server = Setup::default().start();
    cli(
        &server,
        &format!("device add {MAC} --model T46S --label first lines.1.username=1001 lines.1.password=planted-one lines.1.label=A"),
    );
    let first = fetched(&server);
    cli(&server, &format!("device set {MAC} --label second"));
    cli(&server, &format!("device set {MAC} lines.1.label=B lines.1.password=planted-two"));
    cli(&server, &format!("device set {MAC} lines.1.label=C --clear lines.1.username lines.2.label=x"));
    let fourth = fetched(&server);
    assert!(first.contains("planted-one") && fourth.contains("planted-two") && fourth != first);

    let told = cli(&server, &format!("device history {MAC}"));
    let wanted = [
        "Revision 4 (now), ",
        "  - lines.1.label: \"B\"\n  + lines.1.label: \"C\"\n",
        "Revision 3, ",
        "  ~ lines.1.password: ******** (changed)\n",
        "Revision 2, ",
        "  - label: \"first\"\n  + label: \"second\"\n",
        "Revision 1, ",
        "  The first version that is known.\n",
    ];
    let mut rest = told.as_str();
    for part in wanted {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("no {part:?} in order in\n{told}")).1;
    }
    assert!(told.contains("first start from 127.0.0.1"), "{told}");
    let one = cli(&server, &format!("device history {MAC} 1"));
    assert!(
        one.contains("  label = first\n") && one.contains("From revision 4 to this one") && one.contains("  + label: \"first\"\n"),
        "{one}"
    );
    let between = json_of(&server, &format!("device history {MAC} 2 --against 1"));
    assert_eq!(between["changes"], json!([{ "path": "label", "before": "first", "after": "second" }]));

    let tried = cli(&server, &format!("device restore {MAC} 1 --dry-run"));
    assert!(tried.contains("would be as it was in revision 1") && fetched(&server) == fourth, "{tried}");
    let refused = server.cli(&["device", "restore", MAC, "1", "--revision", "2"]);
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));
    let done = cli(&server, &format!("device restore {MAC} 1"));
    assert!(done.contains(&format!("{MAC} is as it was in revision 1.")), "{done}");
    assert_eq!(fetched(&server), first, "the phone gets what it got then");
    let device = server.get(&format!("/devices/{MAC}"));
    assert_eq!((&device["revision"], &device["label"]), (&json!(5), &json!("first")));
    // Without a revision it is the one before.
    cli(&server, &format!("device restore {MAC}"));
    assert_eq!(fetched(&server), fourth);
    assert!(told.len() + one.len() + done.len() > 0 && !format!("{told}{one}{done}{between}").contains("planted"));
}

#[test]
fn what_was_deleted_is_brought_back() {
    let server = Setup::default().start();
    cli(&server, "account add 1001 password=planted-account");
    cli(&server, &format!("device add {MAC} --model T46S lines.1.account=1001"));
    let before = fetched(&server);
    let id = server.get(&format!("/devices/{MAC}"))["id"].clone();
    cli(&server, &format!("device delete {MAC}"));
    cli(&server, "account delete 1001");
    assert_ne!(curl(&server.phone_url(FILE), &[]).text(), before);
    let gone = cli(&server, "history deleted");
    assert!(gone.contains(MAC) && gone.contains("1001") && gone.contains("first start"), "{gone}");
    assert!(gone.contains("offhook account restore 1001 --tenant default"), "{gone}");
    assert_eq!(json_of(&server, "history deleted --noun device")["items"][0]["id"], id);

    // What it needs is not there: nothing comes back that could not be written.
    let refused = server.api(Method::POST, &format!("/devices/{MAC}/history/1/restore"), None);
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert!(refused.text().contains("settings.lines.1.account"), "{}", refused.text());
    cli(&server, "account restore 1001");
    // The phone went on asking and is an unknown one now. Once a person took it, the address is taken.
    assert_eq!(server.get(&format!("/devices/{MAC}"))["state"], "pending");
    server.patch(&format!("/devices/{MAC}"), &json!({ "label": "another" }));
    let taken = server.api(Method::POST, &format!("/devices/{}/history/1/restore", id.as_str().unwrap()), None);
    assert_eq!(taken.status, 409, "{}", taken.text());
    server.delete(&format!("/devices/{MAC}"));
    assert_ne!(curl(&server.phone_url(FILE), &[]).text(), before);
    assert_ne!(server.get(&format!("/devices/{MAC}"))["id"], id);
    cli(&server, &format!("device restore {}", id.as_str().unwrap()));
    let device = server.get(&format!("/devices/{MAC}"));
    assert_eq!((&device["id"], &device["revision"]), (&id, &json!(2)));
    assert_eq!(fetched(&server), before);
    let versions = server.get(&format!("/devices/{MAC}/history"));
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_restored_profile_site_tenant_and_template_change_what_phones_get() {
    let server = Setup::default().start();
    cli(&server, "profile add office time.ntp=one.example");
    cli(&server, &format!("device add {MAC} --model T46S --profile office lines.1.username=u"));
    cli(&server, "profile set office time.ntp=two.example");
    assert!(fetched(&server).contains("two.example"));
    let diff = cli(&server, "profile history office");
    assert!(diff.contains("  - time.ntp: [\"one.example\"]\n  + time.ntp: [\"two.example\"]\n"), "{diff}");
    cli(&server, "profile restore office 1");
    assert!(fetched(&server).contains("one.example"));
    assert_eq!(server.get(&format!("/devices/{MAC}"))["sync"], "current");

    cli(&server, "site set display.text=Before");
    cli(&server, "site set display.text=After");
    cli(&server, "site restore");
    assert_eq!(server.get("/site")["settings"]["display"]["text"], "Before");
    assert!(cli(&server, "site history").contains("Revision 4 (now)"));

    cli(&server, "tenant add north --network 10.9.0.0/16 display.text=North");
    cli(&server, "tenant set north display.text=South");
    cli(&server, "tenant restore north 1");
    assert_eq!(server.get("/tenants/north")["settings"]["display"]["text"], "North");
    cli(&server, "tenant delete north");
    cli(&server, "tenant restore north");
    assert_eq!(server.get("/tenants/north")["networks"], json!(["10.9.0.0/16"]));

    let plain = fetched(&server);
    let place = "/templates/site/yealink/T46S.tpl";
    for marker in ["first", "second"] {
        let source = format!("{{% extends \"@pack/base.tpl\" %}}\n{{% block more %}}\n# {marker}\n{{% endblock %}}\n");
        server.put(place, &json!({ "source": source }));
    }
    assert!(fetched(&server).contains("# second"));
    let diff = cli(&server, "template history yealink T46S.tpl");
    assert!(diff.contains("  -# first\n  +# second\n"), "{diff}");
    cli(&server, "template restore yealink T46S.tpl 1");
    assert!(fetched(&server).contains("# first"));
    server.delete(place);
    assert_eq!(fetched(&server), plain);
    let listed = cli(&server, "history deleted --noun template");
    assert!(listed.contains("offhook template restore yealink t46s.tpl"), "{listed}");
    cli(&server, "template restore yealink T46S.tpl 2");
    assert!(fetched(&server).contains("# second"));
    assert_eq!(server.get(place)["revision"], 4);
}

#[test]
fn the_log_tells_who_and_from_where_and_no_secret() {
    let mut server = Setup::default().start();
    for secret in ["planted-line", "planted-code", "planted-site", "planted-later"] {
        server.plant_secret(secret);
    }
    let token = String::from_utf8(server.cli(&["token", "create", "--label", "Anna", "--role", "operator"]).stdout).unwrap();
    let anna = ["--token", token.trim()];
    let run = |line: &str| text(&server.cli(&line.split(' ').chain(anna).collect::<Vec<_>>()));
    run(&format!("device add {MAC} --model T46S lines.1.username=u lines.1.password=planted-line"));
    run("account add 1001 password=planted-code");
    cli(&server, "site set access.admin_password=planted-site");
    run(&format!("device set {MAC} lines.1.password=planted-later"));
    run(&format!("device cat {MAC} --reveal"));
    run("device list");
    server.post(&format!("/devices/{MAC}/sync"), &json!({ "action": "reload" }));
    run(&format!("device delete {MAC}"));

    let all = cli(&server, "audit list --limit 100");
    let mine = cli(&server, &format!("audit list --subject {MAC}"));
    for part in ["create device", "update device", "reveal device", "sync device", "delete device"] {
        assert!(mine.contains(&format!("{part} {MAC}\n")), "no {part} in\n{mine}");
    }
    assert!(mine.contains("Anna from 127.0.0.1") && mine.contains("~ lines.1.password: ******** (changed)"), "{mine}");
    assert!(all.contains("create token Anna\n") && all.contains("update site site\n") && !mine.contains("token"), "{all}");
    let entry = &json_of(&server, "audit list --action reveal")["items"][0];
    assert_eq!((&entry["detail"], &entry["by"]["label"]), (&json!(FILE), &json!("Anna")));
    let shown = cli(&server, &format!("audit show {}", entry["id"].as_str().unwrap()));
    assert!(shown.contains("reveal device"), "{shown}");
    assert_eq!(json_of(&server, "audit list --until 2020-01-01")["items"], json!([]));
    // Who may look: not an installer.
    let token = String::from_utf8(server.cli(&["token", "create", "--label", "Ivo", "--role", "installer"]).stdout).unwrap();
    assert_eq!(server.cli(&["audit", "list", "--token", token.trim()]).status.code(), Some(3));

    let whole = server.get("/audit?limit=1000").to_string() + &server.get(&format!("/devices/{MAC}/history")).to_string();
    let log = server.log();
    server.stop();
    let mut looked = false;
    for (place, bytes) in server.kept() {
        // The store itself is among them.
        looked |= bytes.windows(17).any(|w| w == b"00:15:65:aa:bb:cc");
        assert!(!bytes.windows(8).any(|w| w == b"planted-"), "{place} holds a secret");
    }
    assert!(looked && !whole.contains("planted") && !log.contains("planted"));
}
