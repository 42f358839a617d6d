//! A vendor that nobody makes, a folder of data in the packs folder of a running server, is recognised, listed, set up and
//! served with no line of Rust: rule 6 of the architecture.

use offhook_tests::{Setup, clients, clients::Tftp, copy_folder, root};
use serde_json::json;

const AGENT: &str = "Zentoro Z100 1.2.3 02:5a:54:00:00:07";
const FILE: &str = "zt-025a54000007.conf";
const PASSWORD: &str = "planted-kTz82mQp";

#[test]
fn a_new_vendor_is_a_folder() {
    let setup = Setup::default();
    copy_folder(&root().join("tests/packs/zentoro"), &setup.data().join("packs/zentoro"));
    let mut server = setup.start();
    server.plant_secret(PASSWORD);

    // It boots: recognised, and pending until somebody says who it is.
    let first = clients::curl(&server.phone_url(&format!("/{FILE}")), &["-A", AGENT]);
    assert_eq!(first.status, 200, "{}", first.text());
    assert!(first.text().contains("text: UNPROV\n"), "{}", first.text());
    let device = server.get("/devices/025a54000007");
    let told = ["vendor", "model", "firmware", "pack", "state"].map(|f| device[f].as_str().unwrap_or_default().to_owned());
    assert_eq!(told, ["zentoro", "Z100", "1.2.3", "zentoro", "pending"]);

    // An administrator sets it up; the next boot has it, whatever the phone asks with.
    server.patch("/site", &json!({ "settings": { "time": { "zone": "Europe/Paris" } } }));
    let lines = json!({ "1": { "username": "1001", "password": PASSWORD, "label": "Hall", "servers": [{ "host": "pbx.example" }] } });
    server.patch("/devices/025a54000007", &json!({ "state": "ready", "settings": { "lines": lines, "display": { "text": "Lobby" } } }));
    let expected = format!(
        "model: Z100\ntext: Lobby\naccount1.user: 1001\naccount1.password: {PASSWORD}\naccount1.label: Hall\naccount1.server: pbx.example\n"
    );
    assert_eq!(clients::curl(&server.phone_url(&format!("/{FILE}")), &["-A", AGENT]).text(), expected);
    assert_eq!(
        clients::curl(&server.phone_url("/zentoro.conf"), &["-A", AGENT]).text(),
        format!("zone: Europe/Paris\nserver: {}\n", server.phone_url(""))
    );
    for client in Tftp::ALL {
        assert_eq!(client.fetch(server.tftp(), FILE).map(|b| String::from_utf8_lossy(&b).into_owned()), Ok(expected.clone()), "{client:?}");
    }

    // And it is explained like any other.
    let simulated =
        server.post("/simulate", &json!({ "transport": "http", "path": format!("/{FILE}"), "headers": { "user-agent": AGENT } }));
    assert_eq!(simulated["sighting"]["vendor"], "zentoro");
    assert_eq!((&simulated["file"]["kind"], &simulated["file"]["pack"]), (&json!("device"), &json!("zentoro")));
    assert_eq!(simulated["authorization"]["decision"], "allowed");
}
