//! Versions, what was deleted, and the audit log.

use serde_json::{Value, json};

use super::harness::Server;

const MAC: &str = "00:15:65:aa:bb:cc";

fn revisions(list: &Value) -> Vec<u64> {
    list["items"].as_array().unwrap().iter().map(|v| v["revision"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn versions_come_by_pages_and_are_restored_of_one_revision_only() {
    let server = Server::start().await;
    let secret = json!({ "lines": { "1": { "username": "u", "password": "planted" } } });
    server.post("/devices", json!({ "mac": MAC, "label": "1", "settings": secret })).await.expect(201);
    for label in ["2", "3", "4"] {
        server.patch(&format!("/devices/{MAC}"), json!({ "label": label })).await.expect(200);
    }
    let first = server.get(&format!("/devices/{MAC}/history?limit=3")).await.expect(200);
    assert_eq!(revisions(&first), [4, 3, 2]);
    assert_eq!(first["items"][2]["changes"], json!([{ "path": "label", "before": "1", "after": "2" }]));
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = server.get(&format!("/devices/{MAC}/history?limit=3&cursor={cursor}")).await.expect(200);
    assert_eq!((revisions(&rest), &rest["next_cursor"]), (vec![1], &Value::Null));
    let one = server.get(&format!("/devices/{MAC}/history/1")).await;
    assert!(!one.text().contains("planted"), "{}", one.text());
    let one = one.expect(200);
    assert_eq!((&one["document"]["label"], &one["against"], &one["changes"][0]["before"]), (&json!("1"), &json!(4), &json!("4")));
    assert_eq!(one["document"]["settings"]["lines"]["1"]["password"], "********");

    for (path, status) in [
        ("history/9", 404),
        ("history/x", 404),
        ("history/1?against=9", 404),
        ("history/1?against=x", 422),
        ("history?cursor=x", 422),
        ("history?limit=0", 422),
        ("history?colour=red", 422),
    ] {
        server.get(&format!("/devices/{MAC}/{path}")).await.problem(status);
    }
    server.get("/devices/00:15:65:00:00:00/history").await.problem(404);
    server.get("/profiles/none/history").await.problem(404);
    server.get("/templates:history?scope=site&pack=acme&name=none.tpl").await.problem(404);
    server.get("/templates:history?scope=pack").await.problem(422);

    let restore = |revision: &str| format!("/devices/{MAC}/history/{revision}/restore");
    let stale = axum::http::Request::builder()
        .method("POST")
        .uri(format!("/api/v1{}", restore("1")))
        .header("authorization", format!("Bearer {}", server.admin))
        .header("if-match", "\"3\"");
    server.send(stale.body(axum::body::Body::empty()).unwrap()).await.problem(412);
    server.call("POST", &restore("9"), None).await.problem(404);
    let tried = server.call("POST", &format!("{}?dry_run=true", restore("1")), None).await;
    tried.expect(200);
    assert_eq!(server.get(&format!("/devices/{MAC}")).await.expect(200)["revision"], 4);
    let done = server.call("POST", &restore("1"), None).await;
    assert_eq!(done.header("etag"), "\"5\"");
    let done = done.expect(200);
    assert_eq!((&done["revision"], &done["against"], &done["changes"]), (&json!(5), &json!(1), &json!([])));
    server.call_as(&server.reader, "POST", &format!("/api/v1{}", restore("1")), None).await.problem(403);
}

#[tokio::test]
async fn a_tenants_token_is_told_of_its_own() {
    let server = Server::start().await;
    for name in ["north", "south"] {
        server.post("/tenants", json!({ "name": name })).await.expect(201);
        server.post("/profiles", json!({ "name": format!("of-{name}"), "tenant": name })).await.expect(201);
        server.patch(&format!("/profiles/of-{name}"), json!({ "label": "x" })).await.expect(200);
    }
    server.post("/profiles", json!({ "name": "of-all" })).await.expect(201);
    let made = server.post("/tokens", json!({ "label": "n", "role": "operator", "tenants": ["north"] })).await.expect(201);
    let north = made["token"].as_str().unwrap().to_owned();
    let ask = async |path: &str| server.call_as(&north, "GET", &format!("/api/v1{path}"), None).await;

    let log = ask("/audit?limit=1000").await;
    assert!(log.text().contains("of-north") && !log.text().contains("south") && !log.text().contains("of-all"), "{}", log.text());
    assert_eq!(ask("/audit?tenant=south").await.expect(200)["items"], json!([]));
    let foreign = server.get("/audit?tenant=south").await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    ask(&format!("/audit/{foreign}")).await.problem(404);
    assert_eq!(revisions(&ask("/profiles/of-north/history").await.expect(200)), [2, 1]);
    for path in [
        "/profiles/of-south/history",
        "/profiles/of-all/history",
        "/tenants/south/history",
        "/site/history",
        "/profiles/of-south/history/1",
    ] {
        let answer = ask(path).await;
        assert!([403, 404].contains(&answer.status.as_u16()), "{path}: {}", answer.text());
    }
    server.delete("/profiles/of-south").await.expect(204);
    assert_eq!(ask("/deleted").await.expect(200)["items"], json!([]));
    assert_eq!(server.get("/deleted").await.expect(200)["items"][0]["name"], "of-south");
    server.call_as(&north, "POST", "/api/v1/profiles/of-south/history/1/restore", None).await.problem(404);
    server.call("POST", "/profiles/of-south/history/1/restore", None).await.expect(200);
}
