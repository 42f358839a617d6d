//! Exit codes, and what is asked and printed, against a server of canned answers.

use std::fs;

use serde_json::{Value, json};

use crate::{code, offhook, run, run_with_input, stderr, stdout, stub::Stub};

const DEVICE: &str = r#"{"id": "d1", "mac": "00:11:22:33:44:55", "state": "ready", "sync": "never", "label": "Desk", "pack": "p",
    "settings": {"lines": {"1": {"servers": [{"host": "a"}]}}}, "unset": ["keys.1"], "profiles": [], "tags": []}"#;

/// A command against a stub.
fn against(stub: &Stub, arguments: &[&str]) -> std::process::Output {
    run(&[arguments, &["--url", &stub.url, "--token", "secret-token"]].concat())
}

#[test]
fn exit_codes_tell_what_happened() {
    let stub = Stub::new(&[
        ("GET /api/v1/devices/good", 200, DEVICE),
        ("GET /api/v1/devices/d1", 200, r#"{"items": []}"#),
        ("GET /api/v1/devices/unauthorized", 401, r#"{"title": "A valid token is needed", "detail": "it has expired"}"#),
        ("GET /api/v1/devices/forbidden", 403, r#"{"title": "Refused", "detail": "this shows secrets"}"#),
        ("GET /api/v1/devices/broken", 500, "no JSON at all"),
    ]);
    for (device, wanted, says) in [
        ("good", 0, ""),
        ("missing", 1, "nothing canned\nSee what there is: offhook device list"),
        ("unauthorized", 3, "OFFHOOK_TOKEN"),
        ("forbidden", 3, "this shows secrets"),
        ("broken", 1, "status 500"),
    ] {
        let output = against(&stub, &["device", "show", device]);
        assert_eq!(code(&output), wanted, "{device}: {}", stderr(&output));
        assert!(stderr(&output).contains(says), "{device}: {}", stderr(&output));
    }
    assert_eq!(code(&run(&["device", "frobnicate"])), 2);
    assert_eq!(code(&against(&stub, &["device", "set", "good"])), 2, "nothing to set");
    assert_eq!(code(&against(&stub, &["device", "set", "good", "no-value"])), 2);
}

#[test]
fn nobody_there_is_4_and_says_what_to_do() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = run(&["device", "list", "--url", &format!("http://{closed}"), "--token", "t"]);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("offhook serve") && stderr(&output).contains("does not answer"), "{}", stderr(&output));
    let folder = tempfile::tempdir().unwrap();
    let output = run(&["device", "list", "--data-dir", folder.path().to_str().unwrap()]);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("listeners.json"), "{}", stderr(&output));
}

#[test]
fn server_and_token_are_found_in_order() {
    let stub = Stub::new(&[("GET /api/v1/devices", 200, r#"{"items": [], "next_cursor": null}"#)]);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let address = stub.url.trim_start_matches("http://");
    fs::write(folder.path().join("listeners.json"), json!({"admin": [address], "http": [], "tftp": []}).to_string()).unwrap();
    fs::write(folder.path().join("admin.token"), "from-file\n").unwrap();
    let list = ["device", "list", "--data-dir", dir];
    assert_eq!(code(&run(&list)), 0);
    assert_eq!(code(&offhook(&["device", "list"]).env("OFFHOOK_DATA_DIR", dir).output().unwrap()), 0);
    assert_eq!(code(&offhook(&list).env("OFFHOOK_TOKEN", "from-variable").output().unwrap()), 0);
    let all = offhook(&[&list[..], &["--token", "from-option", "--url", &stub.url]].concat())
        .env("OFFHOOK_TOKEN", "from-variable")
        .env("OFFHOOK_URL", "http://127.0.0.1:1")
        .output();
    assert_eq!(code(&all.unwrap()), 0);
    let shown: Vec<String> =
        stub.asked().into_iter().flat_map(|a| a.headers).filter(|(n, _)| n == "authorization").map(|(_, v)| v).collect();
    assert_eq!(shown, ["Bearer from-file", "Bearer from-file", "Bearer from-variable", "Bearer from-option"]);
    // A token of this machine is not shown to another one.
    let output = run(&["device", "list", "--data-dir", dir, "--url", "http://192.0.2.1:1"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
}

#[test]
fn a_change_of_a_device_is_one_patch() {
    let stub = Stub::new(&[
        ("GET /api/v1/devices/d1/settings", 200, r#"{"values": [], "notes": []}"#),
        ("GET /api/v1/devices/00:11", 200, DEVICE),
        ("PATCH /api/v1/devices/00:11", 200, DEVICE),
    ]);
    let mac = "00:11:22:33:44:55";
    let arguments = [
        "device",
        "set",
        mac,
        "lines.1.account=1001",
        "lines.1.password=-",
        "lines.1.servers[0].port=5070",
        "--unset",
        "keys.5",
        "--restore",
        "keys.1",
        "--label",
        "Front desk",
        "--profile",
        "a",
        "--profile",
        "b",
        "--model",
        "7960",
        "--url",
        &stub.url,
        "--token",
        "t",
    ];
    let output = run_with_input(&arguments, "s3cret\n");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let patch = stub.asked().into_iter().find(|a| a.line.starts_with("PATCH")).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&patch.body).unwrap(),
        json!({"label": "Front desk", "model": "7960", "profiles": ["a", "b"], "unset": ["keys.5"], "settings": {"lines": {"1":
            {"account": "1001", "password": "s3cret", "servers": [{"host": "a", "port": 5070}]}}}})
    );
    assert!(patch.headers.contains(&("content-type".into(), "application/merge-patch+json".into())));
    assert!(stdout(&output).contains("Desk  00:11:22:33:44:55"), "{}", stdout(&output));
    assert!(!stdout(&output).contains("s3cret"));
}

#[test]
fn faults_of_a_write_are_told_field_by_field() {
    let problem = r#"{"type": "/api/docs#problem-invalid", "title": "What was sent is wrong", "status": 422, "detail": "x",
        "faults": [{"field": "settings.lines.1.number", "message": "must be text"}, {"field": "mac", "message": "is no MAC address"}]}"#;
    let stub = Stub::new(&[("POST /api/v1/devices", 422, problem)]);
    let output = against(&stub, &["device", "add", "12"]);
    assert_eq!(code(&output), 1);
    assert_eq!(
        stderr(&output),
        "offhook: What was sent is wrong:\n  settings.lines.1.number: must be text\n  mac: is no MAC address\n\
         Nothing is changed. Every setting and what it takes: docs/settings.md\n"
    );
}

#[test]
fn lists_are_tables_or_json_and_follow_their_pages() {
    let stub = Stub::new(&[
        ("GET /api/v1/devices?limit=3&cursor=", 200, r#"{"items": [{"mac": "c"}], "next_cursor": null}"#),
        ("GET /api/v1/devices?state=pending&limit=5&cursor=next", 200, r#"{"items": [{"mac": "c"}], "next_cursor": null}"#),
        ("GET /api/v1/devices?state=pending&limit=7", 200, r#"{"items": [{"mac": "a"}, {"mac": "b"}], "next_cursor": "next"}"#),
        ("GET /api/v1/devices?limit=2", 200, r#"{"items": [{"mac": "a"}, {"mac": "b"}], "next_cursor": "next"}"#),
    ]);
    let output = against(&stub, &["device", "list", "--state", "pending", "--limit", "7"]);
    assert!(stdout(&output).starts_with("MAC"), "{}", stdout(&output));
    assert!(stdout(&output).lines().count() == 4 && !stdout(&output).contains("There are more"), "{}", stdout(&output));
    let output = against(&stub, &["device", "list", "--limit", "2"]);
    assert!(stdout(&output).contains("There are more"), "{}", stdout(&output));
    let output = against(&stub, &["device", "list", "--limit", "2", "--json"]);
    let answer: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(answer, json!({"items": [{"mac": "a"}, {"mac": "b"}], "next_cursor": "next"}));
}

#[test]
fn a_check_that_finds_something_fails() {
    let stub = Stub::new(&[
        ("POST /api/v1/devices/a/check", 200, r#"{"ok": true, "policy": null, "notes": [], "files": []}"#),
        ("POST /api/v1/devices/b/check", 200, r#"{"ok": false, "policy": "no way", "notes": [], "files": []}"#),
    ]);
    assert_eq!(code(&against(&stub, &["device", "check", "a"])), 0);
    assert_eq!(code(&against(&stub, &["device", "check", "b"])), 1);
    assert_eq!(code(&against(&stub, &["device", "check", "b", "--json"])), 1);
}

#[test]
fn bytes_come_as_they_are() {
    let stub = Stub::new(&[
        ("GET /api/v1/devices/m/files/dir/a%20b.cfg?reveal=true", 200, "x = 1\r\n"),
        ("POST /api/v1/simulate", 200, r#"{"answer": {"status": 200, "size": 3, "body_base64": "/wAK"}}"#),
    ]);
    assert_eq!(against(&stub, &["device", "cat", "m", "/dir/a b.cfg", "--reveal"]).stdout, b"x = 1\r\n");
    assert_eq!(against(&stub, &["simulate", "--path", "/x", "--body"]).stdout, [0xff, 0, b'\n']);
    let asked = stub.asked().pop().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&asked.body).unwrap(), json!({"transport": "http", "path": "/x"}));
}

#[test]
fn a_simulation_sends_every_fact() {
    let stub = Stub::new(&[("POST /api/v1/simulate", 200, "{}")]);
    let output = against(
        &stub,
        &[
            "simulate",
            "--transport",
            "https",
            "--path",
            "/x",
            "--user-agent",
            "U",
            "--ip",
            "10.0.0.9",
            "--header",
            "X-A: b",
            "--option60",
            "v",
            "--certificate-subject",
            "CN=x",
            "--use-learnt",
            "--reveal",
            "--json",
        ],
    );
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let asked = stub.asked().pop().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&asked.body).unwrap(),
        json!({"transport": "https", "path": "/x", "ip": "10.0.0.9", "headers": {"x-a": "b", "user-agent": "U"}, "options": {"60": "v"},
               "certificate_subject": "CN=x", "use_learnt": true, "reveal": true})
    );
}

#[test]
fn firmware_goes_up_under_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("P0 1.bin");
    fs::write(&file, "image").unwrap();
    let stub = Stub::new(&[("POST /api/v1/firmware?name=P0+1.bin", 201, r#"{"name": "P0 1.bin", "pack": "p", "size": 5}"#)]);
    let output = against(&stub, &["firmware", "add", file.to_str().unwrap()]);
    assert_eq!(stdout(&output), "P0 1.bin is stored for p (5 B).\n", "{}", stderr(&output));
    assert_eq!(stub.asked().pop().unwrap().body, "image");
}

#[test]
fn a_new_token_stands_alone_on_standard_output() {
    let stub = Stub::new(&[("POST /api/v1/tokens", 201, r#"{"id": "t1", "token": "offhook_abc", "role": "read-only"}"#)]);
    let output = against(&stub, &["token", "create", "--label", "x", "--role", "read-only"]);
    assert_eq!(stdout(&output), "offhook_abc\n");
    assert!(stderr(&output).contains("not shown again"));
}

#[test]
fn faults_of_a_configuration_are_told_with_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offhook.toml");
    fs::write(&file, "[log]\nlevl = \"info\"\n[limits]\nrequests = 0\n").unwrap();
    for arguments in [["config", "check"], ["config", "show"], ["serve", "--role=phones"]] {
        let output = run(&[&arguments[..], &["--config", file.to_str().unwrap()]].concat());
        assert_eq!(code(&output), 1);
        let told = stderr(&output);
        assert!(told.contains("offhook.toml:2: log.levl") && told.contains("did you mean level?"), "{told}");
        assert!(told.contains("offhook.toml:4: limits.requests = 0"), "{told}");
    }
    let output = offhook(&["config", "show"]).env("OFFHOOK_LOG__JSON", "true").output().unwrap();
    assert!(stdout(&output).contains("json = true     # OFFHOOK_LOG__JSON"), "{}", stdout(&output));
    let written = run(&["config", "default"]).stdout;
    fs::write(&file, written).unwrap();
    assert_eq!(stdout(&run(&["config", "check", "--config", file.to_str().unwrap()])), "The configuration is good.\n");
}

#[test]
fn packs_are_made_and_checked_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let output = run(&["pack", "check", dir]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("a pack is a folder with a vendor.toml"), "{}", stderr(&output));
    fs::create_dir(folder.path().join("acme")).unwrap();
    fs::write(folder.path().join("acme/vendor.toml"), "id = \"acme\"\nnonsense = 1\n").unwrap();
    let output = run(&["pack", "check", dir]);
    assert_eq!(code(&output), 1);
    assert!(stdout(&output).contains("acme/vendor.toml") && stderr(&output).contains("1 of 1 packs failed"), "{}", stdout(&output));
    let output = run(&["pack", "check", dir, "--json"]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(!report["report"]["faults"].as_array().unwrap().is_empty());
    assert_eq!(code(&run(&["pack", "test", dir])), 1);
}

/// A stream of events, then nobody there any more.
#[test]
fn following_prints_requests_as_they_come_and_ends_with_the_server() {
    let event = |id: &str| {
        let request = json!({"id": id, "at": "2026-11-21T04:00:01.000Z", "ip": "10.0.0.8", "transport": "http", "method": "GET", "path": "/a.cfg",
            "status": 404, "bytes": 0, "decision": "refused", "reason": "no pack knows a file of this name", "trace": []});
        format!("event: request\nid: {id}\ndata: {request}\n\n")
    };
    let stub = Stub::new(&[("GET /api/v1/requests/stream?device=m", 200, &event("r1"))]).ending_after(2);
    let output = against(&stub, &["requests", "--follow", "--device", "m"]);
    assert_eq!(code(&output), 4, "{}", stderr(&output));
    assert_eq!(stdout(&output).matches("http GET /a.cfg").count(), 2);
    assert!(stdout(&output).contains("→ Check the path."), "{}", stdout(&output));
    let resumed = stub.asked().pop().unwrap();
    assert!(resumed.headers.contains(&("last-event-id".into(), "r1".into())), "{resumed:?}");
}

/// Every kind of failure: its exit code, what is said and what to do next; and the same for machines.
#[test]
fn every_failure_has_its_code_and_says_what_to_do() {
    let problem = |title: &str| format!(r#"{{"title": "{title}", "detail": "because"}}"#);
    for (status, code_wanted, next) in [
        (401, 3, "Give a valid token"),
        (403, 3, "offhook token list"),
        (404, 1, "offhook device list"),
        (409, 1, "because"),
        (412, 1, "Somebody changed it meanwhile"),
        (413, 1, "send less at once"),
        (429, 1, "try again in a moment"),
        (500, 1, "The server's log says more"),
        (502, 1, "A proxy stands before"),
        (503, 1, "Try again in a moment"),
    ] {
        let stub = Stub::new(&[("PATCH /api/v1/devices/m", status, &problem("No"))]);
        let output = against(&stub, &["device", "set", "m", "display.text=x"]);
        assert_eq!(code(&output), code_wanted, "{status}");
        assert!(stderr(&output).contains(next) && stdout(&output).is_empty(), "{status}: {}", stderr(&output));
        let output = against(&stub, &["device", "set", "m", "display.text=x", "--json"]);
        let told: Value = serde_json::from_str(&stderr(&output)).unwrap();
        assert_eq!((&told["title"], &told["exit_code"]), (&json!("No"), &json!(code_wanted)), "{status}");
        assert!(stdout(&output).is_empty());
    }
}

#[test]
fn what_goes_wrong_here_is_json_too() {
    for (arguments, code_wanted) in [
        (&["device", "frobnicate", "--json"][..], 2),
        (&["device", "list", "--url", "http://127.0.0.1:1", "--token", "t", "--json"], 4),
        (&["device", "list", "--url", "http://192.0.2.1", "--json"], 3),
        (&["device", "list", "--url", "https://pbx.example", "--token", "t", "--json"], 2),
        (&["device", "set", "m", "lines.1.password=@/nowhere", "--url", "http://127.0.0.1:1", "--token", "t", "--json"], 2),
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), code_wanted, "{arguments:?}: {}", stderr(&output));
        let told: Value = serde_json::from_str(&stderr(&output)).unwrap();
        assert!(told["exit_code"] == code_wanted && !told["detail"].as_str().unwrap().is_empty(), "{told}");
    }
    // A word that is nearly one is told.
    assert!(stderr(&run(&["device", "lst"])).contains("'list'"));
}

#[test]
fn a_write_is_tried_and_guarded() {
    let stub = Stub::new(&[("DELETE /api/v1/profiles/office?dry_run=true", 204, ""), ("PATCH /api/v1/site", 200, "{}")]);
    let output = against(&stub, &["profile", "delete", "office", "--dry-run", "--revision", "7"]);
    assert_eq!(stdout(&output), "Profile office would be deleted.\nIt was only tried: nothing is changed.\n", "{}", stderr(&output));
    assert!(stub.asked().pop().unwrap().headers.contains(&("if-match".into(), "\"7\"".into())));
}

#[test]
fn many_are_changed_only_when_somebody_says_so() {
    let done =
        r#"{"id": "j", "state": "done", "counts": {"deleted": 2}, "result": {"devices": 2, "ok": true, "changes": []}, "errors": []}"#;
    let stub = Stub::new(&[("POST /api/v1/devices:bulk", 202, done)]);
    let output = against(&stub, &["device", "delete", "--where", "tag=old"]);
    assert_eq!(code(&output), 2, "nobody is there to be asked");
    assert!(stderr(&output).contains("2 devices would be deleted") && stderr(&output).contains("--yes"), "{}", stderr(&output));
    assert!(stub.asked().iter().all(|asked| asked.body.contains(r#""dry_run":true"#)));
    let output = against(&stub, &["device", "delete", "--where", "tag=old", "--yes"]);
    assert_eq!((code(&output), stdout(&output).as_str()), (0, "2 devices are deleted.\n"), "{}", stderr(&output));
    let asked: Value = serde_json::from_str(&stub.asked().pop().unwrap().body).unwrap();
    assert_eq!(asked, json!({"selector": {"tag": "old"}, "action": {"delete": true}, "dry_run": false}));
}

#[test]
fn many_devices_are_checked_at_once_and_only_faults_are_told() {
    let stub = Stub::new(&[
        (
            "GET /api/v1/devices?pack=acme",
            200,
            r#"{"items": [{"id": "d1", "mac": "00:11:22:33:44:55"}, {"id": "d2"}], "next_cursor": null}"#,
        ),
        ("POST /api/v1/devices/00:11:22:33:44:55/check", 200, r#"{"ok": true, "policy": null, "files": [], "notes": []}"#),
        (
            "POST /api/v1/devices/d2/check",
            200,
            r#"{"ok": false, "policy": "no trusted network", "files": [{"path": "/a.cfg", "error": "base.tpl:3: x"}], "notes": []}"#,
        ),
    ]);
    let output = against(&stub, &["device", "check", "--pack", "acme"]);
    assert_eq!((code(&output), stdout(&output).as_str()), (1, "d2\n  no trusted network\n  /a.cfg: base.tpl:3: x\n2 devices, 1 good.\n"));
    assert!(stderr(&output).ends_with("offhook device check d2\n"), "{}", stderr(&output));
    let output = against(&stub, &["device", "check", "00:11:22:33:44:55", "d2", "nobody", "--json"]);
    let told: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((code(&output), &told["ok"], told["items"].as_array().unwrap().len()), (1, &json!(false), 3));
    assert_eq!(code(&against(&stub, &["device", "check"])), 2);
    assert_eq!(code(&against(&stub, &["device", "check", "d1", "--pack", "acme"])), 2);
}

#[test]
fn phones_that_fit_are_told_only_when_somebody_agrees() {
    let done =
        r#"{"id": "j1", "state": "done", "counts": {"taken": 2, "not_taken": 0}, "errors": [], "result": {"devices": 2, "synced": []}}"#;
    let stub = Stub::new(&[("POST /api/v1/devices:bulk", 200, done)]);
    let sync = ["device", "sync", "--where", "model=X1", "--reboot"];
    let output = against(&stub, &sync);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("2 devices would be told") && stderr(&output).contains("--yes"), "{}", stderr(&output));
    let real = |asked: &str| asked.contains("reboot") && !asked.contains("dry_run");
    assert!(stub.asked().iter().all(|a| !real(&a.body)), "nobody agreed");
    let output = against(&stub, &[&sync[..], &["--yes"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stub.asked().iter().any(|a| real(&a.body)));
}

#[test]
fn several_phones_are_told_in_one_document() {
    let job = |id: &str, not: u32| {
        let text = json!({"id": id, "state": "done", "counts": {"not_taken": not}, "errors": [], "result": {"devices": []}});
        Box::leak(text.to_string().into_boxed_str()) as &'static str
    };
    let stub = Stub::new(&[("POST /api/v1/devices/a/sync", 200, job("j1", 0)), ("POST /api/v1/devices/b/sync", 200, job("j2", 1))]);
    let output = against(&stub, &["device", "sync", "a", "missing", "b", "--json"]);
    let told: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!((code(&output), told["items"].as_array().map(Vec::len)), (1, Some(2)));
    let failure: Value = serde_json::from_str(&stderr(&output)).unwrap();
    let detail = failure["detail"].as_str().unwrap();
    assert!(detail.starts_with("2 of 3 did not take it") && detail.contains("missing: "), "{detail}");
}

#[test]
fn nobody_edits_where_nobody_is() {
    let stub = Stub::new(&[]);
    let output = offhook(&["template", "edit", "acme", "base.tpl", "--url", &stub.url, "--token", "t"])
        .env_remove("VISUAL")
        .env_remove("EDITOR")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("offhook template put PACK FILE"), "{}", stderr(&output));
}

#[test]
fn a_list_that_was_narrowed_does_not_say_that_there_is_nothing() {
    let stub = Stub::new(&[("GET /api/v1/devices", 200, r#"{"items": [], "next_cursor": null}"#)]);
    assert!(stdout(&against(&stub, &["device", "list"])).contains("offhook device add --help"));
    assert!(stdout(&against(&stub, &["device", "list", "--model", "X"])).starts_with("Nothing fits"));
}

#[test]
fn a_configuration_is_checked_for_machines_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("offhook.toml");
    for (text, wanted, ok) in [("", 0, true), ("nonsense = 1\n", 1, false)] {
        fs::write(&file, text).unwrap();
        let output = run(&["config", "check", "--config", file.to_str().unwrap(), "--json"]);
        assert_eq!(code(&output), wanted);
        let told: Value = serde_json::from_str(&if ok { stdout(&output) } else { stderr(&output) }).unwrap();
        assert_eq!(told["ok"] == json!(true), ok, "{told}");
    }
}

#[test]
fn who_no_longer_waits_is_told_how_to_look_again() {
    let job = r#"{"id": "j1", "state": "running", "progress": {"done": 1, "total": 2, "unit": "devices"}, "counts": {}, "errors": []}"#;
    for command in [
        &["device", "sync", "a"][..],
        &["device", "sync", "a", "b"],
        &["device", "sync", "--model", "X1"],
        &["job", "show", "j1", "--wait"],
    ] {
        let stub = Stub::new(&[("POST /api/v1/devices", 202, job), ("GET /api/v1/jobs/j1", 200, job)]);
        let mut waiting = offhook(command);
        waiting.args(["--url", &stub.url, "--token", "t"]).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let waiting = waiting.spawn().unwrap();
        // It has looked twice: it waits.
        while stub.asked().iter().filter(|a| a.line.starts_with("GET /api/v1/jobs/")).count() < 2 {
            std::thread::yield_now();
        }
        let interrupt = format!("kill -INT {}", waiting.id());
        assert!(std::process::Command::new("sh").args(["-c", &interrupt]).status().unwrap().success());
        let output = waiting.wait_with_output().unwrap();
        assert_eq!(code(&output), 130, "{command:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("offhook job cancel j1"), "{command:?}: {}", stderr(&output));
    }
}
