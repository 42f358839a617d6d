//! The server as a process: what it leaves in its data folder, how it refuses to start, how it ends and comes back.

use std::os::unix::fs::PermissionsExt as _;

use offhook_tests::{Server, Setup, clients};
use serde_json::json;

#[test]
fn it_starts_on_nothing_and_tells_how_to_reach_it() {
    let server = Server::start();
    for file in ["admin.token", "secret.key"] {
        let mode = server.data().join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(clients::curl(&server.admin_url(path), &[]).status, 200, "{path} is open");
    }
    assert_eq!(clients::curl(&server.admin_url("/metrics"), &[]).status, 401, "metrics are not");
    assert_eq!(clients::curl(&server.phone_url("/healthz"), &[]).status, 404, "the phones' side has no admin route");
    assert!(!server.log().contains(&server.token()), "the token stands in its file only");
}

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    let mut server = Server::start();
    let token = server.token();
    server.post("/devices", &json!({ "mac": "00:15:65:00:00:01", "label": "Front desk" }));
    server.kill();
    server.start_again();
    assert_eq!(server.get("/devices/001565000001")["label"], "Front desk");
    assert_eq!(server.token(), token);
}

#[test]
fn sigterm_ends_it_well() {
    let mut server = Server::start();
    assert_eq!(clients::curl(&server.phone_url("/none.cfg"), &[]).status, 404);
    assert_eq!(server.stop().code(), Some(0), "{}", server.log());
    assert!(!server.data().join("listeners.json").exists());
    server.start_again();
    assert_eq!(clients::curl(&server.admin_url("/readyz"), &[]).status, 200);
}

#[test]
fn every_fault_of_the_configuration_is_told_at_once() {
    let (status, said) = Setup::default().set("limits.requests", "0").set("phones.polcy", "lan").refuse();
    assert!(!status.success());
    for part in ["OFFHOOK_LIMITS__REQUESTS", "from 1 to 1000000", "OFFHOOK_PHONES__POLCY", "did you mean"] {
        assert!(said.contains(part), "{part} is missing in:\n{said}");
    }
}

#[test]
fn a_taken_port_is_fatal_and_named() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let (status, said) = Setup::default().set("phones.http.listen", &address).refuse();
    assert!(!status.success() && said.contains(&address), "{said}");
}
