//! What administrators of a well-known provisioning system rely on: tenants and what is global, accounts, address maps, lines of a device.
//! Each test is named by the criterion it decides. The settings of every tab stand in `scoptel_settings.rs`.

use std::{collections::BTreeSet, thread};

use offhook_tests::{
    Server, Setup,
    clients::{Tftp, curl},
};
use reqwest::Method;
use serde_json::{Value, json};

const YEALINK: &str = "001565000001";
const SNOM: &str = "000413000001";
const CISCO: &str = "00036B000001";

fn fetch(server: &Server, path: &str) -> String {
    let answer = curl(&server.phone_url(path), &[]);
    assert_eq!(answer.status, 200, "{path}");
    answer.text()
}

/// Everything that the server makes for a device, fetched by a real client.
fn files(server: &Server, mac: &str) -> String {
    let listed = server.get(&format!("/devices/{mac}/files"));
    let made = listed["items"].as_array().unwrap().iter().filter(|f| f["size"].as_u64().is_some_and(|s| s > 0) && f["kind"] != "firmware");
    made.map(|f| fetch(server, f["path"].as_str().unwrap())).collect()
}

fn fault(answer: &offhook_tests::Http) -> (u16, Vec<String>) {
    let fields = answer.json()["faults"].as_array().into_iter().flatten().map(|e| e["field"].as_str().unwrap().to_owned()).collect();
    (answer.status, fields)
}

fn tenants(server: &Server) {
    for name in ["north", "south"] {
        server.post("/tenants", &json!({ "name": name }));
    }
}

#[test]
fn sc_01_what_is_global_is_for_all_and_what_is_a_tenants_is_its_own() {
    let server = Server::start();
    tenants(&server);
    server.post("/profiles", &json!({ "name": "all", "settings": { "time": { "ntp": ["ntp.example"] } } }));
    server.post("/profiles", &json!({ "name": "norths", "tenant": "north" }));
    let device = |mac: &str, tenant: &str, profile: &str| {
        server.api(Method::POST, "/devices", Some(&json!({ "mac": mac, "tenant": tenant, "model": "T46S", "profiles": [profile] })))
    };
    let _ = device(YEALINK, "north", "all").ok();
    let _ = device("001565000002", "south", "all").ok();
    let _ = device("001565000003", "north", "norths").ok();
    assert!(fetch(&server, "/001565000002.cfg").contains("ntp.example"));
    assert_eq!(fault(&device("001565000004", "south", "norths")), (422, vec!["profiles[0]".to_owned()]));
}

#[test]
fn sc_02_a_device_is_of_one_tenant() {
    let server = Server::start();
    let made = server.api(Method::POST, "/devices", Some(&json!({ "mac": YEALINK, "model": "T46S", "tenant": null })));
    assert_eq!(fault(&made), (422, vec!["tenant".to_owned()]), "{}", made.text());
    let _ = server.post("/devices", &json!({ "mac": YEALINK, "model": "T46S" }));
    let moved = server.api(Method::PATCH, &format!("/devices/{YEALINK}"), Some(&json!({ "tenant": null })));
    assert_eq!(fault(&moved), (422, vec!["tenant".to_owned()]), "{}", moved.text());
}

#[test]
fn sc_03_a_mac_is_unique_in_any_spelling_and_nobody_is_told_whose_it_is() {
    let server = Server::start();
    tenants(&server);
    server.post("/devices", &json!({ "mac": "00:15:65:aa:bb:cc", "tenant": "north", "model": "T46S" }));
    for spelling in ["00:15:65:aa:bb:cc", "00-15-65-AA-BB-CC", "001565aabbcc", "001565AABBCC", "0015.65aa.bbcc"] {
        let second = server.api(Method::POST, "/devices", Some(&json!({ "mac": spelling, "tenant": "south", "model": "T46S" })));
        assert_eq!(second.status, 409, "{spelling}");
        assert!(!second.text().contains("north"), "{}", second.text());
    }
}

#[test]
fn sc_04_and_05_lines_name_accounts_that_exist_and_one_in_use_must_be_shared() {
    let server = Server::start();
    server.post("/devices", &json!({ "mac": YEALINK, "model": "T46S" }));
    server.post("/devices", &json!({ "mac": SNOM, "model": "D785" }));
    let name = |mac: &str, account: &str| {
        server.api(Method::PATCH, &format!("/devices/{mac}"), Some(&json!({ "settings": { "lines": { "1": { "account": account } } } })))
    };
    let at = || vec!["settings.lines.1.account".to_owned()];
    assert_eq!(fault(&name(YEALINK, "1001")), (422, at()));
    for account in ["1001", "1002"] {
        server.post("/accounts", &json!({ "name": account, "password": format!("pw-{account}") }));
    }
    let _ = name(YEALINK, "1001").ok();
    let free = server.get("/accounts?unassigned=true");
    let names: Vec<&str> = free["items"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["1002"]);
    assert_eq!(fault(&name(SNOM, "1001")), (422, at()));
    server.patch("/accounts/1001", &json!({ "shared": true }));
    let _ = name(SNOM, "1001").ok();
    assert!(files(&server, SNOM).contains("pw-1001"));
    let back = server.api(Method::PATCH, "/accounts/1001", Some(&json!({ "shared": false })));
    assert_eq!(fault(&back), (422, vec!["shared".to_owned()]));
    let gone = server.api(Method::DELETE, "/accounts/1001", None);
    assert_eq!(gone.status, 409, "one in use is not deleted");
    let renamed = server.api(Method::PATCH, "/accounts/1001", Some(&json!({ "name": "2001" })));
    assert_eq!(renamed.status, 409, "one in use keeps its name");
    server.patch("/accounts/1002", &json!({ "name": "2002" }));
}

#[test]
fn sc_06_a_template_reaches_its_devices_but_for_what_they_say_themselves() {
    let server = Server::start();
    server.post(
        "/profiles",
        &json!({ "name": "template", "settings": { "display": { "text": "One" }, "time": { "ntp": ["one.example"] } } }),
    );
    for (mac, model) in [(YEALINK, "T46S"), (CISCO, "7960")] {
        server.post("/devices", &json!({ "mac": mac, "model": model, "profiles": ["template"] }));
    }
    server.patch(&format!("/devices/{CISCO}"), &json!({ "settings": { "time": { "ntp": ["own.example"] } } }));
    let cisco = || fetch(&server, &format!("/SIP{CISCO}.cnf"));
    assert!(fetch(&server, &format!("/{YEALINK}.cfg")).contains("one.example"));
    assert!(cisco().contains("phone_label: \"One\"") && cisco().contains("own.example"));
    server.patch("/profiles/template", &json!({ "settings": { "display": { "text": "Two" }, "time": { "ntp": ["two.example"] } } }));
    assert!(fetch(&server, &format!("/{YEALINK}.cfg")).contains("two.example"));
    assert!(cisco().contains("phone_label: \"Two\"") && cisco().contains("own.example") && !cisco().contains("two.example"));
}

/// An address in every place where a host can stand, and beside it what only looks like one.
fn everywhere(a: &str, v6: &str) -> Value {
    json!({
        "lines": { "1": { "username": "u", "label": "1.1.1.12", "servers": [{ "host": a }, { "host": v6 }], "registrar": { "host": a }, "domain": a, "outbound_proxies": [{ "host": a }],
                          "blf_list_uri": format!("sip:list@{a}"), "voicemail": format!("sip:vm@{a}") } },
        "network": { "stun": { "host": a }, "http_proxy": format!("{a}:3128"), "nat": { "external_address": a } },
        "time": { "ntp": [a, "11.1.1.1"] },
        "provisioning": { "url": format!("http://{a}:5555/tftpboot/"), "firmware": { "url": format!("http://{a}:5555/tftpboot/x.rom") } },
        "directory": { "phonebooks": [{ "name": "Company", "url": format!("http://{a}/book?from={a}") }], "ldap": { "host": a, "base": "dc=x" } },
        "logging": { "syslog": { "host": a } },
        "services": { "url": format!("http://{a}/menu"), "idle_url": format!("http://[{v6}]/idle") },
        "action_urls": { "registered": format!("http://{a}/registered?ip=${{phone.ip}}") },
        "keys": { "2": { "type": "url", "value": format!("http://{a}/door") }, "3": { "type": "blf", "value": format!("1002@{a}") } },
        "emergency": { "server": { "host": a } },
        "raw": { "yealink": { "account.1.x": a, "y.url": format!("https://{a}/y"), "z": "11.1.1.10 1.1.1.12" }, "snom": { "x_host": a } },
    })
}

/// Whether a text holds an address that is not a part of something longer.
fn holds(text: &str, address: &str) -> bool {
    let joins = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.match_indices(address).any(|(at, found)| {
        let before = text[..at].chars().next_back().is_some_and(joins);
        let after = text[at + found.len()..].chars().next().is_some_and(joins);
        !before && !after
    })
}

#[test]
fn sc_10_and_11_the_name_stands_in_every_file_and_only_for_that_address() {
    let server = Server::start();
    server.post("/profiles", &json!({ "name": "everywhere", "settings": everywhere("1.1.1.1", "2001:db8::1") }));
    server.post("/accounts", &json!({ "name": "1001", "password": "pw" }));
    // Literal text of an override, here of the tenant: it is rendered in a process of its own.
    let source =
        "{% extends \"@pack/base.tpl\" %}\n{% block lines %}{{ super() }}# 1.1.1.1 11.1.1.10\nnat_address: \"1.1.1.1\"\n{% endblock %}\n";
    let put = server.api(Method::PUT, "/templates/tenant:default/cisco-7940-7960-sip/base.tpl", Some(&json!({ "source": source })));
    assert!(put.status < 300, "{}", put.text());
    for (mac, model) in [(YEALINK, "T46S"), (SNOM, "D785"), (CISCO, "7960")] {
        let settings = json!({ "lines": { "1": { "account": if mac == YEALINK { json!("1001") } else { Value::Null } } } });
        let settings = if mac == YEALINK { settings } else { json!({}) };
        let label = "1.1.1.1";
        server.post("/devices", &json!({ "mac": mac, "model": model, "profiles": ["everywhere"], "label": label, "settings": settings }));
        assert!(holds(&files(&server, mac), "1.1.1.1"), "{mac}: nothing to replace");
    }
    server.post("/address-maps", &json!({ "address": "1.1.1.1", "name": "customer.example" }));
    server.post("/address-maps", &json!({ "address": "2001:0DB8:0::1", "name": "six.example" }));
    for mac in [YEALINK, SNOM, CISCO] {
        let text = files(&server, mac);
        assert!(!holds(&text, "1.1.1.1") && !text.contains("2001:db8::1"), "{mac}:\n{text}");
        assert!(text.contains("customer.example"), "{text}");
        assert!(text.contains("1.1.1.12"), "the label that only looks like it: {text}");
    }
    let yealink = fetch(&server, &format!("/{YEALINK}.cfg"));
    for line in [
        "account.1.sip_server.1.address = customer.example",
        "account.1.sip_server.2.address = six.example",
        "account.1.outbound_proxy.1.address = customer.example",
        "local_time.ntp_server1 = customer.example",
        "local_time.ntp_server2 = 11.1.1.1",
        "static.auto_provision.server.url = http://customer.example:5555/tftpboot/",
        "static.firmware.url = http://customer.example:5555/tftpboot/x.rom",
        "remote_phonebook.data.1.url = http://customer.example/book?from=customer.example",
        "ldap.host = customer.example",
        "linekey.3.value = 1002@customer.example",
        "account.1.x = customer.example",
        "y.url = https://customer.example/y",
        "z = 11.1.1.10 1.1.1.12",
    ] {
        assert!(yealink.contains(&format!("{line}\n")), "{line}\n{yealink}");
    }
    let cisco = fetch(&server, &format!("/SIP{CISCO}.cnf"));
    assert!(cisco.contains("# customer.example 11.1.1.10") && cisco.contains("proxy1_address: \"customer.example\""), "{cisco}");
    let over_tftp = String::from_utf8(Tftp::Hpa.fetch(server.tftp(), &format!("SIP{CISCO}.cnf")).unwrap()).unwrap();
    assert!(!holds(&over_tftp, "1.1.1.1"), "{over_tftp}");
    // Where it came from is told, and to whom it is a version or a label it stays one.
    let explained = server.get(&format!("/devices/{YEALINK}/settings?explain=true"));
    let ldap = explained["values"].as_array().unwrap().iter().find(|v| v["path"] == "directory.ldap.host").unwrap();
    assert_eq!((&ldap["value"], &ldap["address_maps"]), (&json!("customer.example"), &json!(["1.1.1.1"])));
    let told = server.cli(&["device", "settings", YEALINK, "directory.ldap.host"]);
    let words = String::from_utf8_lossy(&told.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("by address map 1.1.1.1"), "{told:?}");
    server.patch(
        &format!("/devices/{YEALINK}"),
        &json!({ "settings": { "lines": { "1": { "label": "1.1.1.1" } }, "network": { "dns": ["1.1.1.1"] } } }),
    );
    let yealink = fetch(&server, &format!("/{YEALINK}.cfg"));
    assert!(yealink.contains("account.1.label = 1.1.1.1\n") && yealink.contains("primary_dns = 1.1.1.1\n"), "{yealink}");
    let notes = server.get(&format!("/devices/{YEALINK}/settings?explain=true"))["notes"].clone();
    assert!(
        notes.as_array().unwrap().iter().any(|n| n["path"] == "network.dns" && n["message"].as_str().unwrap().contains("1.1.1.1 stays"))
    );
}

#[test]
fn sc_10_the_address_of_this_server_is_named_too() {
    let server = Setup::default().set("phones.public_url", "http://1.1.1.1:5555").start();
    server.post(
        "/profiles",
        &json!({ "name": "p", "settings": { "directory": { "phonebooks": [{ "name": "b", "url": "${server.url}/b" }] } } }),
    );
    server.post("/devices", &json!({ "mac": YEALINK, "model": "T46S", "profiles": ["p"] }));
    assert!(files(&server, YEALINK).contains("http://1.1.1.1:5555/b"));
    server.post("/address-maps", &json!({ "address": "1.1.1.1", "name": "prov.example" }));
    let text = files(&server, YEALINK);
    assert!(text.contains("http://prov.example:5555/b") && !holds(&text, "1.1.1.1"), "{text}");
}

#[test]
fn sc_12_a_tenants_name_wins_and_sc_13_the_next_fetch_has_it() {
    let server = Server::start();
    tenants(&server);
    let settings = json!({ "time": { "ntp": ["1.1.1.1"] } });
    server.patch("/site", &json!({ "settings": settings }));
    for (mac, tenant) in [("001565000001", "north"), ("001565000002", "north"), ("001565000003", "south")] {
        server.post("/devices", &json!({ "mac": mac, "tenant": tenant, "model": "T46S" }));
    }
    let file = |mac: &str| fetch(&server, &format!("/{mac}.cfg"));
    let sync = |mac: &str| server.get(&format!("/devices?q={mac}"))["items"][0]["sync"].clone();
    assert!(file("001565000001").contains("ntp_server1 = 1.1.1.1"));
    let map = json!({ "address": "1.1.1.1", "name": "all.example" });
    let dry = server.post("/address-maps?dry_run=true", &map);
    assert_eq!(dry["devices"], 3);
    assert_eq!(server.get("/address-maps")["items"], json!([]));
    assert_eq!(sync("001565000001"), "current");
    assert_eq!(server.post("/address-maps", &map)["devices"], 3);
    assert_eq!(sync("001565000001"), "outdated", "lists know it without rendering");
    assert!(file("001565000001").contains("ntp_server1 = all.example"));
    assert_eq!(sync("001565000001"), "current");
    let own = server.post("/address-maps", &json!({ "tenant": "north", "address": "1.1.1.1", "name": "north.example" }));
    assert_eq!(own["devices"], 2);
    assert!(file("001565000001").contains("north.example") && file("001565000003").contains("all.example"));
    assert_eq!(server.get("/address-maps/1.1.1.1")["devices"], 1, "the global one is south's alone now");
    let changed = server.patch("/address-maps/1.1.1.1?tenant=north", &json!({ "name": "north2.example" }));
    assert_eq!((&changed["devices"], &changed["revision"]), (&json!(2), &json!(2)));
    assert!(file("001565000002").contains("north2.example"));
    server.delete("/address-maps/1.1.1.1?tenant=north");
    assert!(file("001565000002").contains("all.example"));
    let two = server.api(Method::POST, "/address-maps", Some(&map));
    assert_eq!(two.status, 409, "{}", two.text());
    let wrong = server.api(Method::POST, "/address-maps", Some(&json!({ "address": "0.0.0.0", "name": "10.0.0.1", "tenant": "east" })));
    let (status, fields) = fault(&wrong);
    assert_eq!((status, fields.into_iter().collect::<BTreeSet<_>>()), (422, ["address", "name", "tenant"].map(String::from).into()));
    let listed = server.cli(&["address-map", "list"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("1.1.1.1  all.example  (all)"), "{listed:?}");
    let shown = server.cli(&["address-map", "set", "1.1.1.1", "new.example", "--dry-run"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("3 devices"), "{shown:?}");
    assert!(server.cli(&["address-map", "delete", "1.1.1.1"]).status.success());
    let audited = server.get("/audit?noun=address-map");
    let actions: Vec<&str> = audited["items"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(actions.iter().filter(|a| **a == "delete").count(), 2, "{audited}");
    assert!(!audited.to_string().contains("new.example"), "a dry run is not written down: {audited}");
    assert!(file("001565000002").contains("ntp_server1 = 1.1.1.1"));
}

#[test]
fn sc_40_a_device_by_api_command_line_and_table() {
    let server = Server::start();
    server.post("/tenants", &json!({ "name": "north" }));
    server.post("/profiles", &json!({ "name": "template", "settings": { "display": { "text": "T" } } }));
    for account in ["1001", "1002", "1003"] {
        server.post("/accounts", &json!({ "name": account, "tenant": "north", "password": format!("pw-{account}") }));
    }
    let services = "http://dir.example/?u=${line.1.username}";
    let settings = json!({ "lines": { "1": { "account": "1001" } }, "services": { "url": services } });
    server.post(
        "/devices",
        &json!({ "mac": "00036B000001", "tenant": "north", "model": "7960", "profiles": ["template"], "settings": settings }),
    );
    let added = server.cli(&[
        "device",
        "add",
        "00036B000002",
        "--tenant",
        "north",
        "--model",
        "7960",
        "--profile",
        "template",
        "lines.1.account=1002",
        &format!("services.url={services}"),
    ]);
    assert!(added.status.success(), "{added:?}");
    let table = format!("mac,tenant,model,profiles,lines.1.account,services.url\n00036B000003,north,7960,template,1003,{services}\n");
    let job = server.send(Method::POST, "/devices:import", Some(("text/csv", table.into_bytes())));
    assert!(job.status < 300, "{}", job.text());
    offhook_tests::until(|| (server.api(Method::GET, "/devices/00036B000003", None).status == 200).then_some(())).expect("imported");
    for n in 1..=3 {
        let text = fetch(&server, &format!("/SIP00036B00000{n}.cnf"));
        for wanted in [
            format!("line1_password: \"pw-100{n}\""),
            "phone_label: \"T\"".into(),
            format!("services_url: \"http://dir.example/?u=100{n}\""),
        ] {
            assert!(text.contains(&wanted), "{n} {wanted}: {text}");
        }
    }
}

#[test]
fn sc_41_lines_are_in_the_file_and_a_port_is_a_devices_own() {
    let server = Server::start();
    server.post("/accounts", &json!({ "name": "1001", "password": "pw" }));
    for (path, scope) in [("/site", "settings"), ("/tenants/default", "settings"), ("/tenants/default", "enforced")] {
        let refused = server.api(Method::PATCH, path, Some(&json!({ scope: { "lines": { "1": { "local_port": 12000 } } } })));
        assert_eq!(fault(&refused), (422, vec![format!("{scope}.lines.1.local_port")]));
    }
    let profile = json!({ "name": "p", "settings": { "lines": { "1": { "local_port": 12000 } } } });
    assert_eq!(fault(&server.api(Method::POST, "/profiles", Some(&profile))), (422, vec!["settings.lines.1.local_port".to_owned()]));
    let line = json!({ "label": "Desk", "account": "1001", "caller_id_sources": ["pai", "from"], "local_port": 12000, "srtp": "required" });
    let device = |mac: &str, model: &str, line: &Value| {
        server.post("/devices", &json!({ "mac": mac, "model": model, "settings": { "lines": { "1": line } } }))
    };
    device(YEALINK, "T46S", &line);
    let text = fetch(&server, &format!("/{YEALINK}.cfg"));
    for wanted in [
        "account.1.label = Desk",
        "account.1.cid_source = 2",
        "sip.listen_port = 12000",
        "account.1.srtp_encryption = 2",
        "account.1.password = pw",
    ] {
        assert!(text.contains(&format!("{wanted}\n")), "{wanted}: {text}");
    }
    server.patch("/accounts/1001", &json!({ "shared": true }));
    device(SNOM, "D785", &line);
    let text = files(&server, SNOM);
    for wanted in
        [">Desk</user_idle_text>", ">PAI FROM</contact_source_sip_priority>", ">12000</network_id_port>", ">mandatory</user_savp>"]
    {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    device(CISCO, "7960", &line);
    let text = fetch(&server, &format!("/SIP{CISCO}.cnf"));
    assert!(text.contains("voip_control_port: 12000") && text.contains("line1_shortname: \"Desk\""), "{text}");
    let notes = server.get(&format!("/devices/{CISCO}/settings?explain=true"))["notes"].clone();
    for path in ["lines.1.caller_id_sources", "lines.1.srtp"] {
        assert!(
            notes.as_array().unwrap().iter().any(|n| n["path"] == path && n["message"] == "not supported by this model"),
            "{path}: {notes}"
        );
    }
}

fn port(text: &str) -> u16 {
    let line = text.lines().find_map(|l| l.strip_prefix("sip.listen_port = ")).unwrap_or_else(|| panic!("no port: {text}"));
    line.parse().unwrap()
}

#[test]
fn sc_42_auto_is_a_port_of_the_range_that_no_neighbour_has() {
    let mut server = Setup::default().start();
    server.post("/profiles", &json!({ "name": "auto", "settings": { "lines": { "1": { "local_port": "auto", "username": "x" } } } }));
    let many = 400;
    for n in 0..many {
        server.post("/devices", &json!({ "mac": format!("001565{n:06X}"), "model": "T46S", "profiles": ["auto"] }));
    }
    let ask = |server: &Server, n: usize| port(&fetch(server, &format!("/001565{n:06X}.cfg")));
    // At once, as after a power failure, all behind one address.
    let ports: Vec<u16> = thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|w| {
                let server = &server;
                scope.spawn(move || (w..many).step_by(8).map(|n| (n, ask(server, n))).collect::<Vec<_>>())
            })
            .collect();
        let mut all: Vec<(usize, u16)> = workers.into_iter().flat_map(|w| w.join().unwrap()).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, p)| p).collect()
    });
    assert!(ports.iter().all(|p| (10_000..=20_000).contains(p)), "{ports:?}");
    assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), many, "each its own");
    let explained = server.get("/devices/001565000000/settings?explain=true");
    let value = explained["values"].as_array().unwrap().iter().find(|v| v["path"] == "lines.1.local_port").unwrap();
    assert_eq!(value["value"], ports[0]);
    assert!(explained["notes"].to_string().contains("127.0.0.1"), "{}", explained["notes"]);
    server.kill();
    server.start_again();
    for n in [0, 1, many / 2, many - 1] {
        assert_eq!(ask(&server, n), ports[n], "it stays over restarts");
    }
    assert_eq!(server.get("/devices?q=001565000000")["items"][0]["sync"], "current");
}

#[test]
fn sc_43_encrypted_voice_without_encrypted_signalling_is_told() {
    let server = Server::start();
    let line = |transport: &str| json!({ "lines": { "1": { "username": "1", "srtp": "required", "servers": [{ "host": "p.example", "transport": transport }] } } });
    server.post("/devices", &json!({ "mac": YEALINK, "model": "T46S", "settings": line("udp") }));
    let told = || {
        let explained = server.get(&format!("/devices/{YEALINK}/settings?explain=true"))["notes"].to_string();
        let checked = server.api(Method::POST, &format!("/devices/{YEALINK}/check"), None).ok().to_string();
        [explained, checked].map(|t| t.contains("its keys travel readable over"))
    };
    assert_eq!(told(), [true, true]);
    server.patch(&format!("/devices/{YEALINK}"), &json!({ "settings": line("tls") }));
    assert_eq!(told(), [false, false]);
}

#[test]
fn sc_44_the_directory_carries_the_identity_of_line_1() {
    let server = Server::start();
    server.post("/accounts", &json!({ "name": "1001", "password": "pw", "shared": true }));
    let url = "http://pbx.example/dir?e=${line.1.username}&n=${line.1.display_name}";
    let settings = json!({ "directory": { "phonebooks": [{ "name": "Company", "url": url }] } });
    server.post("/profiles", &json!({ "name": "services", "settings": settings }));
    server.patch("/accounts/1001", &json!({ "number": "1001", "display_name": "Anna" }));
    for (mac, model) in [(YEALINK, "T46S"), (SNOM, "D785"), (CISCO, "7960")] {
        let line = json!({ "lines": { "1": { "account": "1001" } } });
        server.post("/devices", &json!({ "mac": mac, "model": model, "profiles": ["services"], "settings": line }));
        let text = files(&server, mac).replace("&amp;", "&");
        assert!(text.contains("http://pbx.example/dir?e=1001&n=Anna"), "{mac}: {text}");
    }
}

#[test]
fn an_accounts_password_is_made_once_for_all_that_need_it() {
    let server = Server::start();
    let made = server.post("/accounts", &json!({ "name": "1001", "password": "generate", "shared": true }));
    assert_eq!(made["password"], "********");
    let revealed = server.get("/accounts/1001?reveal=true")["password"].as_str().unwrap().to_owned();
    assert!(revealed.len() == 12 && revealed.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()), "{revealed}");
    for (mac, model) in [(YEALINK, "T46S"), (SNOM, "D785"), (CISCO, "7960")] {
        server.post("/devices", &json!({ "mac": mac, "model": model, "settings": { "lines": { "1": { "account": "1001" } } } }));
        assert!(files(&server, mac).contains(&revealed), "{mac}");
    }
    server.patch("/accounts/1001", &json!({ "password": "********" }));
    assert_eq!(server.get("/accounts/1001?reveal=true")["password"], revealed.as_str());
    server.patch("/accounts/1001", &json!({ "password": "generate" }));
    let second = server.get("/accounts/1001?reveal=true")["password"].as_str().unwrap().to_owned();
    assert_ne!(second, revealed);
    assert!(files(&server, YEALINK).contains(&second));
    let shown = server.cli(&["account", "show", "1001", "--reveal"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains(&second), "{shown:?}");
    let token = server.post("/tokens", &json!({ "label": "x", "role": "read-only" }))["token"].as_str().unwrap().to_owned();
    let asked = curl(&server.admin_url("/api/v1/accounts/1001?reveal=true"), &["-H", &format!("Authorization: Bearer {token}")]);
    assert_eq!(asked.status, 403);
}

#[test]
fn variables_are_a_closed_list_and_each_stands_for_something() {
    let server = Server::start();
    let lines = "${line.1.number}|${line.1.username}|${line.1.display_name}|${tenant.name}|$${x}";
    let device = "${device.mac}|${device.label}|${device.location}|${device.model}";
    let settings = json!({ "display": { "text": lines }, "emergency": { "location": device }, "services": { "url": "${server.url}/a?h=${server.host}" },
                           "lines": { "1": { "username": "u1", "number": "n1", "display_name": "d1" } } });
    server.post("/devices", &json!({ "mac": CISCO, "model": "7960", "label": "L", "location": "R", "settings": settings }));
    let effective = server.get(&format!("/devices/{CISCO}/settings"))["settings"].clone();
    assert_eq!(effective["display"]["text"], "n1|u1|d1|default|${x}");
    assert_eq!(effective["emergency"]["location"], "00:03:6b:00:00:01|L|R|CP-7960");
    let at = server.listeners().http[0];
    assert!(fetch(&server, &format!("/SIP{CISCO}.cnf")).contains(&format!("services_url: \"http://{at}/a?h={}\"", at.ip())));
    let unknown = server.api(
        Method::PATCH,
        &format!("/devices/{CISCO}"),
        Some(&json!({ "settings": { "display": { "text": "${device.password}" } } })),
    );
    assert_eq!(fault(&unknown), (422, vec!["settings.display.text".to_owned()]));
}
