//! What devices share: site, tenants, profiles, accounts.

use serde_json::{Value, json};

use super::harness::{MAC, Server};

#[tokio::test]
async fn the_site_is_replaced_and_patched() {
    let server = Server::start().await;
    let put = server
        .put("/site", json!({"settings": {"time": {"zone": "Europe/Berlin"}}, "enforced": {"display": {"text": "x"}}}))
        .await
        .expect(200);
    assert_eq!(put["settings"]["time"]["zone"], "Europe/Berlin");
    let patched = server.patch("/site", json!({"settings": {"time": {"ntp": ["pool.ntp.org"]}}})).await.expect(200);
    assert_eq!(patched["settings"]["time"], json!({"zone": "Europe/Berlin", "ntp": ["pool.ntp.org"]}));
    assert_eq!(patched["enforced"], json!({"display": {"text": "x"}}));
    assert_eq!(server.put("/site", patched.clone()).await.expect(200), patched);
    let faults = server.patch("/site", json!({"enforced": {"time": {"zone": "x"}}, "name": 1})).await.faults(422);
    assert_eq!(faults, ["enforced.time.zone", "name"]);
    assert_eq!(server.put("/site", json!({})).await.expect(200)["settings"], json!({}));
}

#[tokio::test]
async fn tenants() {
    let server = Server::start().await;
    let made = server.post("/tenants", json!({"name": "acme", "networks": ["10.4.0.9/16"]})).await.expect(201);
    assert_eq!(made["networks"], json!(["10.4.0.0/16"]));
    server.post("/tenants", json!({"name": "acme"})).await.problem(409);
    assert_eq!(server.post("/tenants", json!({"name": "Acme!", "networks": ["x"]})).await.faults(422), ["name", "networks[0]"]);
    assert_eq!(server.patch("/tenants/acme", json!({"name": "other"})).await.faults(422), ["name"]);
    let changed = server.patch("/tenants/acme", json!({"settings": {"locale": {"language": "de"}}})).await.expect(200);
    assert_eq!((&changed["networks"], &changed["settings"]["locale"]["language"]), (&json!(["10.4.0.0/16"]), &json!("de")));
    assert_eq!(server.put("/tenants/acme", changed.clone()).await.expect(200), changed);
    assert_eq!(server.get(&format!("/tenants/{}", made["id"].as_str().unwrap())).await.expect(200)["name"], "acme");
    server.post("/devices", json!({"mac": MAC, "tenant": "acme"})).await.expect(201);
    server.delete("/tenants/acme").await.problem(409);
    server.delete("/tenants/default").await.problem(409);
    server.delete(&format!("/devices/{MAC}")).await.expect(204);
    server.delete("/tenants/acme").await.expect(204);
    let listed = server.get("/tenants").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(server.post("/devices", json!({"mac": MAC, "tenant": "acme"})).await.faults(422), ["tenant"]);
}

#[tokio::test]
async fn profiles() {
    let server = Server::start().await;
    server.post("/profiles", json!({"name": "base", "match": {"vendor": "yealink", "model": null}})).await.expect(201);
    let made = server.post("/profiles", json!({"name": "reception", "parents": ["base"], "unset": ["keys.5"]})).await.expect(201);
    assert_eq!((&made["match"], &made["unset"]), (&Value::Null, &json!(["keys.5"])));
    assert_eq!(server.get("/profiles/base").await.expect(200)["match"]["vendor"], "yealink");
    server.post("/profiles", json!({"name": "base"})).await.problem(409);
    let faults = server.post("/profiles", json!({"parents": ["none"], "match": {}, "settings": {"x": 1}, "colour": 1})).await.faults(422);
    for field in ["name", "match", "settings.x", "colour"] {
        assert!(faults.iter().any(|f| f == field || f.starts_with(&format!("{field}."))), "{field}: {faults:?}");
    }
    assert_eq!(server.post("/profiles", json!({"name": "x", "parents": ["none"]})).await.faults(422), ["parents"]);
    assert_eq!(server.patch("/profiles/base", json!({"parents": ["reception"]})).await.faults(422), ["parents"], "a cycle");
    let renamed = server.patch("/profiles/reception", json!({"label": "Reception", "match": {"pack": "yealink"}})).await.expect(200);
    assert_eq!((&renamed["label"], &renamed["match"]["pack"]), (&json!("Reception"), &json!("yealink")));
    assert_eq!(
        server.patch("/profiles/reception", json!({"match": {"model": "T46S", "pack": null}})).await.expect(200)["match"]["pack"],
        Value::Null
    );
    assert_eq!(server.patch("/profiles/reception", json!({"match": null})).await.expect(200)["match"], Value::Null);
    let again = server.get("/profiles/reception").await.expect(200);
    assert_eq!(server.put("/profiles/reception", again.clone()).await.expect(200), again);
    server.delete("/profiles/base").await.problem(409);
    server.delete("/profiles/reception").await.expect(204);
    server.delete("/profiles/base").await.expect(204);
}

#[tokio::test]
async fn profiles_of_one_name_in_several_tenants() {
    let server = Server::start().await;
    for tenant in ["one", "two"] {
        server.post("/tenants", json!({"name": tenant})).await.expect(201);
        server.post("/profiles", json!({"name": "desk", "tenant": tenant})).await.expect(201);
    }
    server.get("/profiles/desk").await.problem(409);
    assert_eq!(server.get("/profiles/desk?tenant=two").await.expect(200)["tenant"], "two");
    server.clock.forward(1);
    server.post("/profiles", json!({"name": "desk"})).await.expect(201);
    assert_eq!(server.get("/profiles/desk").await.expect(200)["tenant"], Value::Null);
    assert_eq!(server.get("/profiles?global=true").await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(server.get("/profiles?tenant=one&q=DES").await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(server.get("/profiles?sort=-created_at&limit=1").await.expect(200)["items"][0]["tenant"], Value::Null);
}

#[tokio::test]
async fn accounts() {
    let server = Server::start().await;
    let made = server.post("/accounts", json!({"username": "1001", "password": "canary-1", "code": "42"})).await.expect(201);
    assert_eq!(
        (&made["name"], &made["username"], &made["password"], &made["tenant"]),
        (&json!("1001"), &json!("1001"), &json!("********"), &json!("default"))
    );
    let named = server.post("/accounts", json!({"name": "hall"})).await.expect(201);
    assert_eq!(named["username"], "hall");
    server.post("/accounts", json!({"name": "hall"})).await.problem(409);
    assert_eq!(
        server.post("/accounts", json!({"name": "x", "shared": "sca", "mwi": "perhaps", "nonsense": 1})).await.faults(422),
        ["shared", "mwi", "nonsense"]
    );
    assert_eq!(server.post("/accounts", json!({})).await.faults(422), ["name"]);
    assert_eq!(server.put("/accounts/1001", made.clone()).await.expect(200), made, "the mask keeps the password");
    let revealed = async || server.get("/accounts/1001?reveal=true").await.expect(200)["code"].clone();
    assert_eq!((&made["code"], revealed().await), (&json!("********"), json!("42")), "a code is a secret, and its mask keeps it");
    assert_eq!(server.patch("/accounts/1001", json!({"code": "43"})).await.expect(200)["code"], "********");
    assert_eq!(server.patch("/accounts/1001", json!({"code": "********", "number": "1"})).await.expect(200)["code"], "********");
    assert_eq!(revealed().await, "43");
    assert_eq!(server.patch("/accounts/hall", json!({"code": "********"})).await.faults(422), ["code"]);
    let changed = server.patch("/accounts/1001", json!({"display_name": "Anna", "code": null})).await.expect(200);
    assert_eq!((&changed["display_name"], &changed["code"], &changed["password"]), (&json!("Anna"), &Value::Null, &json!("********")));

    let line = |account: &str| json!({"lines": {"1": {"account": account}}});
    server.post("/devices", json!({"mac": MAC, "settings": line("1001")})).await.expect(201);
    assert_eq!(
        server.post("/devices", json!({"mac": "001565000001", "settings": line("9")})).await.faults(422),
        ["settings.lines.1.account"]
    );
    assert_eq!(
        server.post("/devices", json!({"mac": "001565000001", "settings": line("1001")})).await.faults(422),
        ["settings.lines.1.account"]
    );
    server.patch("/accounts/1001", json!({"shared": true})).await.expect(200);
    server.post("/devices", json!({"mac": "001565000001", "settings": line("1001")})).await.expect(201);
    let free = server.get("/accounts?unassigned=true").await.expect(200);
    assert_eq!(free["items"].as_array().unwrap().iter().map(|a| &a["name"]).collect::<Vec<_>>(), ["hall"]);
    server.delete("/accounts/1001").await.problem(409);
    server.delete("/accounts/hall").await.expect(204);
    server.get("/accounts/hall").await.problem(404);
}

#[tokio::test]
async fn an_account_comes_to_another_tenant_only_when_told() {
    let server = Server::start().await;
    server.post("/tenants", json!({"name": "acme"})).await.expect(201);
    let made = server.post("/accounts", json!({"name": "1001", "tenant": "acme", "password": "s3cret"})).await.expect(201);
    let path = format!("/accounts/{}", made["id"].as_str().unwrap());
    assert_eq!(server.patch(&path, json!({"tenant": null, "number": "1"})).await.expect(200)["tenant"], "acme");
    assert_eq!(server.put(&path, json!({"name": "1001", "password": "********"})).await.expect(200)["tenant"], "acme");
    assert_eq!(server.patch(&path, json!({"tenant": "default"})).await.expect(200)["tenant"], "default");
    let fields = ["shared", "code", "username", "password", "auth_username"];
    for field in fields {
        let patched = server.patch(&path, json!({ field: null })).await.expect(200);
        assert!(patched[field].is_null() || patched[field] == false, "{patched}");
    }
}
