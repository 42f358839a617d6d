//! A world of two tenants with one of everything each, all of it with words that are found again; and names for a third that is not there.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use offhook_core::{
    Id, Mac,
    firmware::Firmware,
    request::Transport,
    token::{Reach, Role},
    upload::UploadKind,
};
use offhook_store::{NewToken, NewUpload, UploadLimits};
use serde_json::{Value, json};

use crate::api::tests::harness::Server;

/// Words of one side, by what stands for them in the tables.
pub type Side = BTreeMap<&'static str, String>;

/// The family that all phones of the world are of.
pub const PACK: &str = "yealink";

/// A family of few models, so that a check of its templates is quick.
pub const SMALL: &str = "cisco-7940-7960-sip";

pub struct World {
    pub server: Server,
    /// The tenant of the callers.
    pub own: Side,
    /// The other tenant.
    pub other: Side,
    /// One that is not there, with names much like the other's.
    pub nobody: Side,
    pub callers: Vec<Caller>,
}

pub struct Caller {
    pub role: Role,
    /// For the own tenant alone.
    pub limited: bool,
    pub text: String,
    pub id: Id,
}

impl Caller {
    pub fn reach(&self, own: &Side) -> Reach {
        if self.limited { reach(&own["tenant"]) } else { Reach::ALL }
    }
}

pub fn reach(tenant: &str) -> Reach {
    Reach::of(Some(Arc::new([tenant.to_owned()].into())))
}

/// The names of a side; ids come when the things are made.
fn names(tenant: &str, n: u8) -> Side {
    let mac = Mac::new([0, 0x15, 0x65, 0x0a, n, 1]).unwrap();
    let id = |m: u8| format!("0192f0c1-8a5e-7cc3-b0a4-4d2f6e7a{n:02x}{m:02x}");
    let word = |w: &str| format!("{tenant}-{w}");
    let mut side = Side::from([
        ("tenant", tenant.to_owned()),
        ("scope", format!("tenant:{tenant}")),
        ("mac", mac.to_string()),
        ("file", format!("{}.cfg", mac.bare())),
        ("new_mac", Mac::new([0, 0x15, 0x65, 0x0a, n, 9]).unwrap().to_string()),
        ("ip", format!("10.{n}.0.5")),
        ("network", format!("10.{n}.0.0/16")),
        ("address", format!("192.0.2.{n}")),
        ("template", word("part.tpl")),
    ]);
    for what in ["label", "location", "tag", "profile_name", "account_name", "asset_name", "phonebook_name", "secret", "host", "contact"] {
        side.insert(what, word(&what.replace("_name", "")));
    }
    side.insert("asset_name", word("logo.png"));
    for (m, what) in
        ["device", "profile", "account", "asset", "phonebook", "upload", "token", "job", "tenant_id", "address_map", "audit", "request"]
            .iter()
            .enumerate()
    {
        side.insert(what, id(u8::try_from(m).unwrap()));
    }
    side
}

pub async fn world() -> World {
    let server = Server::start().await;
    let (mut own, mut other, nobody) = (names("azulay", 1), names("bremen", 2), names("brimen", 3));
    server.patch("/site", json!({ "settings": { "access": { "admin_password": "site-secret" } } })).await.expect(200);
    server.post("/profiles", json!({ "name": "for-all", "settings": { "access": { "user_password": "site-secret" } } })).await.expect(201);
    let image = blob(&server, b"image").await;
    let _: Firmware = server.app.store.add_firmware("T46S-66.86.0.15.rom", PACK, image).await.unwrap();
    for side in [&mut own, &mut other] {
        furnish(&server, side).await;
    }
    // More of the other, so that a count that holds them is found out.
    for n in 20..25 {
        let mac = Mac::new([0, 0x15, 0x65, 0x0a, 2, n]).unwrap().to_string();
        server
            .post("/devices", json!({ "mac": mac, "model": "T46S", "tenant": other["tenant"], "label": other["label"] }))
            .await
            .expect(201);
    }
    let mut callers = Vec::new();
    for (role, limited) in Role::ALL.into_iter().flat_map(|role| [(role, true), (role, false)]) {
        let tenants = limited.then(|| [own["tenant"].clone()].into());
        let label = format!("{} of {}", role.as_str(), if limited { "one" } else { "all" });
        let (token, text) = server.app.store.create_token_for(NewToken { label, role, tenants, expires_at: None }).await.unwrap();
        callers.push(Caller { role, limited, text, id: token.id });
    }
    World { server, own, other, nobody, callers }
}

async fn blob(server: &Server, bytes: &[u8]) -> offhook_store::Blob {
    let mut blob = server.app.store.new_blob().await.unwrap();
    blob.write(bytes).await.unwrap();
    blob.finish().await.unwrap()
}

/// One of everything.
async fn furnish(server: &Server, side: &mut Side) {
    let s = side.clone();
    let id = |made: &Value| made["id"].as_str().unwrap().to_owned();
    let settings = json!({ "access": { "admin_password": s["secret"] } });
    let tenant = json!({ "name": s["tenant"], "networks": [s["network"]], "settings": settings });
    side.insert("tenant_id", id(&server.post("/tenants", tenant).await.expect(201)));
    let of = |mut document: Value| {
        document["tenant"] = s["tenant"].clone().into();
        document
    };
    let profile = json!({ "name": s["profile_name"], "label": s["label"], "settings": { "access": { "user_password": s["secret"] } } });
    side.insert("profile", id(&server.post("/profiles", of(profile)).await.expect(201)));
    let account = json!({ "name": s["account_name"], "username": s["account_name"], "password": s["secret"] });
    side.insert("account", id(&server.post("/accounts", of(account)).await.expect(201)));
    let bytes = format!("-----BEGIN CERTIFICATE----- {}", s["secret"]);
    let asset = server.upload(&format!("/assets?name={}&tenant={}", s["asset_name"], s["tenant"]), bytes.as_bytes()).await;
    side.insert("asset", id(&asset.expect(201)));
    let book = json!({ "name": s["phonebook_name"], "label": s["label"], "contacts": [{ "name": s["contact"], "numbers": [{ "number": "100" }] }] });
    side.insert("phonebook", id(&server.post("/phonebooks", of(book)).await.expect(201)));
    let map = json!({ "address": s["address"], "name": s["host"] });
    side.insert("address_map", id(&server.post("/address-maps", of(map)).await.expect(201)));
    let device = json!({
        "mac": s["mac"], "model": "T46S", "label": s["label"], "location": s["location"], "tags": [s["tag"]], "profiles": [s["profile_name"]],
        "settings": { "lines": { "1": { "account": s["account_name"] } }, "access": { "menu_pin": "471147" }, "display": { "text": s["label"] } }
    });
    side.insert("device", id(&server.post("/devices", of(device)).await.expect(201)));
    server.patch(&format!("/devices/{}", s["mac"]), json!({ "location": format!("{} 2", s["location"]) })).await.expect(200);
    for path in [format!("/tenants/{}", s["tenant"]), format!("/profiles/{}", side["profile"]), format!("/accounts/{}", side["account"])] {
        let settings = json!({ "display": { "contrast": 4 } });
        let patch = if path.contains("/accounts") { json!({ "display_name": s["label"] }) } else { json!({ "settings": settings }) };
        server.patch(&path, patch).await.expect(200);
    }
    let agent = format!("Yealink SIP-T46S 66.86.0.15 {}", s["mac"]);
    server.phone(&format!("/{}", s["file"]), &agent, &s["ip"]).await;
    let requests = server.get(&format!("/requests?tenant={}", s["tenant"])).await.expect(200);
    side.insert("request", id(&requests["items"][0]));
    for (text, status) in [("one", 201), ("two", 200)] {
        let template = json!({ "source": format!("# {} {text}\n", s["label"]) });
        server.put(&format!("/templates/{}/{SMALL}/{}", s["scope"], s["template"]), template).await.expect(status);
    }
    let audit = server.get(&format!("/audit?tenant={}", s["tenant"])).await.expect(200);
    side.insert("audit", id(&audit["items"][0]));
    let new = NewUpload {
        device: Id::parse(&side["device"]).unwrap(),
        name: "log".into(),
        file: format!("{}.log", s["label"]),
        kind: UploadKind::Log,
        ip: s["ip"].parse::<IpAddr>().unwrap(),
        transport: Transport::Http,
    };
    let limits = UploadLimits { versions: 9, device: 1 << 20, total: 1 << 20 };
    let upload = server.app.store.add_upload(new, limits, blob(server, s["secret"].as_bytes()).await).await.unwrap();
    side.insert("upload", upload.id.to_string());
    let token = json!({ "label": s["label"], "role": "read-only", "tenants": [s["tenant"]] });
    side.insert("token", id(&server.post("/tokens", token).await.expect(201)));
    let reach = reach(&s["tenant"]);
    let jobs = server.app.jobs.by(Id::parse(&side["token"]).unwrap(), reach);
    let label = s["label"].clone();
    let job = jobs.start("test", s["label"].clone(), move |_| async move { Ok(json!({ "label": label })) }).unwrap();
    side.insert("job", job.id.to_string());
}
