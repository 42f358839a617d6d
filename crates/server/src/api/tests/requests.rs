//! What phones asked: the log, the live stream, and simulations.

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::harness::{MAC, Server};

const AGENT: &str = "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc";

/// Events of a stream, read one by one.
struct Events(Body, String);

impl Events {
    async fn open(server: &Server, query: &str, last: Option<&str>) -> Self {
        Self::open_as(server, &server.reader, query, last).await
    }

    async fn open_as(server: &Server, token: &str, query: &str, last: Option<&str>) -> Self {
        let mut request =
            Request::builder().uri(format!("/api/v1/requests/stream{query}")).header("authorization", format!("Bearer {token}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = server.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response.into_body(), String::new())
    }

    /// Id and data of the next event; none at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.1.split_once("\n\n") {
                let event = event.to_owned();
                self.1 = rest.to_owned();
                let field = |name: &str| event.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim_start().to_owned());
                assert_eq!(field("event:").as_deref(), Some("request"), "{event}");
                return Some((field("id:").unwrap(), serde_json::from_str(&field("data:").unwrap()).unwrap()));
            }
            let frame = self.0.frame().await?.unwrap();
            self.1.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }
}

#[tokio::test]
async fn the_log_tells_what_phones_asked() {
    let server = Server::start().await;
    let device = server.post("/devices", json!({"mac": MAC, "model": "T46S"})).await.expect(201);
    for path in ["/001565aabbcc.cfg", "/nothing-that-is-known"] {
        server.clock.forward(1);
        server.phone(path, AGENT, "10.0.0.9").await;
    }
    server.clock.forward(1);
    server.phone("/001565aabbcc.cfg", AGENT, "203.0.113.9").await;
    let log = server.get("/requests").await.expect(200);
    let items = log["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!((&items[0]["ip"], &items[0]["decision"]), (&json!("203.0.113.9"), &json!("refused")), "the newest first");
    let own = &items[2];
    assert_eq!(
        (&own["path"], &own["status"], &own["device"], &own["decision"]),
        (&json!("/001565aabbcc.cfg"), &json!(200), &device["id"], &json!("allowed"))
    );
    let steps: Vec<&str> = own["trace"].as_array().unwrap().iter().map(|s| s["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["gate", "identify", "resolve", "authorize", "compose", "render"]);
    assert_eq!(server.get("/requests?decision=refused&ip=203.0.113.9").await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(server.get("/requests?device=001565AABBCC&ip=10.0.0.9").await.expect(200)["items"][0]["device"], device["id"]);
    let page = server.get(&format!("/devices/{MAC}/requests?limit=1")).await.expect(200);
    let next = page["next_cursor"].as_str().unwrap();
    assert_ne!(
        server.get(&format!("/devices/{MAC}/requests?limit=1&cursor={next}")).await.expect(200)["items"][0]["id"],
        page["items"][0]["id"]
    );
    assert_eq!(server.get("/requests?limit=3").await.expect(200)["next_cursor"], Value::Null, "all of them");
    assert_eq!(server.get("/requests?limit=1000").await.expect(200)["items"].as_array().unwrap().len(), 3);
    server.get("/requests?device=000000000001").await.problem(404);
    assert_eq!(server.get("/requests?device=x&ip=y&decision=z").await.faults(422), ["device", "ip", "decision"]);
}

#[tokio::test]
async fn the_stream_goes_on_where_it_ended() {
    let server = Server::start().await;
    server.post("/devices", json!({"mac": MAC, "model": "T46S"})).await.expect(201);
    let mut live = Events::open(&server, "", None).await;
    for n in 0..3 {
        server.clock.forward(1);
        server.phone(&format!("/file-{n}"), AGENT, "10.0.0.9").await;
    }
    let (first, data) = live.next().await.unwrap();
    assert_eq!(data["path"], "/file-0");
    drop(live);
    let mut again = Events::open(&server, "", Some(&first)).await;
    server.clock.forward(1);
    server.phone("/file-3", AGENT, "10.0.0.9").await;
    for n in 1..=3 {
        let (id, data) = again.next().await.unwrap();
        assert_eq!((data["path"].as_str().unwrap(), data["id"].as_str().unwrap()), (format!("/file-{n}").as_str(), id.as_str()));
    }
    let mut filtered = Events::open(&server, &format!("?ip=10.0.0.7&after={first}"), None).await;
    server.phone("/not-this", AGENT, "10.0.0.9").await;
    server.phone("/this", AGENT, "10.0.0.7").await;
    assert_eq!(filtered.next().await.unwrap().1["path"], "/this");
    server.app.closing.cancel();
    assert!(filtered.next().await.is_none(), "a stopping server ends its streams");
    assert_eq!(server.call_as("", "GET", "/readyz", None).await.problem(503)["faults"][0]["message"], "the server is stopping");
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let server = Server::start().await;
    for how in ["revoked", "expired"] {
        let end = server.app.clock.now().as_millis() + 60_000;
        let end = offhook_core::clock::Timestamp::from_millis(end).to_string();
        let made = server.post("/tokens", json!({"label": how, "role": "read-only", "expires_at": end})).await.expect(201);
        let mut events = Events::open_as(&server, made["token"].as_str().unwrap(), "", None).await;
        server.clock.forward(1);
        server.phone("/before", AGENT, "10.0.0.9").await;
        assert_eq!(events.next().await.unwrap().1["path"], "/before", "{how}");
        if how == "revoked" {
            server.delete(&format!("/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
        } else {
            // A new token makes it look at the clock, which it would do by itself after a minute.
            server.clock.forward(60);
            server.post("/tokens", json!({"role": "read-only"})).await.expect(201);
        }
        assert!(events.next().await.is_none(), "{how}");
    }
}

#[tokio::test]
async fn a_stream_needs_an_id_to_go_on_from() {
    let server = Server::start().await;
    assert_eq!(server.get("/requests/stream?after=x").await.faults(422), ["after"]);
    let request = Request::builder()
        .uri("/api/v1/requests/stream")
        .header("authorization", format!("Bearer {}", server.admin))
        .header("last-event-id", "x");
    server.send(request.body(Body::empty()).unwrap()).await.problem(400);
}

#[tokio::test]
async fn a_simulation_stores_nothing() {
    let server = Server::start().await;
    let request = json!({"transport": "http", "path": "/001565%61abbcc.cfg?x=1", "headers": {"User-Agent": AGENT}, "ip": "10.0.0.9"});
    let told = server.post("/simulate", request).await.expect(200);
    let sighting = &told["sighting"];
    assert_eq!((&sighting["mac"], &sighting["vendor"], &sighting["model"]), (&json!(MAC), &json!("yealink"), &json!("T46S")), "{told}");
    assert_eq!((&sighting["firmware"], &sighting["serial"]), (&json!("66.86.0.15"), &Value::Null));
    assert_eq!((&told["file"]["kind"], &told["file"]["pack"]), (&json!("device"), &json!("yealink")));
    assert_eq!((&told["authorization"]["decision"], &told["device"]["state"]), (&json!("allowed"), &json!("pending")));
    assert_eq!((&told["answer"]["status"], told["answer"]["body"].is_string()), (&json!(200), true));
    assert!(server.get("/devices").await.expect(200)["items"].as_array().unwrap().is_empty());
    assert!(server.get("/requests").await.expect(200)["items"].as_array().unwrap().is_empty());
    let fields: Vec<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["sighting", "authorization", "device", "file", "answer", "trace"]);
}

#[tokio::test]
async fn what_a_simulation_takes() {
    let server = Server::start().await;
    let bad = json!({"path": 1, "headers": {"a": 1}, "ip": "x", "options": {"999": "x"}, "use_learnt": "yes", "colour": 1});
    assert_eq!(server.post("/simulate", bad).await.faults(422), ["transport", "ip", "path", "headers", "options", "use_learnt", "colour"]);
    assert_eq!(server.post("/simulate", json!({"transport": "dhcp", "path": "/x"})).await.faults(422), ["path"]);
    let lease = server.post("/simulate", json!({"transport": "dhcp", "options": {"60": "yealink"}, "ip": "10.0.0.9"})).await.expect(200);
    assert_eq!((&lease["file"], &lease["answer"], &lease["device"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!(lease["sighting"]["vendor"], "yealink");
    let stranger =
        server.post("/simulate", json!({"transport": "tftp", "path": "001565aabbcc.cfg", "ip": "203.0.113.9"})).await.expect(200);
    assert_eq!((&stranger["answer"]["status"], &stranger["file"]["kind"]), (&json!(404), &json!("device")), "classified all the same");
}

#[tokio::test]
async fn a_rare_request_is_found_among_many_that_are_stored() {
    let server = Server::start().await;
    server.phone("/rare", AGENT, "10.0.0.7").await;
    for n in 0..150 {
        server.phone(&format!("/common-{n}"), AGENT, "10.0.0.9").await;
    }
    server.write_down().await;
    let found = server.get("/requests?limit=2&ip=10.0.0.7").await.expect(200);
    assert_eq!((&found["items"][0]["path"], &found["next_cursor"]), (&json!("/rare"), &Value::Null), "{found}");
    let (mut seen, mut cursor) = (0, String::new());
    loop {
        let page = server.get(&format!("/requests?limit=40{cursor}")).await.expect(200);
        seen += page["items"].as_array().unwrap().len();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, 151, "each once");
}

#[tokio::test]
async fn a_reader_that_falls_behind_at_once_is_told_nothing_older() {
    let server = Server::start().await;
    server.phone("/before", AGENT, "10.0.0.9").await;
    server.clock.forward(1);
    let mut slow = Events::open(&server, "", None).await;
    server.clock.forward(1);
    for n in 0..2000 {
        server.phone(&format!("/file-{n}"), AGENT, "10.0.0.9").await;
    }
    let mut told = Vec::new();
    for _ in 0..2000 {
        told.push(slow.next().await.unwrap().1["path"].as_str().unwrap().to_owned());
    }
    assert!(!told.contains(&"/before".to_owned()));
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 2000, "each once");
}
