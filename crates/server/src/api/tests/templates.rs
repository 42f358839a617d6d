//! Overrides of templates.

use serde_json::json;

use super::harness::Server;

const PACK: &str = "cisco-7940-7960-sip";

#[tokio::test]
async fn what_is_only_tried_is_answered_as_if_it_were_saved() {
    let server = Server::start().await;
    let path = format!("/templates/site/{PACK}/part.tpl");
    let tried = format!("{path}?dry_run=true");
    let made = server.put(&tried, json!({ "source": "one\n" })).await.expect(201);
    assert_eq!((&made["source"], &made["revision"]), (&json!("one\n"), &json!(1)));
    server.get(&path).await.problem(404);
    server.put(&path, json!({ "source": "one\n" })).await.expect(201);
    let changed = server.put(&tried, json!({ "source": "two\n" })).await.expect(200);
    assert_eq!((&changed["source"], &changed["revision"]), (&json!("two\n"), &json!(2)));
    assert_eq!(server.get(&path).await.expect(200)["source"], "one\n");

    let change = |scope: &str| json!({ "scope": scope, "pack": PACK, "name": "part.tpl", "source": "three\n" });
    let changes = json!({ "changes": [change("site"), change("tenant:default")] });
    let applied = server.post("/templates:apply?dry_run=true", changes).await.expect(200);
    assert_eq!((&applied["items"][0]["revision"], &applied["items"][1]["revision"]), (&json!(2), &json!(1)));
    let copy = json!({ "from": { "pack": PACK, "scope": "site" }, "to": { "pack": PACK, "scope": "tenant:default" } });
    let copied = server.post("/templates:copy?dry_run=true", copy).await.expect(200);
    assert_eq!(copied["items"][0]["outcome"], "copied");
    server.get(&format!("/templates/tenant:default/{PACK}/part.tpl")).await.problem(404);
}
