//! Overrides of templates: what is saved reaches phones at once, what would break a phone's file is not saved, and the command line
//! loses nothing. The page `docs/templates.md` is run word for word in `tour`.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use offhook_tests::{Server, clients::curl, server::binary};
use reqwest::Method;
use serde_json::{Value, json};

const MAC: &str = "001565aabbcc";
const SECRET: &str = "Tr0ub4dorAndMore";
/// Adds a line to every phone's own file.
const EXTENDS: &str = "{% extends \"@pack/base.tpl\" %}\n{% block more %}\ncustom.line = {{ device.label }}\n{% endblock %}\n";

/// A server with a phone that has a secret, and a folder for files.
fn phone() -> (Server, tempfile::TempDir) {
    let mut server = Server::start();
    server.plant_secret(SECRET);
    let lines = json!({ "1": { "username": "1001", "password": SECRET, "servers": [{ "host": "pbx.example" }] } });
    server.post("/devices", &json!({ "mac": MAC, "model": "T46S", "label": "Front desk", "settings": { "lines": lines } }));
    (server, tempfile::tempdir().unwrap())
}

/// What a phone gets.
fn fetched(server: &Server, path: &str) -> String {
    let got = curl(&server.phone_url(path), &[]);
    assert_eq!(got.status, 200, "{path}");
    got.text()
}

fn own_file(server: &Server) -> String {
    fetched(server, &format!("/{MAC}.cfg"))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A command that does what it is asked; what it prints.
fn done(server: &Server, arguments: &[&str]) -> String {
    let output = server.cli(arguments);
    assert!(output.status.success(), "{arguments:?}\n{}", said(&output));
    let text = said(&output);
    if arguments.get(1) == Some(&"show") {
        return text;
    }
    let wide: Vec<&str> = text.lines().filter(|l| l.chars().count() > 80 && !l.starts_with(['+', '-', ' '])).collect();
    assert!(wide.is_empty(), "wider than 80 columns: {wide:?}");
    text
}

/// A command that is not done; what it says.
fn refused(server: &Server, arguments: &[&str]) -> String {
    let output = server.cli(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}\n{}", said(&output));
    said(&output)
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Saves over the API.
fn put(server: &Server, address: &str, source: &str) -> Value {
    server.put(&format!("/templates/{address}"), &json!({ "source": source }))
}

#[test]
fn an_override_reaches_the_next_fetch_and_goes_again() {
    let (server, folder) = phone();
    let before = own_file(&server);
    let file = write(folder.path(), "base.tpl", EXTENDS);
    let checked = done(&server, &["template", "check", "yealink", &file]);
    assert!(checked.contains("+custom.line = Front desk") && checked.contains("1 device: 00:15:65:aa:bb:cc (Front desk)"), "{checked}");
    assert_eq!(own_file(&server), before, "a check saved something");

    let saved = done(&server, &["template", "put", "yealink", &file]);
    assert!(saved.contains("Saved: base.tpl of yealink, for the site (revision 1)."), "{saved}");
    assert!(own_file(&server).contains("custom.line = Front desk\n"));
    let listed = done(&server, &["template", "list"]);
    assert!(listed.contains("base.tpl") && listed.contains("replaces the pack's"), "{listed}");
    assert_eq!(done(&server, &["template", "show", "yealink", "base.tpl"]), EXTENDS);
    assert!(done(&server, &["template", "show", "yealink", "base.tpl", "--original"]).starts_with("#!version"));

    done(&server, &["template", "delete", "yealink", "base.tpl"]);
    assert_eq!(own_file(&server), before);
    assert!(done(&server, &["template", "list"]).contains("There are no overrides"));
}

#[test]
fn what_would_break_a_file_is_not_saved() {
    let (server, folder) = phone();
    put(&server, "site/yealink/base.tpl", EXTENDS);
    let good = own_file(&server);
    for (name, text, parts) in [
        // Unknown block, filter and include; the last two only where they are reached.
        ("base.tpl", "x\n{% blok more %}\n", ["base.tpl", "2", "{% blok more %}"]),
        (
            "base.tpl",
            "{% extends \"@pack/base.tpl\" %}\n{% block more %}\n{{ device.label|frobnicate }}\n{% endblock %}\n",
            ["base.tpl", "3", "frobnicate"],
        ),
        ("T46S.tpl", "{% include \"nothing.tpl\" %}\n", ["T46S.tpl", "1", "nothing.tpl"]),
        // No phone of that model is there.
        ("T19P_E2.tpl", "\n\n{{ nothing_like_it() }}\n", ["T19P_E2.tpl", "3", "no device yet"]),
        ("001565aabbcc.cfg.tpl", "{{ device.mac|nope }}", ["001565aabbcc.cfg.tpl", "1", "00:15:65:aa:bb:cc"]),
        // A part that others include is compiled even though nobody does yet.
        ("greeting.tpl", "{% if %}", ["greeting.tpl", "1", "{% if %}"]),
    ] {
        let file = write(folder.path(), name, text);
        let told = refused(&server, &["template", "put", "yealink", &file]);
        assert!(parts.iter().all(|p| told.contains(p)), "{name}: {parts:?} in\n{told}");
        let answer = server.api(Method::PUT, &format!("/templates/site/yealink/{name}"), Some(&json!({ "source": text })));
        assert_eq!(answer.status, 422, "{name}: {}", answer.text());
        let problem = answer.json();
        let fault = &problem["check"]["faults"][0];
        assert!(fault["line"].as_u64() > Some(0) && fault["snippet"] != "", "{name}: {problem}");
        assert!(problem["faults"][0]["field"].as_str().unwrap().contains(name), "{problem}");
        assert_eq!(own_file(&server), good, "{name}");
        let checked = server.cli(&["template", "check", "yealink", &file]);
        assert_eq!(checked.status.code(), Some(1), "{name}: {}", said(&checked));
    }
    assert_eq!(server.get("/templates?scope=overrides")["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_fault_that_no_device_has_yet_tells_its_models() {
    let server = Server::start();
    server.post("/tenants", &json!({ "name": "north" }));
    let folder = tempfile::tempdir().unwrap();
    let base = |text: &str| format!("{{% extends \"@pack/base.tpl\" %}}\n{{% block more %}}\n{text}\n{{% endblock %}}\n");
    let check = |text: &str| {
        let change = json!({ "scope": "tenant:north", "pack": "yealink", "name": "base.tpl", "source": base(text) });
        server.api(Method::POST, "/templates:check", Some(&json!({ "changes": [change] }))).json()
    };
    let one = check("{% if model.name == 'T46S' %}{{ nope() }}{% endif %}");
    assert_eq!((&one["faults"][0]["models"], &one["faults"][0]["model_count"]), (&json!(["T46S"]), &json!(1)), "{one}");
    let all = check("{{ nope() }}");
    let fault = &all["faults"][0];
    assert_eq!(all["faults"].as_array().unwrap().len(), 1, "{all}");
    assert!(fault["models"].as_array().unwrap().len() == 10 && fault["model_count"] == all["models"], "{all}");
    assert!(fault["model_count"].as_u64() > Some(50), "{all}");
    let file = write(folder.path(), "base.tpl", &base("{{ nope() }}"));
    let told = refused(&server, &["template", "put", "yealink", &file, "--tenant", "north"]);
    assert!(told.contains(&format!("{} models: ", all["models"])), "{told}");
    let told = refused(&server, &["template", "check", "yealink", &file, "--tenant", "north"]);
    assert!(told.contains(&format!("and {} more", all["models"].as_u64().unwrap() - 10)), "{told}");
}

#[test]
fn a_template_that_others_need_stays() {
    let (server, _folder) = phone();
    put(&server, "site/yealink/greeting.tpl", "custom.greeting = hello\n");
    put(
        &server,
        "site/yealink/base.tpl",
        "{% extends \"@pack/base.tpl\" %}{% block more %}\n{% include \"greeting.tpl\" %}\n{% endblock %}\n",
    );
    assert!(own_file(&server).contains("custom.greeting = hello"));
    let told = refused(&server, &["template", "delete", "yealink", "greeting.tpl"]);
    assert!(told.contains("greeting.tpl") && told.contains("00:15:65:aa:bb:cc"), "{told}");
    assert!(own_file(&server).contains("custom.greeting = hello"));
    done(&server, &["template", "delete", "yealink", "greeting.tpl", "base.tpl"]);
    assert!(!own_file(&server).contains("custom.greeting"));
}

#[test]
fn a_tenants_override_comes_before_the_sites() {
    let (server, folder) = phone();
    server.post("/tenants", &json!({ "name": "north" }));
    server.post("/devices", &json!({ "mac": "001565000002", "model": "T46S", "tenant": "north", "label": "N" }));
    put(&server, "site/yealink/base.tpl", EXTENDS);
    let over_site = "{% extends \"@site/base.tpl\" %}\n{% block more %}\n{{ super() }}custom.tenant = {{ tenant.name }}\n{% endblock %}\n";
    let file = write(folder.path(), "base.tpl", over_site);
    let saved = done(&server, &["template", "put", "yealink", &file, "--tenant", "north"]);
    assert!(saved.contains("for tenant north"), "{saved}");
    let norths = fetched(&server, "/001565000002.cfg");
    assert!(norths.contains("custom.line = N\n") && norths.contains("custom.tenant = north\n"), "{norths}");
    assert!(!own_file(&server).contains("custom.tenant"));
    let listed = done(&server, &["template", "list"]);
    assert!(listed.contains("tenant:north") && listed.contains("replaces the site's"), "{listed}");
    // Without the site's the tenant's builds on the pack's.
    done(&server, &["template", "delete", "yealink", "base.tpl"]);
    let norths = fetched(&server, "/001565000002.cfg");
    assert!(!norths.contains("custom.line") && norths.contains("custom.tenant = north\n"), "{norths}");
    // A fault of a tenant's is told like any other, and its phones keep what they have.
    let file = write(folder.path(), "base.tpl", "a\n{{ device.label|nope }}\n");
    let told = refused(&server, &["template", "put", "yealink", &file, "--tenant", "north"]);
    assert!(told.contains("tenant:north/base.tpl:2") && told.contains("nope") && told.contains("00:15:65:00:00:02"), "{told}");
    assert_eq!(fetched(&server, "/001565000002.cfg"), norths);
    // A tenant that has overrides stays.
    let answer = server.api(Method::DELETE, "/tenants/north", None);
    assert_eq!(answer.status, 409);
}

#[test]
fn a_file_of_one_phone_finds_its_device() {
    let (server, folder) = phone();
    server.post("/devices", &json!({ "mac": "001565000002", "model": "T46S" }));
    let file = write(folder.path(), "mine", "{% extends \"base.tpl\" %}{% block more %}\ncustom.own = 1\n{% endblock %}\n");
    done(&server, &["template", "put", "yealink", &file, "--name", "001565AABBCC.cfg.tpl"]);
    assert!(own_file(&server).contains("custom.own = 1"));
    assert!(!fetched(&server, "/001565000002.cfg").contains("custom.own"));
    let listed = server.get("/templates?scope=overrides&q=001565aabb");
    assert_eq!(listed["items"][0]["devices"][0]["mac"], "00:15:65:aa:bb:cc", "{listed}");
    let told = done(&server, &["template", "list"]);
    assert!(told.contains("00:15:65:aa:bb:cc"), "{told}");
    // A device that nobody knows yet.
    let nobody = put(&server, "site/yealink/0015650000ff.cfg.tpl", "{% extends \"base.tpl\" %}");
    assert!(nobody["check"]["notes"][0].as_str().unwrap().contains("no device yet"), "{nobody}");
    server.post("/devices", &json!({ "mac": "0015650000ff", "model": "T46S" }));
    assert_eq!(server.get("/templates/site/yealink/0015650000ff.cfg.tpl")["devices"][0]["mac"], "00:15:65:00:00:ff");
}

#[test]
fn secrets_never_show_in_what_phones_would_get() {
    let (server, folder) = phone();
    let leaks = "{% extends \"@pack/base.tpl\" %}\n{% block more %}\ncustom.secret = {{ lines[0].password }}\n{% endblock %}\n";
    let file = write(folder.path(), "base.tpl", leaks);
    let change = json!({ "changes": [{ "scope": "site", "pack": "yealink", "name": "base.tpl", "source": leaks }] });
    let checked = server.post("/templates:check", &change);
    let shown = checked.to_string()
        + &done(&server, &["template", "check", "yealink", &file])
        + &done(&server, &["template", "put", "yealink", &file]);
    assert!(shown.contains("custom.secret = ********") && !shown.contains(SECRET), "{shown}");
    assert!(own_file(&server).contains(&format!("custom.secret = {SECRET}")));
    // Only who may see secrets may ask for them.
    let reader = server.post("/tokens", &json!({ "label": "reader", "role": "read-only" }))["token"].as_str().unwrap().to_owned();
    let mut revealed = change.clone();
    revealed["reveal"] = json!(true);
    revealed["changes"][0]["source"] = json!("{% extends \"@pack/base.tpl\" %}");
    assert!(server.post("/templates:check", &revealed).to_string().contains(SECRET));
    let told = server.cli(&["template", "check", "yealink", &file, "--reveal", "--token", &reader]);
    assert_eq!(told.status.code(), Some(3), "{}", said(&told));
    // What a fault shows is the template, not what came of it.
    let fails = "{% extends \"@pack/base.tpl\" %}{% block more %}{{ lines[0].password|nope }}{% endblock %}";
    let answer = server.api(Method::PUT, "/templates/site/yealink/base.tpl", Some(&json!({ "source": fails })));
    assert!(answer.status == 422 && !answer.text().contains(SECRET), "{}", answer.text());
}

#[test]
fn who_may_only_read_writes_nothing() {
    let (server, folder) = phone();
    let file = write(folder.path(), "base.tpl", EXTENDS);
    let reader = server.post("/tokens", &json!({ "label": "reader", "role": "read-only" }))["token"].as_str().unwrap().to_owned();
    let of = |arguments: &[&str]| server.cli(&[arguments, &["--token", &reader]].concat());
    assert!(of(&["template", "list", "--pack", "yealink"]).status.success());
    for arguments in [
        // A template is a program that runs on the server: nobody else may try one either.
        &["template", "check", "yealink", &file][..],
        &["template", "put", "yealink", &file],
        &["template", "delete", "yealink", "base.tpl"],
        &["template", "copy", "yealink", "yealink", "base.tpl", "--original"],
    ] {
        let output = of(arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?} {}", said(&output));
    }
    assert!(!own_file(&server).contains("custom.line"));
}

#[test]
fn revisions_keep_two_people_apart() {
    let (server, folder) = phone();
    let first = put(&server, "site/yealink/base.tpl", EXTENDS);
    assert_eq!((&first["revision"], &first["author"], &first["replaces"]), (&json!(1), &json!("first start"), &json!("pack")), "{first}");
    let file = write(folder.path(), "base.tpl", &EXTENDS.replace("custom", "other"));
    let told = refused(&server, &["template", "put", "yealink", &file, "--revision", "0"]);
    assert!(told.contains("already"), "{told}");
    done(&server, &["template", "put", "yealink", &file, "--revision", "1"]);
    let told = refused(&server, &["template", "put", "yealink", &file, "--revision", "1"]);
    assert!(told.contains("changed meanwhile"), "{told}");
    let none_yet = curl(
        &server.admin_url("/api/v1/templates/site/yealink/base.tpl"),
        &[
            "-X",
            "PUT",
            "-H",
            &format!("Authorization: Bearer {}", server.token()),
            "-H",
            "If-None-Match: *",
            "-H",
            "Content-Type: application/json",
            "-d",
            "{\"source\":\"x\"}",
        ],
    );
    assert_eq!(none_yet.status, 409, "{}", none_yet.text());
}

// ---- the editor ------------------------------------------------------------------------------------------------------

/// An editor that does what a script says, each time the next line of it.
fn editor(folder: &Path, script: &str) -> String {
    let file = folder.join("editor");
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file.to_str().unwrap().to_owned()
}

/// `offhook template …` with an editor.
fn edit(server: &Server, folder: &Path, script: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).env("OFFHOOK_DATA_DIR", server.data()).env("VISUAL", editor(folder, script)).env("TMPDIR", folder);
    command.env_remove("EDITOR").current_dir(folder).stdin(std::process::Stdio::null()).output().unwrap()
}

/// The file that a message names.
fn kept(told: &str) -> PathBuf {
    let line = told.lines().find(|l| l.contains("is kept in")).unwrap_or_else(|| panic!("no file is named in\n{told}"));
    PathBuf::from(line.rsplit(' ').next().unwrap())
}

#[test]
fn an_edit_checks_shows_and_saves() {
    let (server, folder) = phone();
    let script = "sed -i 's/^{% block more %}$/&\\ncustom.line = 7/' \"$1\"";
    let output = edit(&server, folder.path(), script, &["template", "edit", "yealink", "base.tpl", "--yes"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(own_file(&server).contains("custom.line = 7\n"));
    // Again: the override is opened, and nothing is changed.
    let output = edit(&server, folder.path(), "true", &["template", "edit", "yealink", "base.tpl", "--yes"]);
    assert!(output.status.success() && said(&output).contains("Nothing is changed"), "{}", said(&output));
    // Nobody answers: it is not saved, and what was typed is kept.
    let output = edit(&server, folder.path(), "echo 'custom.more = 8' >> \"$1\"", &["template", "edit", "yealink", "base.tpl"]);
    let told = said(&output);
    assert!(output.status.code() == Some(1) && told.contains("+custom.more = 8"), "{told}");
    assert!(fs::read_to_string(kept(&told)).unwrap().contains("custom.more = 8"));
    assert!(!own_file(&server).contains("custom.more"));
}

#[test]
fn an_edit_with_a_fault_opens_again_with_the_message() {
    let (server, folder) = phone();
    // First a fault; then, when the message stands above the text, the right word.
    let script = "if grep -q 'offhook:' \"$1\"; then cp \"$1\" \"$TMPDIR/seen\"; sed -i 's/frobnicate/upper/' \"$1\"; \
                  else printf '{%% extends \"@pack/base.tpl\" %%}{%% block more %%}\\ncustom.line = {{ device.label|frobnicate }}\\n{%% endblock %%}\\n' > \"$1\"; fi";
    let output = edit(&server, folder.path(), script, &["template", "edit", "yealink", "base.tpl", "--yes"]);
    assert!(output.status.success(), "{}", said(&output));
    let seen = fs::read_to_string(folder.path().join("seen")).unwrap();
    let named: usize = seen.split("line ").nth(1).unwrap().split(':').next().unwrap().parse().unwrap();
    assert!(seen.lines().nth(named - 1).unwrap().contains("device.label|frobnicate"), "{seen}");
    assert!(own_file(&server).contains("custom.line = FRONT DESK\n"));
    assert!(!done(&server, &["template", "show", "yealink", "base.tpl"]).contains("offhook:"));

    // Who corrects nothing keeps the text, and phones keep the last good one.
    let script = "printf 'a\\n{%% if %%}\\n' > \"$1\"";
    let output = edit(&server, folder.path(), script, &["template", "edit", "yealink", "base.tpl", "--yes"]);
    let told = said(&output);
    assert!(output.status.code() == Some(1) && told.contains("line 2"), "{told}");
    assert_eq!(fs::read_to_string(kept(&told)).unwrap().lines().last(), Some("{% if %}"));
    assert!(own_file(&server).contains("custom.line = FRONT DESK\n"));
}

#[test]
fn an_edit_begins_with_what_is_useful() {
    let (server, folder) = phone();
    let begun = |arguments: &[&str]| {
        let output = edit(
            &server,
            folder.path(),
            "cp \"$1\" \"$TMPDIR/begun\"; : > \"$1\"",
            &[&["template", "edit", "yealink"], arguments].concat(),
        );
        assert!(output.status.success() && said(&output).contains("empty"), "{}", said(&output));
        fs::read_to_string(folder.path().join("begun")).unwrap()
    };
    let own = done(&server, &["template", "show", "yealink", "base.tpl"]);
    assert_eq!(begun(&["base.tpl"]), own);
    assert_eq!(begun(&["001565aabbcc.cfg.tpl", "--from", "base.tpl"]), own);
    assert!(begun(&["base.tpl", "--extend"]).starts_with("{% extends \"@pack/base.tpl\" %}"));
    let new = begun(&["T46S.tpl", "--tenant", "default"]);
    assert!(new.starts_with("{% extends \"base.tpl\" %}") && new.contains("more"), "{new}");
    assert!(server.get("/templates?scope=overrides")["items"].as_array().unwrap().is_empty());
}

// ---- folders ---------------------------------------------------------------------------------------------------------

#[test]
fn a_folder_goes_round() {
    let (server, folder) = phone();
    server.post("/tenants", &json!({ "name": "north" }));
    put(&server, "site/yealink/base.tpl", EXTENDS);
    put(&server, "tenant:north/yealink/T46S.tpl", "{% extends \"base.tpl\" %}");
    let dir = folder.path().join("templates");
    let at = dir.to_str().unwrap();
    done(&server, &["template", "pull", at]);
    assert_eq!(fs::read_to_string(dir.join("site/yealink/base.tpl")).unwrap(), EXTENDS);
    assert_eq!(fs::read_to_string(dir.join("tenants/north/yealink/T46S.tpl")).unwrap(), "{% extends \"base.tpl\" %}");
    assert!(done(&server, &["template", "push", at]).contains("nothing to save"));

    // A change and two new ones, one of which needs the other, together; a folder of git's and leftovers of editors are no templates.
    write(&dir, "site/yealink/base.tpl", &EXTENDS.replace("Front", "front").replace("custom.line", "custom.pushed"));
    write(
        &dir,
        "site/yealink/001565aabbcc.cfg.tpl",
        "{% extends 'base.tpl' %}{% block more %}{{ super() }}{% include 'parts/one.tpl' %}{% endblock %}",
    );
    write(&dir, "site/yealink/parts/one.tpl", "custom.part = 1\n");
    write(&dir, "site/yealink/base.tpl~", "x");
    write(&dir, ".git/config", "x");
    write(&dir, "README.md", "x");
    let tried = done(&server, &["template", "push", at, "--dry-run"]);
    assert!(tried.contains("changed  site/yealink/base.tpl") && tried.contains("+custom.part = 1"), "{tried}");
    assert!(own_file(&server).contains("custom.line"));
    done(&server, &["template", "push", at]);
    let got = own_file(&server);
    assert!(got.contains("custom.pushed = Front desk") && got.contains("custom.part = 1"), "{got}");
    assert!(done(&server, &["template", "push", at]).contains("nothing to save"));

    // What is gone is deleted only when that is said.
    fs::remove_file(dir.join("tenants/north/yealink/T46S.tpl")).unwrap();
    assert!(done(&server, &["template", "push", at]).contains("stays    tenants/north/yealink/T46S.tpl"));
    done(&server, &["template", "push", at, "--delete"]);
    assert_eq!(server.api(Method::GET, "/templates/tenant:north/yealink/T46S.tpl", None).status, 404);

    // A push of what does not render saves nothing.
    write(&dir, "site/yealink/parts/one.tpl", "{% if %}");
    let told = refused(&server, &["template", "push", at]);
    assert!(told.contains("parts/one.tpl"), "{told}");
    assert!(own_file(&server).contains("custom.part = 1"));
}

#[test]
fn a_push_over_somebody_elses_change_is_refused() {
    let (server, folder) = phone();
    put(&server, "site/yealink/base.tpl", EXTENDS);
    let dir = folder.path().join("templates");
    let at = dir.to_str().unwrap();
    done(&server, &["template", "pull", at]);
    put(&server, "site/yealink/base.tpl", &EXTENDS.replace("custom", "theirs"));
    let mine = EXTENDS.replace("custom", "mine");
    write(&dir, "site/yealink/base.tpl", &mine);
    let told = refused(&server, &["template", "push", at]);
    assert!(told.contains("site/yealink/base.tpl") && told.contains("template pull"), "{told}");
    assert!(own_file(&server).contains("theirs.line"));
    // A pull does not write over what was typed here.
    let told = refused(&server, &["template", "pull", at]);
    assert!(told.contains("site/yealink/base.tpl") && told.contains("--overwrite"), "{told}");
    assert_eq!(fs::read_to_string(dir.join("site/yealink/base.tpl")).unwrap(), mine);
    done(&server, &["template", "pull", at, "--overwrite"]);
    write(&dir, "site/yealink/base.tpl", &mine);
    done(&server, &["template", "push", at]);
    assert!(own_file(&server).contains("mine.line"));
    // What was deleted on the server goes here too.
    done(&server, &["template", "delete", "yealink", "base.tpl"]);
    done(&server, &["template", "pull", at]);
    assert!(!dir.join("site/yealink/base.tpl").exists());
}

// ---- packs -----------------------------------------------------------------------------------------------------------

/// A copy of a pack of the tests as a pack of the server, under another id and version.
fn install(server: &Server, id: &str, version: &str, change: impl Fn(&str) -> String) {
    let to = server.data().join("packs").join(id);
    let _ = fs::remove_dir_all(&to);
    offhook_tests::copy_folder(&offhook_tests::root().join("tests/packs/zentoro"), &to);
    let manifest = fs::read_to_string(to.join("vendor.toml")).unwrap();
    let of = |line: &str| match line.split_once(" = ") {
        Some(("id", _)) => format!("id = {id:?}"),
        Some(("version", _)) => format!("version = {version:?}"),
        _ => line.to_owned(),
    };
    fs::write(to.join("vendor.toml"), manifest.lines().map(of).collect::<Vec<_>>().join("\n") + "\n").unwrap();
    let base = to.join("templates/base.tpl");
    fs::write(&base, change(&fs::read_to_string(&base).unwrap())).unwrap();
    let before = server.log().matches("configuration and packs reloaded").count();
    server.signal(libc::SIGHUP);
    offhook_tests::server::until(|| (server.log().matches("configuration and packs reloaded").count() > before).then_some(())).unwrap();
}

#[test]
fn an_override_outlives_upgrades_and_removal_of_its_pack() {
    let server = Server::start();
    install(&server, "zentoro", "1.0.0", str::to_owned);
    let lines = json!({ "1": { "username": "1001", "servers": [{ "host": "pbx.example" }] } });
    server.post("/devices", &json!({ "mac": "025a54000007", "model": "Z100", "pack": "zentoro", "settings": { "lines": lines } }));
    let path = "/zt-025a54000007.conf";
    let own = fs::read_to_string(server.data().join("packs/zentoro/templates/base.tpl")).unwrap();
    let mine = own.replace("text: ", "custom.text: ");
    put(&server, "site/zentoro/base.tpl", &mine);
    assert!(fetched(&server, path).contains("custom.text: "));

    // The pack changes another line: the override works on, and is listed with a merge that needs nobody.
    install(&server, "zentoro", "1.1.0", |base| base.replace(".server: ", ".host: "));
    let got = fetched(&server, path);
    assert!(got.contains("custom.text: ") && got.contains("account1.server: pbx"), "{got}");
    let listed = done(&server, &["template", "list", "--stale"]);
    assert!(listed.contains("base.tpl") && listed.contains("the pack changed since"), "{listed}");
    let told = done(&server, &["template", "diff", "zentoro", "base.tpl"]);
    for part in ["+custom.text: ", ".host: ", "from 1.0.0 to 1.1.0", "go together", "offhook template merge zentoro base.tpl"] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    let told = done(&server, &["template", "merge", "zentoro", "base.tpl", "--yes"]);
    assert!(told.contains("revision 2"), "{told}");
    let got = fetched(&server, path);
    assert!(got.contains("custom.text: ") && got.contains("account1.host: pbx.example"), "{got}");
    assert!(done(&server, &["template", "list", "--stale"]).contains("No pack changed"));

    // The pack changes the same line: a person decides, in the editor; markers are never saved.
    install(&server, "zentoro", "1.2.0", |base| base.replace(".server: ", ".host: ").replace("text: ", "display: "));
    let report = server.get("/templates/site/zentoro/base.tpl")["report"].clone();
    assert_eq!(report["clean"], false);
    let answer = server.api(Method::PUT, "/templates/site/zentoro/base.tpl", Some(&json!({ "source": report["merged"] })));
    assert!(answer.status == 422 && answer.text().contains("left of a merge"), "{}", answer.text());
    let folder = tempfile::tempdir().unwrap();
    let script = "sed -i -e '/^<<<<<<</d' -e '/^|||||||/,/^>>>>>>>/d' \"$1\"";
    let output = edit(&server, folder.path(), script, &["template", "merge", "zentoro", "base.tpl", "--yes"]);
    assert!(output.status.success(), "{}", said(&output));
    let stored = server.get("/templates/site/zentoro/base.tpl");
    assert_eq!((&stored["base_version"], &stored["stale"]), (&json!("1.2.0"), &json!(false)), "{stored}");
    assert!(fetched(&server, path).contains("custom.text: "));

    // Copied to another pack: what it was made for comes along.
    install(&server, "zentoro-two", "3.0.0", |base| base.replace(".label: ", ".name: "));
    let told = done(&server, &["template", "copy", "zentoro", "zentoro-two", "--dry-run"]);
    assert!(told.contains("would be copied"), "{told}");
    done(&server, &["template", "copy", "zentoro", "zentoro-two"]);
    assert_eq!(server.get("/templates/site/zentoro-two/base.tpl")["stale"], true);
    assert!(done(&server, &["template", "copy", "zentoro", "zentoro-two"]).contains("is there already"));
    put(&server, "site/zentoro-two/base.tpl", "model: other\n");
    let told = refused(&server, &["template", "copy", "zentoro", "zentoro-two"]);
    assert!(told.contains("site/zentoro-two/base.tpl"), "{told}");
    done(&server, &["template", "copy", "zentoro", "zentoro-two", "base.tpl", "--overwrite"]);

    // The pack goes and comes again.
    fs::rename(server.data().join("packs/zentoro"), folder.path().join("away")).unwrap();
    server.signal(libc::SIGHUP);
    offhook_tests::server::until(|| (server.log().matches("configuration and packs reloaded").count() > 4).then_some(())).unwrap();
    assert!(done(&server, &["template", "list"]).contains("not installed"));
    fs::rename(folder.path().join("away"), server.data().join("packs/zentoro")).unwrap();
    server.signal(libc::SIGHUP);
    offhook_tests::server::until(|| (server.log().matches("configuration and packs reloaded").count() > 5).then_some(())).unwrap();
    assert!(fetched(&server, path).contains("custom.text: "));
}
