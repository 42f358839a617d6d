//! Planted secrets never come out of a GET, a problem or a simulation.

use axum::http::Method;
use serde_json::{Value, json};

use super::harness::{MAC, Server};
use crate::api::openapi::document;

const CANARY: &str = "canary-7Zq";

/// A server with secrets wherever the model has room for them.
async fn planted() -> Server {
    let server = Server::start().await;
    let secrets = json!({
        "access": {"admin_password": CANARY, "menu_pin": "4711471147"},
        "provisioning": {"url": format!("http://user:{CANARY}@prov.example/"), "password": CANARY},
        "network": {"wifi": {"ssid": "x", "security": "wpa2", "key": CANARY}},
        "raw": {"yealink": {"account.1.password": CANARY, "some.pin_key": CANARY}}
    });
    // What of it the model does not take is left out: the point is what it takes.
    for field in ["access", "provisioning", "network", "raw"] {
        server.patch("/site", json!({"settings": {field: secrets[field]}})).await;
    }
    server.patch("/site", json!({"settings": {"access": {"admin_password": CANARY}}})).await.expect(200);
    server.patch("/site", json!({"enforced": {"raw": {"yealink": {"account.1.password": CANARY}}}})).await.expect(200);
    server.patch("/tenants/default", json!({"settings": {"access": {"user_password": CANARY}}})).await.expect(200);
    server.post("/profiles", json!({"name": "p", "settings": {"access": {"admin_password": CANARY}}})).await.expect(201);
    server.post("/accounts", json!({"name": "a", "password": CANARY})).await.expect(201);
    let settings = json!({"lines": {"1": {"account": "a"}, "2": {"username": "u", "password": CANARY}}});
    server.post("/devices", json!({"mac": MAC, "model": "T46S", "profiles": ["p"], "settings": settings})).await.expect(201);
    server
}

#[tokio::test]
async fn no_get_shows_a_secret() {
    let server = planted().await;
    server.phone("/001565aabbcc.cfg", "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc", "10.0.0.9").await;
    let mut addresses: Vec<String> =
        document()["paths"].as_object().unwrap().iter().filter(|(_, item)| !item["get"].is_null()).map(|(p, _)| p.clone()).collect();
    addresses.retain(|p| !p.contains("/stream") && !p.contains("{path}") && !p.contains("{firmware}"));
    addresses.push(format!("/api/v1/devices/{MAC}/settings?explain=true"));
    let files = server.get(&format!("/devices/{MAC}/files")).await.expect(200);
    let files = files["items"].as_array().unwrap().iter().map(|f| format!("/api/v1/devices/{MAC}/files{}", f["path"].as_str().unwrap()));
    addresses.extend(files);
    let mut good = 0;
    for address in addresses {
        let address = address.replace("{device}", MAC).replace("{profile}", "p").replace("{account}", "a").replace("{tenant}", "default");
        for token in [&server.admin, &server.reader] {
            let answer = server.call_as(token, "GET", &address, None).await;
            assert!(!answer.text().contains(CANARY), "{address}: {}", answer.text());
            good += usize::from(answer.status == 200);
        }
    }
    assert!(good > 30, "{good}");
    let revealed = server.get(&format!("/devices/{MAC}/files/001565aabbcc.cfg?reveal=true")).await;
    assert!(revealed.text().contains(CANARY), "the canary is there: {}", revealed.text());
}

#[tokio::test]
async fn a_simulation_masks_unless_revealed() {
    let server = planted().await;
    let mut request = json!({
        "transport": "http", "path": "/001565aabbcc.cfg", "ip": "10.0.0.9",
        "headers": {"user-agent": "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc"}
    });
    let masked = server.post("/simulate", request.clone()).await;
    assert!(!masked.text().contains(CANARY), "{}", masked.text());
    assert_eq!(masked.expect(200)["answer"]["status"], 200);
    request["reveal"] = Value::Bool(true);
    assert!(server.post("/simulate", request).await.text().contains(CANARY));
}

#[tokio::test]
async fn problems_and_written_answers_hold_no_secret() {
    let server = planted().await;
    let line = json!({"lines": {"1": {"password": [CANARY]}, "2": {"password": format!("{CANARY}\n")}, "3": {"passwort": CANARY}}});
    let bodies = [json!({"settings": line}), json!({"settings": {"access": {"admin_password": {"x": CANARY}}}})];
    for body in bodies {
        for (method, path) in
            [(Method::POST, "/devices".to_owned()), (Method::PATCH, format!("/devices/{MAC}")), (Method::PUT, "/site".to_owned())]
        {
            let answer = server.call(method.as_str(), &path, Some(body.clone())).await;
            answer.problem(422);
            assert!(!answer.text().contains(CANARY), "{method} {path}: {}", answer.text());
        }
    }
    for (path, body) in [
        (format!("/devices/{MAC}"), json!({"label": "n"})),
        ("/accounts/a".into(), json!({"code": "1"})),
        ("/profiles/p".into(), json!({"label": "n"})),
    ] {
        let answer = server.patch(&path, body).await;
        answer.expect(200);
        assert!(!answer.text().contains(CANARY), "{path}: {}", answer.text());
    }
}

/// Whoever looks at secrets is told of, however the question is put.
#[tokio::test]
async fn who_looks_at_secrets_is_told_of() {
    let server = planted().await;
    server.upload("/assets?name=key.pem", format!("-----BEGIN PRIVATE KEY----- {CANARY}").as_bytes()).await.expect(201);
    let simulated = json!({
        "transport": "http", "path": "/001565aabbcc.cfg", "ip": "10.0.0.9", "reveal": true,
        "headers": {"user-agent": "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc"}
    });
    let source = "{{ settings.access.user_password }}";
    let checked = json!({"reveal": true, "changes": [{"scope": "site", "pack": "yealink", "name": "access.tpl", "source": source}]});
    let settings = format!("/devices/{MAC}/settings?reveal=true");
    let file = format!("/devices/{MAC}/files/001565aabbcc.cfg?reveal=true");
    for (method, path, body, noun, name) in [
        ("GET", "/accounts/a?reveal=true", None, "account", "a"),
        ("GET", "/assets/key.pem/contents", None, "asset", "key.pem"),
        ("GET", settings.as_str(), None, "device", MAC),
        ("GET", file.as_str(), None, "device", MAC),
        ("POST", "/simulate", Some(simulated.clone()), "device", MAC),
        ("POST", "/simulate?dry_run=true", Some(simulated), "device", MAC),
        ("POST", "/templates:check", Some(checked.clone()), "site", "site"),
        ("POST", "/templates:check?dry_run=true", Some(checked), "site", "site"),
    ] {
        let before = server.get("/audit?action=reveal").await.expect(200)["items"].as_array().unwrap().len();
        let answer = server.call(method, path, body).await;
        answer.expect(200);
        assert!(answer.text().contains(CANARY), "{path}: {}", answer.text());
        let told = server.get("/audit?action=reveal").await;
        assert!(!told.text().contains(CANARY), "{}", told.text());
        let told = told.expect(200)["items"].as_array().unwrap().clone();
        assert_eq!((told.len(), &told[0]["noun"], &told[0]["name"]), (before + 1, &json!(noun), &json!(name)), "{path}: {}", told[0]);
    }
}
