//! Who may call what: tokens, roles, the open paths, and tokens themselves.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::harness::Server;
use crate::api::openapi::document;

#[tokio::test]
async fn only_the_health_paths_are_open() {
    let server = Server::start().await;
    assert_eq!(server.call_as("", "GET", "/healthz", None).await.status, 200);
    assert_eq!(server.call_as("", "GET", "/readyz", None).await.status, 200);
    for path in ["/metrics", "/api/docs", "/api/v1/openapi.json", "/api/v1/devices", "/api/v1/nothing", "/nothing"] {
        let answer = server.call_as("", "GET", path, None).await;
        answer.problem(401);
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{path}");
        server.call_as("offhook_wrong", "GET", path, None).await.problem(401);
    }
    for (path, holds) in [("/metrics", "offhook"), ("/api/docs", "<h1>Offhook API</h1>")] {
        let answer = server.call_as(&server.reader, "GET", path, None).await;
        answer.expect(200);
        assert!(answer.text().contains(holds), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_browser_shows_the_token_as_password_for_pages_only() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let server = Server::start().await;
    let basic = format!("Basic {}", STANDARD.encode(format!("me:{}", server.reader)));
    let ask = |path: &'static str| Request::builder().uri(path).header("authorization", &basic).body(Body::empty()).unwrap();
    assert_eq!(server.send(ask("/api/docs")).await.status, 200);
    assert_eq!(server.send(ask("/api/v1/openapi.json")).await.status, 200);
    assert_eq!(server.send(ask("/api/v1/devices")).await.status, 401);
}

#[tokio::test]
async fn every_operation_keeps_to_the_roles() {
    let server = Server::start().await;
    let paths = document()["paths"].as_object().unwrap();
    let mut asked = 0;
    for (path, item) in paths {
        let address = path.replace(['{', '}'], "");
        for method in item.as_object().unwrap().keys().map(|m| m.to_uppercase()) {
            if path.starts_with("/api/v1/requests/stream") || path == "/healthz" || path == "/readyz" {
                continue;
            }
            asked += 1;
            let body = (method != "GET" && method != "DELETE").then(|| json!({}));
            server.call_as("", &method, &address, body.clone()).await.problem(401);
            server.call_as("offhook_0000", &method, &address, body.clone()).await.problem(401);
            let declared = item[method.to_lowercase()]["security"].as_array().unwrap();
            let reads = declared.contains(&json!({ "token": ["read-only"] }));
            let status = server.call_as(&server.reader, &method, &address, body).await.status;
            if reads {
                assert_ne!(status, 403, "{method} {path}");
            } else {
                assert_eq!(status, 403, "{method} {path}");
            }
            let revealing = server.call_as(&server.reader, &method, &format!("{address}?reveal=true"), None).await.status;
            assert_ne!(revealing, 200, "{method} {path} shows secrets to a reader");
        }
    }
    assert!(asked > 40, "{asked}");
    server.call_as(&server.reader, "POST", "/api/v1/simulate", Some(json!({"transport": "http", "reveal": true}))).await.problem(403);
}

#[tokio::test]
async fn a_token_lives_until_it_expires_or_is_revoked() {
    let server = Server::start().await;
    let made = server.post("/tokens", json!({"label": "x", "role": "read-only", "expires_at": "2026-11-21T05:00:00Z"})).await.expect(201);
    let text = made["token"].as_str().unwrap().to_owned();
    assert!(text.starts_with("offhook_") && made["role"] == "read-only" && made["expires_at"] == "2026-11-21T05:00:00.000Z", "{made}");
    assert_eq!(server.call_as(&text, "GET", "/api/v1/site", None).await.status, 200);
    let listed = server.get("/tokens").await;
    assert!(!listed.text().contains(&text) && !listed.text().contains("sha256"), "{}", listed.text());
    assert_eq!(listed.expect(200)["items"].as_array().unwrap().len(), 3);
    server.clock.forward(Duration::from_secs(3601).as_secs() as i64);
    server.call_as(&text, "GET", "/api/v1/site", None).await.problem(401);

    let made = server.post("/tokens", json!({"role": "read-only"})).await.expect(201);
    let text = made["token"].as_str().unwrap().to_owned();
    assert_eq!(server.call_as(&text, "GET", "/api/v1/site", None).await.status, 200);
    server.delete(&format!("/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
    server.call_as(&text, "GET", "/api/v1/site", None).await.problem(401);
}

#[tokio::test]
async fn the_last_admin_token_stays() {
    let server = Server::start().await;
    let admins = server.get("/tokens?role=admin").await.expect(200);
    let first = admins["items"][0]["id"].as_str().unwrap().to_owned();
    server.delete(&format!("/tokens/{first}")).await.problem(409);
    let ends = server.post("/tokens", json!({"role": "admin", "expires_at": "2026-11-21T04:10:00Z"})).await.expect(201);
    server.clock.forward(601);
    server.delete(&format!("/tokens/{first}")).await.problem(409);
    server.delete(&format!("/tokens/{}", ends["id"].as_str().unwrap())).await.expect(204);
    server.post("/tokens", json!({"role": "admin"})).await.expect(201);
    server.delete(&format!("/tokens/{first}")).await.expect(204);
    server.get("/site").await.problem(401);
}

#[tokio::test]
async fn what_a_token_needs() {
    let server = Server::start().await;
    let faults = server.post("/tokens", json!({"label": 1, "expires_at": "2020-01-01T00:00:00Z", "scope": "x"})).await.faults(422);
    assert_eq!(faults, ["label", "role", "expires_at", "scope"]);
    server.delete("/tokens/none").await.problem(404);
    let none: Value = server.get("/tokens?role=owner").await.problem(422);
    assert_eq!(none["faults"][0]["field"], "role");
}

/// The table of `docs/access.md` is made of the declarations.
#[test]
fn the_page_tells_the_roles_of_every_operation() {
    let file = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/access.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once("<!-- roles -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /roles -->").unwrap();
    let mut table = "| operation | admin | operator | installer | read-only |\n|---|---|---|---|---|\n".to_owned();
    for (path, item) in document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let declared = operation["security"].as_array().unwrap();
            if declared.is_empty() {
                continue;
            }
            let may = |role: &str| if declared.contains(&json!({ "token": [role] })) { "yes" } else { "" };
            let roles = ["admin", "operator", "installer", "read-only"].map(may).join(" | ");
            let path = path.strip_prefix("/api/v1").unwrap_or(path);
            table.push_str(&format!("| `{} {path}` | {roles} |\n", method.to_uppercase()));
        }
    }
    let now = format!("{before}<!-- roles -->\n{table}<!-- /roles -->{after}");
    if std::env::var_os("OFFHOOK_BLESS").is_some() {
        std::fs::write(&file, &now).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap() == now,
        "docs/access.md is not what the operations declare: run the tests with OFFHOOK_BLESS=1"
    );
}
