//! Many devices at once.

use serde_json::{Value, json};

use super::harness::{MAC, Server};

async fn devices(server: &Server) {
    for (n, tag) in [(1, "hall"), (2, "hall"), (3, "roof")] {
        let body = json!({"mac": format!("00:15:65:00:00:0{n}"), "label": format!("desk {n}"), "tags": [tag, "all"]});
        server.post("/devices", body).await.expect(201);
    }
}

/// The job at its end.
async fn bulk(server: &Server, body: Value) -> Value {
    let job = server.post("/devices:bulk", body).await.expect(202);
    server.ended(&job).await
}

async fn device(server: &Server, n: u8) -> Value {
    server.get(&format!("/devices/00156500000{n}")).await.expect(200)
}

#[tokio::test]
async fn a_patch_and_single_tags_for_those_that_fit() {
    let server = Server::start().await;
    devices(&server).await;
    let order = |dry: bool| {
        json!({"selector": {"tag": "hall"}, "dry_run": dry, "action": {
            "patch": {"location": "Hall", "settings": {"access": {"admin_password": "s3cret"}}},
            "add": {"tags": ["new", "all"]}, "remove": {"tags": ["hall"]}}})
    };
    let tried = bulk(&server, order(true)).await;
    assert_eq!((&tried["state"], &tried["counts"]), (&json!("done"), &json!({"changed": 2})), "{tried}");
    assert_eq!(tried["result"]["devices"], 2);
    let all = tried["result"]["changes"].as_array().unwrap();
    let changes = all.iter().find(|c| c["device"] == "00:15:65:00:00:01").unwrap();
    assert_eq!(
        changes["changes"],
        json!([{"path": "location", "before": "", "after": "Hall"},
               {"path": "tags", "before": ["hall", "all"], "after": ["all", "new"]},
               {"path": "settings.access.admin_password", "before": null, "after": "********"}])
    );
    assert_eq!(device(&server, 1).await["location"], "");
    let done = bulk(&server, order(false)).await;
    assert_eq!(done["counts"], json!({"changed": 2}));
    assert_eq!((&device(&server, 2).await["tags"], &device(&server, 3).await["tags"]), (&json!(["all", "new"]), &json!(["roof", "all"])));
}

#[tokio::test]
async fn what_takes_devices_out_of_the_selection_reaches_them_all() {
    let server = Server::start().await;
    for n in 0..150 {
        server.post("/devices", json!({"mac": format!("00:15:65:00:01:{n:02x}"), "state": "pending"})).await.expect(201);
    }
    let done = bulk(&server, json!({"selector": {"state": "pending"}, "action": {"approve": true}})).await;
    assert_eq!((&done["counts"], &done["result"]["devices"]), (&json!({"changed": 150}), &json!(150)), "{done}");
    assert_eq!(done["progress"], json!({"done": 150, "total": 150, "unit": "devices"}));
    let list = server.get("/devices?state=pending").await.expect(200);
    assert_eq!(list["items"], json!([]));
    let done = bulk(&server, json!({"selector": {"all": true}, "action": {"delete": true}})).await;
    assert_eq!(done["counts"], json!({"deleted": 150}));
    assert_eq!(server.get("/devices").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn who_cannot_be_changed_is_told_and_the_others_are_changed() {
    let server = Server::start().await;
    server.post("/devices", json!({"mac": MAC, "state": "pending"})).await.expect(201);
    server.post("/devices", json!({"mac": "02:00:00:00:00:01", "state": "pending"})).await.expect(201);
    let done = bulk(&server, json!({"selector": {"state": "pending"}, "action": {"approve": true}})).await;
    assert_eq!(done["counts"], json!({"changed": 1, "not_changed": 1}));
    assert_eq!(done["errors"][0]["subject"], "02:00:00:00:00:01");
    assert_eq!(done["result"]["faults"][0]["faults"][0]["field"], "pack");
    assert_eq!(done["result"]["ok"], false);
}

#[tokio::test]
async fn an_order_tells_all_that_is_wrong_with_it() {
    let server = Server::start().await;
    let wrong = json!({
        "selector": {"state": "odd", "colour": 1},
        "action": {"patch": {"mac": MAC, "nonsense": 1, "settings": {"time": {"zone": 5}}}, "approve": true, "disable": true,
                   "add": {"tags": ["a"]}, "remove": {"tags": ["a", ""]}, "sync": "soon"},
        "what": 1
    });
    let faults = server.post("/devices:bulk", wrong).await.faults(422);
    for field in ["selector.state", "selector.colour", "action.patch.mac", "action.disable", "action.remove.tags[1]", "action.sync", "what"]
    {
        assert!(faults.iter().any(|f| f == field), "{field}: {faults:?}");
    }
    let wrong = json!({"selector": {"all": true}, "action": {"patch": {"nonsense": 1, "settings": {"time": {"zone": 5}}}}});
    assert_eq!(server.post("/devices:bulk", wrong).await.faults(422), ["action.patch.settings.time.zone", "action.patch.nonsense"]);
    for (body, field) in [
        (json!({"selector": {}, "action": {"approve": true}}), "selector"),
        (json!({"selector": {"all": true, "tag": "x"}, "action": {"approve": true}}), "selector.all"),
        (json!({"selector": {"all": true}, "action": {}}), "action"),
        (json!({"selector": {"all": true}, "action": {"delete": true, "approve": true}}), "action.delete"),
        (json!({"selector": {"all": true}, "action": {"change_pack": "nobody"}}), "action.change_pack"),
        (json!({"selector": {"all": true}, "action": {"patch": {"tags": []}, "add": {"tags": ["x"]}}}), "action.patch.tags"),
    ] {
        assert_eq!(server.post("/devices:bulk", body.clone()).await.faults(422), [field], "{body}");
    }
}
