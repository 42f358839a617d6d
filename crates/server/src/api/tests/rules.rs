//! Rules that hold for every operation, taken from the description: faults all at once, revisions, dry runs, keys, limits of bodies.

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use serde_json::{Map, Value, json};

use super::harness::{Answer, MAC, Server};
use crate::api::openapi::document;

/// An operation: method, path with its variables filled in, description.
struct Operation {
    name: String,
    method: String,
    path: String,
    about: &'static Value,
}

/// A server that has one of everything that has a document.
async fn furnished() -> Server {
    let server = Server::start().await;
    server.post("/tenants", json!({"name": "north"})).await.expect(201);
    server.post("/profiles", json!({"name": "desk"})).await.expect(201);
    server.post("/accounts", json!({"username": "1001"})).await.expect(201);
    server.post("/phonebooks", json!({"name": "book"})).await.expect(201);
    server.post("/devices", json!({"mac": MAC, "settings": {"lines": {"1": {"account": "1001"}}}})).await.expect(201);
    server.post("/address-maps", json!({"address": "11.1.1.1", "name": "pbx.example"})).await.expect(201);
    server
}

/// Every operation whose variables name something of a furnished server.
fn operations() -> Vec<Operation> {
    let known = [("device", MAC), ("tenant", "north"), ("profile", "desk"), ("account", "1001"), ("phonebook", "book")];
    let mut all = Vec::new();
    for (path, item) in document()["paths"].as_object().unwrap() {
        for (method, about) in item.as_object().unwrap() {
            let mut filled = path.clone();
            for (name, value) in known {
                filled = filled.replace(&format!("{{{name}}}"), value);
            }
            if filled.starts_with("/api/v1/") && !filled.contains('{') {
                all.push(Operation { name: format!("{method} {path}"), method: method.to_uppercase(), path: filled, about });
            }
        }
    }
    all
}

impl Operation {
    fn takes(&self, parameter: &str) -> bool {
        self.about["parameters"].as_array().into_iter().flatten().any(|p| p["name"] == parameter)
    }

    /// The schema of its JSON body.
    fn body(&self) -> Option<&'static Value> {
        let content = self.about["requestBody"]["content"].as_object()?;
        let (_, body) = content.iter().find(|(media, _)| media.ends_with("json") && !media.contains("ndjson"))?;
        let name = body["schema"]["$ref"].as_str()?;
        document().pointer(name.trim_start_matches('#'))
    }
}

async fn send(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", server.admin));
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn every_fault_of_a_document_is_told_at_once_with_its_field() {
    let server = furnished().await;
    let mut seen = 0;
    for operation in operations() {
        let Some(schema) = operation.body() else { continue };
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        let mut wrong = Map::new();
        for (name, field) in &properties {
            let object = field["type"] == "object" || field["$ref"].is_string() || field["oneOf"].is_array();
            wrong.insert(name.clone(), if object { json!("wrong") } else { json!({"wrong": true}) });
        }
        wrong.insert("no_such_field".to_owned(), json!(1));
        wrong.insert("nor_this".to_owned(), json!(2));
        let answer = send(&server, &operation.method, &operation.path, &[], Value::Object(wrong).to_string()).await;
        let faults: BTreeSet<String> = answer.faults(422).into_iter().collect();
        for unknown in ["no_such_field", "nor_this"] {
            assert!(faults.contains(unknown), "{}: {unknown} is not told: {}", operation.name, answer.text());
        }
        let told = |name: &&String| faults.iter().any(|f| f.split(['.', '[']).next() == Some(name.as_str()));
        let untold: Vec<&String> = properties.keys().filter(|name| !told(name)).collect();
        assert!(untold.is_empty(), "{}: not told: {untold:?}: {}", operation.name, answer.text());
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[tokio::test]
async fn who_read_an_older_revision_changes_nothing() {
    let server = furnished().await;
    let mut seen = 0;
    for operation in operations().into_iter().filter(|o| o.takes("If-Match")) {
        // What is posted has rules of its own, and tests.
        if operation.method == "POST" {
            continue;
        }
        let body = match operation.method.as_str() {
            "PUT" => send(&server, "GET", &operation.path, &[], String::new()).await.expect(200).to_string(),
            "PATCH" => "{}".to_owned(),
            _ => String::new(),
        };
        let answer = send(&server, &operation.method, &operation.path, &[("if-match", "\"99999\"")], body.clone()).await;
        answer.problem(412);
        let answer = send(&server, &operation.method, &operation.path, &[("if-match", "99999")], body).await;
        answer.problem(400);
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

#[tokio::test]
async fn what_is_known_is_not_told_again() {
    let server = furnished().await;
    let mut seen = 0;
    for operation in operations().into_iter().filter(|o| o.takes("If-None-Match")) {
        let first = send(&server, "GET", &operation.path, &[], String::new()).await;
        first.expect(200);
        let tag = first.header("etag");
        let again = send(&server, "GET", &operation.path, &[("if-none-match", &tag)], String::new()).await;
        assert_eq!((again.status.as_u16(), again.bytes.len(), again.header("etag")), (304, 0, tag), "{}", operation.name);
        send(&server, "GET", &operation.path, &[("if-none-match", "\"999\"")], String::new()).await.expect(200);
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
}

#[tokio::test]
async fn what_is_only_tried_says_so_and_is_not_done() {
    let server = furnished().await;
    let mut before = Vec::new();
    let lists = ["/devices", "/profiles", "/accounts", "/tenants", "/phonebooks", "/address-maps", "/site", "/tokens"];
    for path in lists {
        before.push(server.get(path).await.expect(200));
    }
    for operation in operations().into_iter().filter(|o| o.takes("dry_run")) {
        let body = match (operation.method.as_str(), operation.body()) {
            ("PUT", Some(_)) => send(&server, "GET", &operation.path, &[], String::new()).await.expect(200).to_string(),
            (_, Some(schema)) => schema["example"].to_string(),
            _ => String::new(),
        };
        let answer = send(&server, &operation.method, &format!("{}?dry_run=true", operation.path), &[], body).await;
        assert_eq!(answer.header("offhook-dry-run"), "true", "{}: {}", operation.name, answer.text());
        assert!(answer.status.as_u16() < 500, "{}: {}", operation.name, answer.text());
    }
    for (path, before) in lists.iter().zip(before) {
        let now = server.get(path).await.expect(200);
        let plain = |mut v: Value| {
            for item in v["items"].as_array_mut().into_iter().flatten() {
                item["last_used_at"] = Value::Null;
            }
            v
        };
        assert_eq!(plain(now), plain(before), "{path}");
    }
    assert_eq!(server.post("/profiles?dry_run=perhaps", json!({"name": "x"})).await.faults(422), ["dry_run"]);
    server.post("/profiles?dry_run=false", json!({"name": "x"})).await.expect(201);
}

#[tokio::test]
async fn the_same_key_makes_one_thing() {
    let server = Server::start().await;
    let post = async |path: &str, key: &str, body: Value| {
        send(&server, "POST", &format!("/api/v1{path}"), &[("idempotency-key", key)], body.to_string()).await
    };
    let first = post("/tokens", "k-1", json!({"label": "a", "role": "read-only"})).await;
    let made = first.expect(201);
    let again = post("/tokens", "k-1", json!({"label": "a", "role": "read-only"})).await;
    assert_eq!((again.expect(201), again.header("idempotency-replayed")), (made.clone(), "true".to_owned()));
    assert_eq!((again.header("location"), again.header("content-type")), (first.header("location"), first.header("content-type")));
    let tokens = server.get("/tokens").await.expect(200);
    assert_eq!(tokens["items"].as_array().unwrap().iter().filter(|t| t["label"] == "a").count(), 1);
    assert_eq!(post("/tokens", "k-1", json!({"label": "b", "role": "read-only"})).await.faults(422), ["Idempotency-Key"]);
    assert_eq!(post("/profiles", "k-1", json!({"label": "a", "role": "read-only"})).await.faults(422), ["Idempotency-Key"]);
    // A failure makes nothing: the key is free.
    post("/profiles", "k-2", json!({})).await.problem(422);
    post("/profiles", "k-2", json!({"name": "desk"})).await.expect(201);
    // Another caller's key is another key.
    let other = made["token"].as_str().unwrap();
    let request = Request::builder().method("POST").uri("/api/v1/simulate").header("authorization", format!("Bearer {other}"));
    server
        .send(request.header("idempotency-key", "k-1").body(Body::from("{\"transport\":\"http\",\"path\":\"/x\"}")).unwrap())
        .await
        .expect(200);
    for bad in ["", &"x".repeat(256)] {
        post("/profiles", bad, json!({"name": "x"})).await.problem(400);
    }
    // What is only tried takes no key.
    post("/profiles?dry_run=true", "k-3", json!({"name": "y"})).await.expect(201);
    assert_eq!(post("/profiles", "k-3", json!({"name": "y"})).await.header("idempotency-replayed"), "");
    server.clock.forward(25 * 3600);
    post("/tokens", "k-1", json!({"label": "c", "role": "read-only"})).await.expect(201);
}

#[tokio::test]
async fn one_at_a_time_has_a_key() {
    let server = Server::start().await;
    let body = json!({"mac": MAC}).to_string();
    let send = || send(&server, "POST", "/api/v1/devices", &[("idempotency-key", "once")], body.clone());
    let answers = futures_util::future::join_all((0..8).map(|_| send())).await;
    let statuses: Vec<u16> = answers.iter().map(|a| a.status.as_u16()).collect();
    assert!(statuses.iter().all(|s| [201, 409].contains(s)) && statuses.contains(&201), "{statuses:?}");
    let made: BTreeSet<String> = answers.iter().filter(|a| a.status == 201).map(Answer::text).collect();
    assert_eq!(made.len(), 1);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::start().await;
    let large = send(&server, "POST", "/api/v1/devices", &[], format!("{{\"label\": \"{}\"}}", "x".repeat(2 << 20))).await.problem(413);
    assert!(large["detail"].as_str().unwrap().contains("1048576 bytes"), "{large}");
    for (text, says) in [
        (format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), "within each other"),
        ("{\"label\": \"a\", \"label\": \"b\"}".to_owned(), "twice"),
        ("{\"label\": ".to_owned(), "line 1"),
        (String::new(), "is needed"),
    ] {
        let problem = send(&server, "POST", "/api/v1/devices", &[], text).await.problem(400);
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
}

#[tokio::test]
async fn one_request_is_found_by_its_id() {
    let server = Server::start().await;
    server.phone("/nothing.cfg", "x", "10.0.0.9").await;
    let list = server.get("/requests").await.expect(200);
    let id = list["items"][0]["id"].as_str().unwrap();
    assert_eq!(server.get(&format!("/requests/{id}")).await.expect(200), list["items"][0]);
    server.get("/requests/0192f0c1-8a5e-7cc3-b0a4-4d2f6e7a9b10").await.problem(404);
    server.get("/requests/x").await.problem(404);
}
