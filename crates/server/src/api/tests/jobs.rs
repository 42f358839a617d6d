//! Jobs: listed, looked at, cancelled.

use serde_json::{Value, json};

use super::harness::Server;

#[tokio::test]
async fn looked_at_and_cancelled() {
    let server = Server::start().await;
    let forever = server.app.jobs.start("test-forever", "something", |_| std::future::pending()).unwrap().id;
    server.clock.forward(1);
    let quick = server.app.jobs.start("test-quick", "something", |_| async { Ok(json!({"a": 1})) }).unwrap().id;
    while server.get(&format!("/jobs/{quick}")).await.expect(200)["state"] != "done" {}
    let job = server.get(&format!("/jobs/{quick}")).await.expect(200);
    assert_eq!((&job["result"], &job["kind"], &job["errors"]), (&json!({"a": 1}), &json!("test-quick"), &json!([])));
    let all = server.get("/jobs").await.expect(200);
    let ids: Vec<&str> = all["items"].as_array().unwrap().iter().map(|j| j["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [quick.to_string(), forever.to_string()], "the newest first");
    assert_eq!(server.get("/jobs?state=done&limit=1").await.expect(200)["items"].as_array().map(Vec::len), Some(1));
    server.get("/jobs?state=odd").await.problem(422);
    server.call_as(&server.reader, "DELETE", &format!("/api/v1/jobs/{forever}"), None).await.problem(403);
    server.delete(&format!("/jobs/{forever}")).await.expect(204);
    while server.get(&format!("/jobs/{forever}")).await.expect(200)["state"] != "cancelled" {}
    server.delete(&format!("/jobs/{forever}")).await.expect(204);
    server.get(&format!("/jobs/{forever}")).await.problem(404);
    server.delete("/jobs/nonsense").await.problem(404);
    assert_ne!(server.get(&format!("/jobs/{quick}")).await.expect(200)["ended_at"], Value::Null);
}
