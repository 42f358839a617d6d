//! What is sent: errors and their shapes, limits, unknown fields, and that readers and schemas know the same fields.

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::harness::{MAC, Server};
use crate::api::openapi::document;

#[tokio::test]
async fn routes_and_methods() {
    let server = Server::start().await;
    server.get("/nothing").await.problem(404);
    server.call("DELETE", "/site", None).await.problem(405);
    server.call("PUT", "/devices", Some(json!({}))).await.problem(405);
    server.get("/devices/none").await.problem(404);
    server.get("/devices/%ff").await.problem(400);
    server.get("/devices/00156500000g").await.problem(404);
    server.get("/site?colour=blue").await.problem(422);
}

#[tokio::test]
async fn bad_bodies() {
    let server = Server::start().await;
    let send = |media: &'static str, body: Body| {
        let request = Request::builder().method("POST").uri("/api/v1/devices").header("authorization", format!("Bearer {}", server.admin));
        server.send(request.header("content-type", media).body(body).unwrap())
    };
    let problem = send("application/json", Body::from("{\"mac\": \"s3cret\",\n \"x\"}")).await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("line 2, column 5"), "{problem}");
    assert!(!problem.to_string().contains("s3cret"));
    send("application/json", Body::empty()).await.problem(400);
    send("text/plain", Body::from("{}")).await.problem(415);
    send("application/json", Body::from(vec![b' '; 1024 * 1024 + 1])).await.problem(413);
    send("application/json", Body::from("[".repeat(200))).await.problem(400);
    send("application/json", Body::from("[]")).await.problem(422);
}

#[tokio::test]
async fn every_fault_at_once_with_its_path() {
    let server = Server::start().await;
    let body = json!({
        "mac": "12", "state": "asleep", "label": "a\u{1}b", "tags": ["x", "x"], "profiles": "reception", "colour": "red",
        "unset": ["no.such.path"],
        "settings": {"lines": {"1": {"label": 5, "nonsense": 1}}, "time": {"zone": "Mars/Olympus"}}
    });
    let faults: BTreeSet<String> = server.post("/devices", body).await.faults(422).into_iter().collect();
    let wanted = ["mac", "state", "label", "tags[1]", "profiles", "colour", "unset[0]"];
    for field in wanted.into_iter().chain(["settings.lines.1.label", "settings.lines.1.nonsense", "settings.time.zone"]) {
        assert!(faults.contains(field), "{field} is missing: {faults:?}");
    }
    assert_eq!(faults.len(), 10, "{faults:?}");
    let empty = json!({"mac": "", "serial": "", "tenant": "", "vendor": "", "pack": "", "model": "", "firmware": ""});
    assert_eq!(server.post("/devices", empty).await.faults(422).len(), 7);
    let problem = server.get("/devices?limit=0&sort=colour&state=x&what=1").await;
    assert_eq!(problem.faults(422), ["limit", "sort", "state", "what"]);
}

#[tokio::test]
async fn what_only_the_store_knows_is_told_with_the_rest() {
    let server = Server::start().await;
    server.post("/devices", json!({"mac": MAC})).await.expect(201);
    server.post("/profiles", json!({"name": "p"})).await.expect(201);
    server.post("/accounts", json!({"name": "a"})).await.expect(201);
    let names = json!({"lines": {"1": {"account": "nobody"}}, "display": {"logo": "no-logo"}});
    let device = json!({
        "mac": "12", "tenant": "nowhere", "profiles": ["p", "gone"], "pack": "no-pack", "model": "T46S", "tags": ["/"], "settings": names
    });
    let profile = json!({"name": "q/", "tenant": "nowhere", "parents": ["gone"], "colour": 1, "settings": names});
    let account = json!({"name": "b", "tenant": "nowhere", "colour": 1, "max_calls": "many"});
    let told = ["mac", "pack", "profiles[1]", "settings.display.logo", "settings.lines.1.account", "tags[0]", "tenant"];
    let own = |path: &str| format!("{path}/{}", if path == "/devices" { MAC } else { &path[1..2] });
    let writes = [
        ("/devices", device, &told[..]),
        ("/profiles", profile, &["colour", "name", "parents[0]", "settings.display.logo", "settings.lines.1.account", "tenant"]),
        ("/accounts", account, &["colour", "max_calls", "tenant"]),
    ];
    for (path, body, wanted) in writes {
        for (method, path) in [("POST", path.to_owned()), ("PUT", own(path)), ("PATCH", own(path))] {
            let faults = server.call(method, &path, Some(body.clone())).await.faults(422);
            let once: BTreeSet<&str> = faults.iter().map(String::as_str).collect();
            assert_eq!(once.iter().copied().collect::<Vec<_>>(), wanted, "{method} {path}");
            assert_eq!(once.len(), faults.len(), "{method} {path}: {faults:?}");
        }
    }
    assert_eq!(server.post("/accounts", json!([])).await.faults(422), [""]);
}

#[tokio::test]
async fn readers_and_schemas_know_the_same_fields() {
    let server = Server::start().await;
    server.post("/devices", json!({"mac": MAC})).await.expect(201);
    server.post("/profiles", json!({"name": "p"})).await.expect(201);
    server.post("/accounts", json!({"name": "a"})).await.expect(201);
    let device = format!("/devices/{MAC}");
    let writes = [
        ("POST", "/devices", "DeviceWrite"),
        ("PUT", device.as_str(), "DeviceWrite"),
        ("PATCH", device.as_str(), "DeviceWrite"),
        ("POST", "/profiles", "ProfileWrite"),
        ("PUT", "/profiles/p", "ProfileWrite"),
        ("PATCH", "/profiles/p", "ProfileWrite"),
        ("PUT", "/site", "SiteWrite"),
        ("PATCH", "/site", "SiteWrite"),
        ("POST", "/tenants", "TenantWrite"),
        ("PUT", "/tenants/default", "TenantWrite"),
        ("PATCH", "/tenants/default", "TenantWrite"),
        ("POST", "/tokens", "TokenWrite"),
        ("POST", "/simulate", "SimulateRequest"),
    ];
    for (method, path, schema) in writes {
        let problem = server.call(method, path, Some(json!({"zzz": null}))).await.problem(422);
        let told = problem["faults"].as_array().unwrap().iter().find(|f| f["field"] == "zzz");
        let message = told.unwrap_or_else(|| panic!("{method} {path}: {problem}"))["message"].as_str().unwrap();
        let known: BTreeSet<&str> = message.split("allowed: ").nth(1).unwrap().split(", ").collect();
        let described = document()["components"]["schemas"][schema]["properties"].as_object().unwrap();
        assert_eq!(known, described.keys().map(String::as_str).collect(), "{method} {path}");
    }
}

#[tokio::test]
async fn readers_and_query_parameters_agree() {
    let server = Server::start().await;
    server.post("/devices", json!({"mac": MAC})).await.expect(201);
    server.post("/profiles", json!({"name": "p"})).await.expect(201);
    server.post("/accounts", json!({"name": "a"})).await.expect(201);
    let paths = document()["paths"].as_object().unwrap();
    for (path, item) in paths.iter().filter(|(path, _)| path.starts_with("/api/v1/")) {
        let operation = &item["get"];
        if operation.is_null() {
            continue;
        }
        let address = path.replace("{device}", MAC).replace("{profile}", "p").replace("{account}", "a").replace("{tenant}", "default");
        let address = address.replace("{path}", "x").replace("{firmware}", "x").replace("{revision}", "1");
        let problem = server.call_as(&server.admin, "GET", &format!("{address}?zzz=1"), None).await.problem(422);
        let unknown = problem["faults"].as_array().unwrap().iter().find(|f| f["field"] == "zzz");
        let message = unknown.unwrap_or_else(|| panic!("{path}: {problem}"))["message"].as_str().unwrap().to_owned();
        let known: BTreeSet<&str> = message.split("allowed: ").nth(1).map(|known| known.split(", ").collect()).unwrap_or_default();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let described: BTreeSet<&str> = parameters.filter(|p| p["in"] == "query").map(|p| p["name"].as_str().unwrap()).collect();
        assert_eq!(known, described, "{path}");
    }
}

#[tokio::test]
async fn revisions_are_entity_tags() {
    let server = Server::start().await;
    let made = server.post("/devices", json!({"mac": MAC})).await;
    let device = made.expect(201);
    assert_eq!(made.header("etag"), format!("\"{}\"", device["revision"]));
    let path = made.header("location");
    assert_eq!(path, format!("/api/v1/devices/{}", device["id"].as_str().unwrap()));
    let patch = |tag: String, label: &'static str| {
        let request = Request::builder().method("PATCH").uri(path.clone()).header("authorization", format!("Bearer {}", server.admin));
        server.send(request.header("if-match", tag).body(Body::from(json!({"label": label}).to_string())).unwrap())
    };
    let changed = patch(made.header("etag"), "a").await;
    assert_eq!(changed.expect(200)["revision"], device["revision"].as_u64().unwrap() + 1);
    patch(made.header("etag"), "b").await.problem(412);
    patch("7".into(), "b").await.problem(400);
    assert_eq!(patch("*".into(), "c").await.expect(200)["label"], "c");
    let same: Value = server.patch(&format!("/devices/{MAC}"), json!({"label": "c"})).await.expect(200);
    assert_eq!(same["revision"], device["revision"].as_u64().unwrap() + 2, "nothing changed, nothing written");
}

#[tokio::test]
async fn texts_to_look_for_are_bounded_and_taken_as_they_are() {
    let server = Server::start().await;
    for name in ["Ärzte_1", "ArzteX1", "100%"] {
        server.post("/accounts", json!({"name": name, "username": "u"})).await.expect(201);
    }
    for (q, found) in [("%C3%84rz", 1), ("_", 1), ("%25", 1), ("arzte", 1), ("RZTE", 2), ("%5C", 0)] {
        let items = server.get(&format!("/accounts?q={q}")).await.expect(200)["items"].as_array().unwrap().len();
        assert_eq!(items, found, "{q}");
    }
    for list in ["accounts", "devices", "profiles"] {
        server.get(&format!("/{list}?q={}", "_".repeat(4096))).await.expect(200);
        let long = server.get(&format!("/{list}?q={0}&cursor={0}", "_".repeat(30_000))).await;
        assert_eq!(long.faults(422).iter().filter(|field| *field == "q").count(), 1);
        server.get(&format!("/{list}?cursor=W10")).await.problem(422);
    }
}
