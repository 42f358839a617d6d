//! Devices.

use serde_json::{Value, json};

use super::harness::{MAC, Server};

#[tokio::test]
async fn made_read_changed_deleted() {
    let server = Server::start().await;
    let body = json!({"mac": "00-15-65-AA-BB-CC", "model": "t46s", "label": "Front desk", "tags": ["a"]});
    let made = server.post("/devices", body).await.expect(201);
    assert_eq!((&made["mac"], &made["model"], &made["state"]), (&json!(MAC), &json!("T46S"), &json!("ready")), "{made}");
    assert_eq!((&made["pack"], &made["pack_pinned"], &made["model_pinned"]), (&json!("yealink"), &json!(false), &json!(true)));
    assert_eq!((&made["vendor"], &made["sync"], &made["tenant"]), (&json!("yealink"), &json!("never"), &json!("default")));
    for spelling in [made["id"].as_str().unwrap(), "001565AABBCC", "0015.65aa.bbcc", "00-15-65-aa-bb-cc"] {
        assert_eq!(server.get(&format!("/devices/{spelling}")).await.expect(200)["id"], made["id"], "{spelling}");
    }
    server.post("/devices", json!({"mac": "001565aabbcc"})).await.problem(409);
    let changed = server.patch(&format!("/devices/{MAC}"), json!({"label": null, "location": "Hall"})).await.expect(200);
    assert_eq!((&changed["label"], &changed["location"], &changed["tags"]), (&json!(""), &json!("Hall"), &json!(["a"])));
    server.delete(&format!("/devices/{MAC}")).await.expect(204);
    server.get(&format!("/devices/{MAC}")).await.problem(404);
    server.delete(&format!("/devices/{MAC}")).await.problem(404);
}

#[tokio::test]
async fn what_is_read_can_be_put_back() {
    let server = Server::start().await;
    let settings = json!({"lines": {"1": {"number": "1001", "username": "1001", "password": "canary-1"}}});
    let made = server.post("/devices", json!({"mac": MAC, "model": "T46S", "settings": settings})).await.expect(201);
    let put = server.put(&format!("/devices/{MAC}"), made.clone()).await.expect(200);
    assert_eq!(put, made, "nothing changed, not even the revision");
    let shown = server.get(&format!("/devices/{MAC}/settings?reveal=true")).await.expect(200);
    assert_eq!(shown["settings"]["lines"]["1"]["password"], "canary-1");
    let put = server.put(&format!("/devices/{MAC}"), json!({"mac": MAC, "label": "new"})).await.expect(200);
    assert_eq!((&put["settings"], &put["state"], &put["label"]), (&json!({}), &json!("ready"), &json!("new")));
}

#[tokio::test]
async fn masks_keep_and_nulls_remove() {
    let server = Server::start().await;
    let settings = json!({"lines": {"1": {"username": "u", "password": "canary-1"}}});
    let made = server.post("/devices", json!({"mac": MAC, "settings": settings})).await.expect(201);
    let mask = made["settings"]["lines"]["1"]["password"].clone();
    assert_eq!(mask, "********");
    let path = format!("/devices/{MAC}");
    server.patch(&path, json!({"settings": {"lines": {"1": {"password": mask, "label": "L"}}}})).await.expect(200);
    let shown = server.get(&format!("{path}/settings?reveal=true")).await.expect(200);
    assert_eq!(shown["settings"]["lines"]["1"]["password"], "canary-1");
    let changed = server.patch(&path, json!({"settings": {"lines": {"1": {"password": null}}}})).await.expect(200);
    assert_eq!(changed["settings"]["lines"]["1"], json!({"username": "u", "label": "L"}));
    let faults = server.patch(&path, json!({"settings": {"lines": {"1": {"password": "********"}}}})).await.faults(422);
    assert_eq!(faults, ["settings.lines.1.password"], "there is nothing that the mask could keep");
    assert_eq!(server.patch(&path, json!({"settings": null})).await.expect(200)["settings"], json!({}));
}

#[tokio::test]
async fn who_names_a_pack_or_a_model_pins_it() {
    let server = Server::start().await;
    let made = server.post("/devices", json!({"mac": MAC, "pack": "yealink"})).await.expect(201);
    assert_eq!((&made["pack_pinned"], &made["model_pinned"], &made["model"]), (&json!(true), &json!(false), &Value::Null));
    let path = format!("/devices/{MAC}");
    let silent = server.patch(&path, json!({"label": "x"})).await.expect(200);
    assert_eq!((&silent["pack"], &silent["pack_pinned"]), (&json!("yealink"), &json!(true)));
    let freed = server.patch(&path, json!({"pack": null})).await.expect(200);
    assert_eq!((&freed["pack"], &freed["pack_pinned"]), (&json!("yealink"), &json!(false)), "chosen from the MAC address");
    let pinned = server.patch(&path, json!({"pack_pinned": true})).await.expect(200);
    assert_eq!((&pinned["pack"], &pinned["pack_pinned"]), (&json!("yealink"), &json!(true)));
    let problem = server.patch(&path, json!({"pack": "nokia", "model": "3310"})).await.problem(422);
    let fields: Vec<&Value> = problem["faults"].as_array().unwrap().iter().map(|f| &f["field"]).collect();
    assert_eq!(fields, ["pack", "model"], "{problem}");
}

#[tokio::test]
async fn short_model_names_are_stored_canonically() {
    let server = Server::start().await;
    let made = server.post("/devices", json!({"mac": "000427000001", "model": "7960"})).await.expect(201);
    assert_eq!((&made["model"], &made["pack"]), (&json!("CP-7960"), &json!("cisco-7940-7960-sip")));
}

#[tokio::test]
async fn approving_runs_the_checks() {
    let server = Server::start().await;
    let made = server.post("/devices", json!({"mac": "02:00:00:00:00:01", "state": "pending"})).await.expect(201);
    assert_eq!(made["pack"], Value::Null);
    let path = "/devices/020000000001";
    let faults = server.patch(path, json!({"state": "ready"})).await.faults(422);
    assert_eq!(faults, ["pack"]);
    assert_eq!(server.get(path).await.expect(200)["state"], "pending", "nothing was written");
    let approved = server.patch(path, json!({"state": "ready", "pack": "yealink"})).await.expect(200);
    assert_eq!(approved["state"], "ready");
    assert_eq!(server.patch(path, json!({"state": "disabled"})).await.expect(200)["state"], "disabled");
    server.post("/devices", json!({"label": "nameless"})).await.problem(422);
}

#[tokio::test]
async fn filters_and_search() {
    let server = Server::start().await;
    server.post("/profiles", json!({"name": "desk"})).await.expect(201);
    server
        .post("/devices", json!({"mac": MAC, "model": "T46S", "label": "Reception", "profiles": ["desk"], "tags": ["hall"]}))
        .await
        .expect(201);
    server.post("/devices", json!({"mac": "000427000001", "model": "7960", "state": "disabled"})).await.expect(201);
    let found = async |query: &str| {
        let page = server.get(&format!("/devices?{query}")).await.expect(200);
        page["items"].as_array().unwrap().iter().map(|d| d["mac"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for query in
        ["q=recep", "q=001565AA", "q=00:15:65", "model=T46S", "pack=yealink", "vendor=yealink", "profile=desk", "tag=hall", "state=ready"]
    {
        assert_eq!(found(query).await, [MAC], "{query}");
    }
    assert_eq!(found("sort=mac").await, ["00:04:27:00:00:01", MAC]);
    assert_eq!(found("sort=-mac").await, [MAC, "00:04:27:00:00:01"]);
    assert!(found("tenant=other").await.is_empty() && found("sync=current").await.is_empty());
    assert_eq!(found("sync=never").await.len(), 2);
    server.delete("/profiles/desk").await.problem(409);
}

#[tokio::test]
async fn pages_while_rows_come_and_go() {
    let server = Server::start().await;
    let mac = |n: u32| format!("00:15:65:00:00:{n:02x}");
    for n in 1..=10 {
        server.post("/devices", json!({"mac": mac(n * 10)})).await.expect(201);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for page in 0.. {
        let answer = server.get(&format!("/devices?sort=mac&limit=3{cursor}")).await.expect(200);
        seen.extend(answer["items"].as_array().unwrap().iter().map(|d| d["mac"].as_str().unwrap().to_owned()));
        if page == 0 {
            server.delete(&format!("/devices/{}", mac(30))).await.expect(204);
            server.post("/devices", json!({"mac": mac(5)})).await.expect(201);
            server.post("/devices", json!({"mac": mac(45)})).await.expect(201);
        }
        match answer["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let wanted: Vec<String> = [10, 20, 30, 40, 45, 50, 60, 70, 80, 90, 100].map(mac).into();
    assert_eq!(seen, wanted, "each once, none left out");
    server.get(&format!("/devices?sort=label{cursor}")).await.problem(422);
    server.get("/devices?cursor=nonsense").await.problem(422);
}

#[tokio::test]
async fn effective_settings_files_and_check() {
    let server = Server::start().await;
    server.patch("/site", json!({"settings": {"time": {"zone": "Europe/Berlin"}}})).await.expect(200);
    server.post("/accounts", json!({"name": "1001", "password": "canary-1", "display_name": "Anna"})).await.expect(201);
    let body = json!({"mac": MAC, "model": "T46S", "settings": {"lines": {"1": {"account": "1001"}}}});
    server.post("/devices", body).await.expect(201);
    let path = format!("/devices/{MAC}");
    let plain = server.get(&format!("{path}/settings")).await.expect(200);
    assert!(plain.get("values").is_none());
    assert_eq!(plain["settings"]["time"]["zone"], "Europe/Berlin");
    assert_eq!(plain["settings"]["lines"]["1"]["display_name"], "Anna");
    let explained = server.get(&format!("{path}/settings?explain=true")).await.expect(200);
    let value = |path: &str| explained["values"].as_array().unwrap().iter().find(|v| v["path"] == path).cloned().unwrap_or_default();
    assert_eq!((&value("time.zone")["value"], &value("time.zone")["layer"]), (&json!("Europe/Berlin"), &json!("site")));
    assert_eq!(value("lines.1.display_name")["account"], "1001");
    assert_eq!(value("lines.1.password")["value"], "********");

    let files = server.get(&format!("{path}/files")).await.expect(200);
    let own = files["items"].as_array().unwrap().iter().find(|f| f["path"] == "/001565aabbcc.cfg").cloned().unwrap();
    assert_eq!((&own["kind"], &own["credentials"]), (&json!("device"), &json!(true)));
    let masked = server.get(&format!("{path}/files/001565aabbcc.cfg")).await;
    assert_eq!(masked.status, 200);
    assert!(masked.header("content-security-policy").contains("sandbox"));
    assert!(masked.text().contains("Anna") && !masked.text().contains("canary-1"), "{}", masked.text());
    let revealed = server.get(&format!("{path}/files/001565aabbcc.cfg?reveal=true")).await;
    assert!(revealed.text().contains("canary-1"));
    server.get(&format!("{path}/files/../../etc/passwd")).await.problem(404);
    let reader = server.call_as(&server.reader, "GET", &format!("/api/v1{path}/files/001565aabbcc.cfg?reveal=true"), None).await;
    reader.problem(403);
    let check = server.call_as(&server.reader, "POST", &format!("/api/v1{path}/check"), None).await.expect(200);
    assert_eq!((&check["ok"], &check["policy"]), (&json!(true), &Value::Null), "{check}");
}

#[tokio::test]
async fn a_phone_that_came_by_itself_is_approved() {
    let server = Server::start().await;
    server.phone("/001565aabbcc.cfg", "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc", "10.0.0.9").await;
    let seen = server.get("/devices?state=pending").await.expect(200)["items"][0].clone();
    assert_eq!((&seen["mac"], &seen["model"], &seen["firmware"]), (&json!(MAC), &json!("T46S"), &json!("66.86.0.15")), "{seen}");
    assert_eq!((&seen["model_pinned"], &seen["pack_pinned"], &seen["last_seen"]["ip"]), (&json!(false), &json!(false), &json!("10.0.0.9")));
    let approved = server.patch(&format!("/devices/{MAC}"), json!({"state": "ready"})).await.expect(200);
    assert_eq!((&approved["state"], &approved["pack"]), (&json!("ready"), &json!("yealink")));
}

#[tokio::test]
async fn sync_is_told_by_tags_in_lists_and_by_bytes_alone() {
    let server = Server::start().await;
    server.post("/devices", json!({"mac": MAC, "model": "T46S"})).await.expect(201);
    server.phone("/001565aabbcc.cfg", "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc", "10.0.0.9").await;
    server.write_down().await;
    let sync = async || {
        let list = server.get("/devices").await.expect(200)["items"][0]["sync"].clone();
        (list, server.get(&format!("/devices/{MAC}")).await.expect(200)["sync"].clone())
    };
    assert_eq!(sync().await, (json!("current"), json!("current")));
    server.patch("/site", json!({"settings": {"raw": {"another-pack": {"x": "1"}}}})).await.expect(200);
    assert_eq!(sync().await, (json!("outdated"), json!("current")), "something changed, the bytes did not");
    server.clock.forward(5);
    server.patch("/site", json!({"settings": {"time": {"zone": "Asia/Tokyo"}}})).await.expect(200);
    assert_eq!(sync().await, (json!("outdated"), json!("outdated")));
}

#[tokio::test]
async fn an_outdated_device_says_what_changed_since_it_fetched() {
    let server = Server::start().await;
    server.post("/accounts", json!({"name": "1001", "password": "canary-1"})).await.expect(201);
    server.post("/profiles", json!({"name": "office", "settings": {"time": {"zone": "UTC"}}})).await.expect(201);
    let lines = json!({"lines": {"1": {"account": "1001"}}});
    let made = server.post("/devices", json!({"mac": MAC, "model": "T46S", "profiles": ["office"], "settings": lines})).await.expect(201);
    assert!(made["last_fetch"].is_null() && made.get("outdated_by").is_none(), "{made}");
    let fetch = async || {
        server.clock.forward(5);
        server.phone("/001565aabbcc.cfg", "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc", "10.0.0.9").await;
        // Who looks waits for what was recorded.
        server.get(&format!("/devices/{MAC}")).await.expect(200);
        server.clock.forward(5);
    };
    let causes = async || {
        let device = server.get(&format!("/devices/{MAC}")).await.expect(200);
        assert_eq!(device["last_fetch"]["path"], "/001565aabbcc.cfg");
        let named = device["outdated_by"].as_array().into_iter().flatten();
        named.map(|c| format!("{} {}", c["noun"].as_str().unwrap(), c["name"].as_str().unwrap_or("-"))).collect::<Vec<_>>()
    };
    fetch().await;
    assert!(causes().await.is_empty());
    server.patch("/profiles/office", json!({"settings": {"time": {"zone": "Asia/Tokyo"}}})).await.expect(200);
    server.clock.forward(5);
    server.patch("/accounts/1001", json!({"display_name": "Anna"})).await.expect(200);
    assert_eq!(causes().await, ["account 1001", "profile office"], "the newest first");
    fetch().await;
    assert!(causes().await.is_empty());
    server.patch(&format!("/devices/{MAC}"), json!({"settings": {"lines": {"1": {"label": "x"}}}})).await.expect(200);
    assert_eq!(causes().await, ["device -"]);
}

#[tokio::test]
async fn a_null_takes_every_field_back() {
    let server = Server::start().await;
    server.post("/profiles", json!({"name": "p"})).await.expect(201);
    let full = json!({
        "mac": MAC, "serial": "s", "uuid": "u", "vendor": "yealink", "model": "T46S", "firmware": "1.2", "pack": "yealink", "profiles": ["p"],
        "settings": {"display": {"text": "x"}}, "unset": ["keys.5"], "label": "l", "location": "o", "tags": ["t"],
    });
    server.post("/devices", full).await.expect(201);
    let empty = |field: &str| match field {
        "profiles" | "unset" | "tags" => json!([]),
        "label" | "location" => json!(""),
        "settings" => json!({}),
        "pack_pinned" | "model_pinned" => json!(false),
        _ => Value::Null,
    };
    let fields = [
        "pack_pinned",
        "model_pinned",
        "serial",
        "uuid",
        "model",
        "firmware",
        "profiles",
        "settings",
        "unset",
        "label",
        "location",
        "tags",
    ];
    for field in fields {
        let patched = server.patch(&format!("/devices/{MAC}"), json!({ field: null })).await.expect(200);
        assert_eq!(patched[field], empty(field), "{field}");
    }
    assert_eq!(server.patch(&format!("/devices/{MAC}"), json!({"state": null})).await.expect(200)["state"], "ready");
    for needed in ["mac", "tenant"] {
        assert_eq!(server.patch(&format!("/devices/{MAC}"), json!({ needed: null })).await.faults(422), [needed]);
    }
}

#[tokio::test]
async fn nothing_of_another_tenant_can_be_named() {
    let server = Server::start().await;
    server.post("/tenants", json!({"name": "acme"})).await.expect(201);
    server.post("/profiles", json!({"name": "p", "tenant": "acme"})).await.expect(201);
    server.post("/accounts", json!({"name": "1001", "tenant": "acme"})).await.expect(201);
    let device = |tenant: &str| json!({"mac": MAC, "model": "T46S", "tenant": tenant, "profiles": ["p"], "settings": {"lines": {"1": {"account": "1001"}}}});
    let both = ["profiles[0]", "settings.lines.1.account"];
    assert_eq!(server.post("/devices", device("default")).await.faults(422), both);
    server.post("/devices", device("acme")).await.expect(201);
    assert_eq!(server.patch(&format!("/devices/{MAC}"), json!({"tenant": "default"})).await.faults(422), both);
    let moved = server.patch(&format!("/devices/{MAC}"), json!({"tenant": "default", "profiles": []})).await;
    assert_eq!(moved.faults(422), ["settings.lines.1.account"]);
}
