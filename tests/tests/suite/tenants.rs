//! Two tenants on one server: an installer of one approves and assigns a phone of his, which boots; the other's is not there for him.

use offhook_tests::{Server, clients};
use serde_json::{Value, json};

const NORTH: &str = "00:15:65:0a:00:01";
const SOUTH: &str = "00:15:65:0a:00:02";
const SECRET: &str = "planted-l1ne-Pw";

/// A phone asks for its file, from an address of this machine.
fn boot(server: &Server, mac: &str, from: &str) -> clients::Http {
    let agent = format!("Yealink SIP-T46S 66.86.0.15 {mac}");
    let url = server.phone_url(&format!("/{}.cfg", mac.replace(':', "")));
    clients::curl(&url, &["-A", &agent, "--interface", from])
}

/// What a command says, which must end with this code.
fn says(server: &Server, code: i32, arguments: &[&str]) -> String {
    let output = server.cli(arguments);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    text
}

fn token(server: &Server, role: &str, tenant: &str) -> String {
    let output = server.cli(&["token", "create", "--label", &format!("{role} of {tenant}"), "--role", role, "--tenant", tenant]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Curl with a token: the status and what came.
fn ask(server: &Server, token: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let bearer = format!("Authorization: Bearer {token}");
    let mut options = vec!["-X", method, "-H", &bearer];
    let text = body.map(Value::to_string);
    if let Some(text) = &text {
        options.extend(["-H", "Content-Type: application/merge-patch+json", "-d", text]);
    }
    let http = clients::curl(&server.admin_url(&format!("/api/v1{path}")), &options);
    (http.status, serde_json::from_slice(&http.body).unwrap_or(Value::Null))
}

#[test]
fn an_installer_brings_a_phone_of_his_tenant_up_and_never_meets_the_other() {
    let mut server = Server::start();
    server.plant_secret(SECRET);
    for (tenant, network) in [("north", "127.0.1.0/24"), ("south", "127.0.2.0/24")] {
        server.post("/tenants", &json!({ "name": tenant, "networks": [network] }));
        server.post("/accounts", &json!({ "tenant": tenant, "username": format!("{tenant}-desk"), "password": SECRET }));
    }
    for (mac, from) in [(NORTH, "127.0.1.5"), (SOUTH, "127.0.2.5")] {
        let pending = boot(&server, mac, from);
        assert_eq!(pending.status, 200);
        assert!(!pending.text().contains(SECRET));
    }
    let installer = token(&server, "installer", "north");
    let by = ["--token", &installer];

    // He sees his own phone alone, approves it and gives it its line.
    let list = says(&server, 0, &[&["device", "list"], &by[..]].concat());
    assert!(list.contains(NORTH) && !list.contains(SOUTH), "{list}");
    says(&server, 0, &[&["device", "approve", NORTH], &by[..]].concat());
    says(
        &server,
        0,
        &[&["device", "set", NORTH, "lines.1.account=north-desk", "lines.1.label=Desk", "--label", "Front desk"], &by[..]].concat(),
    );
    let file = boot(&server, NORTH, "127.0.1.5");
    assert!(file.text().contains("north-desk") && file.text().contains(SECRET), "the phone has its line: {}", file.text());

    // He sees no secret, and changes nothing else.
    let shown = says(&server, 0, &[&["device", "cat", NORTH, "0015650a0001.cfg"], &by[..]].concat());
    assert!(shown.contains("north-desk") && !shown.contains(SECRET), "{shown}");
    let (status, problem) = ask(&server, &installer, "GET", &format!("/devices/{NORTH}/settings?reveal=true"), None);
    assert_eq!(status, 403, "{problem}");
    let (status, problem) = ask(
        &server,
        &installer,
        "PATCH",
        &format!("/devices/{NORTH}"),
        Some(&json!({ "settings": { "lines": { "1": { "password": "x" } } } })),
    );
    assert!(status == 403 && problem["detail"].as_str().unwrap().starts_with("settings.lines.1.password"), "{problem}");
    says(&server, 3, &[&["device", "delete", NORTH], &by[..]].concat());

    // The other's phone, account and tenant are as if they were not there.
    for (path, other) in [
        (format!("/devices/{SOUTH}"), "/devices/00:15:65:0a:00:09".to_owned()),
        ("/tenants/south".to_owned(), "/tenants/nobody".to_owned()),
        ("/accounts/south-desk?tenant=south".to_owned(), "/accounts/nobody-desk?tenant=nobody".to_owned()),
    ] {
        let ((status, is), (_, would)) = (ask(&server, &installer, "GET", &path, None), ask(&server, &installer, "GET", &other, None));
        assert_eq!((status, &is["title"], &is["faults"]), (404, &would["title"], &would["faults"]), "{path}: {is}");
    }
    let account = json!({ "settings": { "lines": { "2": { "account": "south-desk" } } } });
    assert_eq!(ask(&server, &installer, "PATCH", &format!("/devices/{NORTH}"), Some(&account)).0, 422);
    assert_eq!(ask(&server, &installer, "PATCH", &format!("/devices/{SOUTH}"), Some(&json!({ "state": "ready" }))).0, 404);
    let requests = says(&server, 0, &[&["requests"], &by[..]].concat());
    assert!(requests.contains("0015650a0001.cfg") && !requests.contains("0015650a0002.cfg"), "{requests}");

    // What is everybody's is not his tenant's business, and the other phone waits as it did.
    let operator = token(&server, "operator", "north");
    for (method, path) in [("GET", "/site"), ("POST", "/tenants"), ("GET", "/tokens")] {
        assert_eq!(ask(&server, &operator, method, path, Some(&json!({}))).0, 403, "{path}");
    }
    assert_eq!(clients::curl(&server.admin_url("/metrics"), &["-H", &format!("Authorization: Bearer {operator}")]).status, 403);
    assert_eq!(server.get(&format!("/devices/{SOUTH}"))["state"], "pending");
    let tokens = says(&server, 0, &["token", "list"]);
    assert!(tokens.contains("north") && tokens.contains("all") && tokens.lines().all(|l| l.chars().count() <= 80), "{tokens}");
}
