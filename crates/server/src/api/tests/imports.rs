//! Devices from lists and tables.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::harness::{Answer, Server};

async fn send(server: &Server, path: &str, media: &str, text: &str) -> Answer {
    let request = Request::builder().method("POST").uri(format!("/api/v1{path}"));
    let request = request.header("authorization", format!("Bearer {}", server.admin)).header("content-type", media);
    server.send(request.body(Body::from(text.to_owned())).unwrap()).await
}

async fn job(server: &Server, path: &str, media: &str, text: &str) -> Value {
    let job = send(server, path, media, text).await.expect(202);
    server.ended(&job).await
}

const LIST: &str = "# floor 2\n\n00-15-65-00-00-01\n0015.6500.0002,T46S,\"Hall, left\",desk\n 001565000001 \nzz\n02:00:00:00:00:09 # whose?\n\
                    001565000003,nonsense\n001565000004,,,nobody\n02:00:00:00:00:0a,T46S\n";

#[tokio::test]
async fn a_list_of_macs_tells_what_became_of_each_line() {
    let server = Server::start().await;
    server.post("/profiles", json!({"name": "desk"})).await.expect(201);
    let tried = send(&server, "/import/macs?dry_run=true", "text/plain", LIST).await.expect(200);
    assert_eq!(tried["counts"], json!({"created": 3, "exists": 0, "duplicate": 1, "bad": 3, "unknown_vendor": 1}), "{tried}");
    assert_eq!((&tried["dry_run"], &tried["items"][0]["device"]), (&json!(true), &json!(null)));
    assert_eq!(server.get("/devices").await.expect(200)["items"], json!([]));
    let done = send(&server, "/import/macs", "text/plain", LIST).await.expect(200);
    let lines: Vec<(u64, &str)> =
        done["items"].as_array().unwrap().iter().map(|l| (l["line"].as_u64().unwrap(), l["outcome"].as_str().unwrap())).collect();
    let wanted =
        [(3, "created"), (4, "created"), (5, "duplicate"), (6, "bad"), (7, "unknown_vendor"), (8, "bad"), (9, "bad"), (10, "created")];
    assert_eq!(lines, wanted);
    assert!(done["items"][4]["models"].as_array().unwrap().iter().any(|m| m == "T46S"));
    let hall = server.get("/devices/001565000002").await.expect(200);
    assert_eq!((&hall["label"], &hall["profiles"], &hall["state"]), (&json!("Hall, left"), &json!(["desk"]), &json!("ready")));
    let again = send(&server, "/import/macs", "text/plain", LIST).await.expect(200);
    assert_eq!(again["counts"], json!({"created": 0, "exists": 3, "duplicate": 1, "bad": 3, "unknown_vendor": 1}));
    assert_eq!(server.get("/devices/001565000002").await.expect(200)["revision"], 1);
    let large = send(&server, "/import/macs", "text/plain", &"#".repeat(1024 * 1024 + 1)).await.problem(413);
    assert!(large["detail"].as_str().unwrap().contains("1048576"), "{large}");
}

#[tokio::test]
async fn a_table_makes_devices_and_tells_line_and_column_of_what_is_wrong() {
    let server = Server::start().await;
    server.post("/accounts", json!({"username": "1001", "password": "s3cret"})).await.expect(201);
    let table = "mac;model;label;tags;lines.1.account;lines.1.local_port;state\n\
                 001565000001;T46S;One;a|b;1001;5062;\n\
                 001565000002;T46S;Two;;1002;;\n\
                 001565000003;T46S;Three;;;port;odd\n\
                 zz;;;;;;\n\
                 001565000001;;;;;;\n\
                 001565000004;;;;;;;more\n\
                 001565000005;;\"Five\n5\";;;;pending\n";
    let tried = job(&server, "/devices:import?dry_run=true", "text/csv; charset=utf-8", table).await;
    assert_eq!((&tried["counts"], &tried["result"]["dry_run"]), (&json!({"created": 1, "failed": 6}), &json!(true)), "{tried}");
    assert_eq!(server.get("/devices").await.expect(200)["items"], json!([]));
    let done = job(&server, "/devices:import", "text/csv", table).await;
    let faults: Vec<(u64, u64, &str)> = done["result"]["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["line"].as_u64().unwrap(), f["column"].as_u64().unwrap_or(0), f["field"].as_str().unwrap()))
        .collect();
    assert!(faults.contains(&(3, 5, "settings.lines.1.account")), "{faults:?}");
    assert!(faults.contains(&(4, 6, "settings.lines.1.local_port")) && faults.contains(&(4, 7, "state")), "{faults:?}");
    assert!(faults.contains(&(5, 1, "mac")) && faults.contains(&(6, 1, "mac")) && faults.contains(&(7, 8, "")), "{faults:?}");
    assert!(faults.contains(&(8, 3, "label")), "{faults:?}");
    assert_eq!(faults.len(), 7, "{faults:?}");
    let one = server.get("/devices/001565000001").await.expect(200);
    assert_eq!((&one["tags"], &one["settings"]["lines"]["1"]), (&json!(["a", "b"]), &json!({"account": "1001", "local_port": 5062})));
    let head = send(&server, "/devices:import", "text/csv", "mac,colour,lines.1.nothing\n").await.faults(422);
    assert_eq!(head, ["colour", "lines.1.nothing"]);
    send(&server, "/devices:import", "text/plain", "mac\n").await.problem(415);
}

#[tokio::test]
async fn documents_are_made_or_changed() {
    let server = Server::start().await;
    server.post("/devices", json!({"mac": "001565000001", "label": "old", "tags": ["a"]})).await.expect(201);
    let listed = server.get("/devices/001565000001").await.expect(200);
    let documents = format!(
        "{}\n\n{{\"mac\": \"001565000002\", \"label\": \"new\"}}\n{{\"mac\": 1}}\n[]\n{{\"mac\"\n{{\"mac\": \"001565000003\", \"odd\": 1}}\n",
        {
            let mut changed = listed.clone();
            changed["label"] = "changed".into();
            changed
        }
    );
    let kept = job(&server, "/devices:import?mode=create", "application/x-ndjson", &documents).await;
    assert_eq!(kept["counts"], json!({"created": 1, "exists": 1, "failed": 4}), "{kept}");
    assert_eq!(server.get("/devices/001565000001").await.expect(200)["label"], "old");
    let done = job(&server, "/devices:import?mode=upsert", "application/x-ndjson", &documents).await;
    assert_eq!(done["counts"], json!({"changed": 1, "exists": 1, "failed": 4}), "{done}");
    let changed = server.get("/devices/001565000001").await.expect(200);
    assert_eq!((&changed["label"], &changed["tags"]), (&json!("changed"), &json!(["a"])));
}

#[tokio::test]
async fn many_lines_are_many_small_writes() {
    let server = Server::start().await;
    let table: String = std::iter::once("mac,label\n".to_owned())
        .chain((0..1000).map(|n| format!("00:15:65:00:{:02x}:{:02x},n{n}\n", n / 256, n % 256)))
        .collect();
    let done = job(&server, "/devices:import", "text/csv", &table).await;
    assert_eq!((&done["counts"], &done["progress"]["done"]), (&json!({"created": 1000}), &json!(1001)));
    let again = job(&server, "/devices:import", "text/csv", &table).await;
    assert_eq!(again["counts"], json!({"exists": 1000}));
}
