//! Phones boot, untouched: a 7960 over TFTP, a T46S and a T28P over HTTP (and one of them over TFTP), first unknown, then
//! known. Each fetches every file of its boot order with every client.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use offhook_tests::{Server, Setup, clients, clients::Tftp};
use reqwest::Method;
use serde_json::{Value, json};

/// Stand in the site's settings and in the account; a pending phone never sees one.
const SITE_SECRET: &str = "planted-s1te-Pw";
const LINE_SECRET: &str = "planted-l1ne-Pw";
/// Absent names are told so fast that a boot does not wait. Generous: machines of tests are busy.
const QUICK: Duration = Duration::from_secs(2);

/// What becomes of a name that a phone asks.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// Not there, which is normal.
    Absent,
    /// The same for all phones of its kind; no secret in it.
    Common,
    /// The phone's own file, whose secrets only an approved phone sees.
    Own,
    /// Firmware as it was stored.
    Firmware,
}
use Wanted::{Absent, Common, Firmware, Own};

/// A phone with the names that it asks, in order.
struct Phone {
    mac: &'static str,
    model: &'static str,
    /// Over HTTP it says this of itself.
    agent: Option<&'static str>,
    order: &'static [(&'static str, Wanted)],
}

/// Cold boot of an 8.x load, preceded by what older loads ask first.
const CISCO_7960: Phone = Phone {
    mac: "00:02:fd:0a:0b:0c",
    model: "CP-7960",
    agent: None,
    order: &[
        ("OS79XX.TXT", Common),
        ("CTLSEP0002FD0A0B0C.tlv", Absent),
        ("SEP0002FD0A0B0C.cnf.xml", Absent),
        ("MGC0002FD0A0B0C.cnf", Absent),
        ("XMLDefault.cnf.xml", Absent),
        ("SIPDefault.cnf", Common),
        ("SIP0002FD0A0B0C.cnf", Own),
        ("phones/SIP0002FD0A0B0C.cnf", Own),
        ("P0S3-8-12-00.loads", Firmware),
        ("P0S3-8-12-00.sb2", Firmware),
        ("P003-8-12-00.sbn", Firmware),
        ("P003-8-12-00.bin", Firmware),
        ("RINGLIST.DAT", Common),
        ("DISTINCTIVERINGLIST.DAT", Common),
        ("RINGLIST.XML", Absent),
        ("dialplan.xml", Common),
        ("syncinfo.xml", Common),
        ("DIAL0002FD0A0B0C.xml", Common),
        ("ring-not-there.raw", Absent),
    ],
};

const YEALINK_T46S: Phone = Phone {
    mac: "00:15:65:46:00:01",
    model: "T46S",
    agent: Some("Yealink SIP-T46S 66.86.0.15 00:15:65:46:00:01"),
    order: &[
        ("001565460001.boot", Absent),
        ("y000000000000.boot", Absent),
        ("y000000000066.cfg", Common),
        ("001565460001.cfg", Own),
        ("001565460001-local.cfg", Absent),
        ("y000000000066.enc", Absent),
        ("y000000000066_Security.enc", Absent),
        ("001565460001.enc", Absent),
        ("001565460001_Security.enc", Absent),
        ("001565460001-contact.xml", Absent),
        ("001565460001-calllog.xml", Absent),
        ("T46S(T48S,T42S,T41S)-66.86.0.160.rom", Firmware),
        ("T46S-99.rom", Absent),
    ],
};

/// Before V81 there were no boot files.
const YEALINK_T28P: Phone = Phone {
    mac: "00:15:65:28:00:01",
    model: "T28P",
    agent: Some("Yealink SIP-T28P 2.73.0.50 00:15:65:28:00:01"),
    order: &[
        ("y000000000000.cfg", Common),
        ("001565280001.cfg", Own),
        ("001565280001-contact.xml", Absent),
        ("001565280001-calllog.xml", Absent),
    ],
};

/// A server whose site has secrets wherever such phones have a place for them.
fn office() -> Server {
    let mut server = Server::start();
    server.plant_secret(SITE_SECRET);
    server.plant_secret(LINE_SECRET);
    for name in ["P0S3-8-12-00.loads", "P0S3-8-12-00.sb2", "P003-8-12-00.sbn", "P003-8-12-00.bin", "T46S(T48S,T42S,T41S)-66.86.0.160.rom"] {
        let escaped = name.replace('(', "%28").replace(')', "%29").replace(',', "%2C");
        let _ = server.send(Method::POST, &format!("/firmware?name={escaped}"), Some(("application/octet-stream", image(name)))).ok();
    }
    let _ = server.send(Method::POST, "/assets?name=bell", Some(("application/octet-stream", [0x7F, 0xFE].repeat(120)))).ok();
    server.patch(
        "/site",
        &json!({ "settings": {
            "access": { "admin_password": SITE_SECRET, "user_password": SITE_SECRET },
            "provisioning": { "username": "phone", "password": SITE_SECRET, "firmware": { "version": "8-12-00" } },
            "directory": { "ldap": { "host": "ldap.example", "password": SITE_SECRET } },
            "audio": { "ringtones": [{ "name": "Bell", "asset": "bell" }] },
            "calls": { "dial_plan": [{ "match": "9xxx", "timeout_s": 1 }] },
            "raw": { "yealink": { "some.password": SITE_SECRET } },
            "lines": { "1": { "password": SITE_SECRET, "servers": [{ "host": "pbx.example" }] } },
        } }),
    );
    server
}

/// Firmware of more than one block, told apart by its name.
fn image(name: &str) -> Vec<u8> {
    name.bytes().cycle().take(3000).collect()
}

/// A client that fetches a file by its name, or does not get it.
type Fetch = Box<dyn Fn(&str) -> Option<Vec<u8>>>;

/// How a client of HTTP or TFTP gets one name; nothing: it is told that there is none.
fn fetches(server: &Server, phone: &Phone, http: bool, tftp: bool) -> Vec<(String, Fetch)> {
    let mut clients: Vec<(String, Fetch)> = Vec::new();
    if http {
        let (url, agent) = (server.phone_url("/"), phone.agent.unwrap_or("none"));
        clients.push((
            "curl over HTTP".to_owned(),
            Box::new(move |name| {
                let got = clients::curl(&format!("{url}{name}"), &["-A", agent]);
                assert!(matches!(got.status, 200 | 404), "{name}: {}", got.status);
                (got.status == 200).then_some(got.body)
            }),
        ));
    }
    for client in Tftp::ALL.into_iter().filter(|_| tftp) {
        let address: SocketAddr = server.tftp();
        clients.push((
            format!("{client:?} over TFTP"),
            Box::new(move |name| match client.fetch(address, name) {
                Ok(bytes) => Some(bytes),
                Err(said) => {
                    let said_so = said.to_lowercase().contains("not found")
                        || said.contains("Error code 1")
                        || said.contains("(1)")
                        || said.contains("(68)");
                    assert!(said_so, "{client:?} {name}: {said}");
                    None
                }
            }),
        ));
    }
    clients
}

/// Walks the boot order with every client. Gives the phone's own file.
fn boot(server: &Server, phone: &Phone, http: bool, tftp: bool, secrets: bool) -> String {
    let clients = fetches(server, phone, http, tftp);
    let mut own = String::new();
    // Clients in turn: each boots as a whole, as phones do.
    let mut first: Vec<Option<Vec<u8>>> = Vec::new();
    for (number, (client, fetch)) in clients.iter().enumerate() {
        for (at, (name, wanted)) in phone.order.iter().enumerate() {
            let begin = Instant::now();
            let got = fetch(name);
            assert_eq!(got.is_some(), *wanted != Absent, "{name} by {client}");
            assert!(*wanted != Absent || begin.elapsed() < QUICK, "{name} by {client} took {:?}", begin.elapsed());
            if number == 0 {
                let text = got.as_deref().map(|b| String::from_utf8_lossy(b).into_owned()).unwrap_or_default();
                let told = [SITE_SECRET, LINE_SECRET].map(|s| text.contains(s));
                match wanted {
                    Absent => {}
                    Firmware => assert_eq!(got, Some(image(name))),
                    Common => assert_eq!(told, [false, false], "secrets in {name}"),
                    Own if secrets => assert!(told[1], "no password in {name}"),
                    Own => assert_eq!(told, [false, false], "secrets in {name} of a pending phone"),
                }
                if *wanted == Own {
                    own = text;
                }
                first.push(got);
            } else {
                assert!(first[at] == got, "{name}: other bytes by {client}");
            }
        }
    }
    own
}

/// Unknown, then approved, then changed: all by itself but for the approval.
fn pending_then_known(phone: &Phone, http: bool, tftp: bool) {
    let server = office();
    let path = format!("/devices/{}", phone.mac);
    let own = boot(&server, phone, http, tftp, false);
    assert!(own.contains("UNPROV"), "{own}");
    let device = server.get(&path);
    assert_eq!(device["state"], "pending");
    assert_eq!(device["sync"], "never", "bootstrap files are not its configuration");
    if phone.agent.is_some() {
        assert_eq!(device["model"], phone.model);
    }

    server.post("/accounts", &json!({ "name": "1001", "password": LINE_SECRET, "display_name": "Anna", "number": "1001" }));
    server.patch(&path, &json!({ "state": "ready", "model": phone.model, "settings": { "lines": { "1": { "account": "1001" } }, "display": { "text": "Hall" } } }));
    assert_eq!(server.get(&path)["sync"], "never");
    let own = boot(&server, phone, http, tftp, true);
    assert!(own.contains("Anna") && !own.contains("UNPROV"), "{own}");
    // What it fetched is recorded off the request's path.
    offhook_tests::server::until(|| (server.get(&path)["sync"] == "current").then_some(())).expect("never current");

    // The next boot has the change, and only that phone has it.
    server.patch("/accounts/1001", &json!({ "display_name": "Berta" }));
    assert_eq!(server.get(&path)["sync"], "outdated");
    let own = boot(&server, phone, http, tftp, true);
    assert!(own.contains("Berta") && !own.contains("Anna"), "{own}");
    no_answer_for_people_shows_a_secret(&server, phone);
}

/// Lists, single documents, effective settings, previews, traces and metrics: all mask what is secret unless told otherwise.
fn no_answer_for_people_shows_a_secret(server: &Server, phone: &Phone) {
    let (device, own) = (format!("/devices/{}", phone.mac), phone.order.iter().find(|(_, w)| *w == Own).unwrap().0);
    let preview = format!("{device}/files/{own}");
    let asked = ["/site", "/tenants/default", "/accounts", "/accounts/1001", "/devices", &device, "/requests?limit=200", &preview];
    let asked =
        asked.iter().map(|p| (*p).to_owned()).chain(["settings?explain=true", "files", "requests"].map(|p| format!("{device}/{p}")));
    let mut answers: Vec<String> =
        asked.map(|path| server.api(Method::GET, &path, None)).map(|a| format!("{} {}", a.status, a.text())).collect();
    let simulated = server.post("/simulate", &json!({ "transport": "http", "path": format!("/{own}"), "use_learnt": true }));
    assert_eq!(simulated["answer"]["status"], 200);
    answers.push(format!("200 {simulated}"));
    answers.push(format!("200 {}", String::from_utf8_lossy(&server.cli(&["requests", "--json"]).stdout)));
    answers.push(format!("200 {}", String::from_utf8_lossy(&server.cli(&["device", "cat", phone.mac, own]).stdout)));
    for answer in answers {
        assert!(answer.starts_with("200 ") && answer.len() > 30, "{answer}");
        assert!(!answer.contains(SITE_SECRET) && !answer.contains(LINE_SECRET), "{answer}");
    }
    let revealed = server.api(Method::GET, &format!("{preview}?reveal=true"), None);
    assert!(revealed.text().contains(LINE_SECRET), "{}", revealed.text());
}

#[test]
fn a_7960_boots_over_tftp() {
    pending_then_known(&CISCO_7960, false, true);
}

#[test]
fn a_t46s_boots_over_http_and_tftp() {
    pending_then_known(&YEALINK_T46S, true, true);
}

#[test]
fn a_t28p_boots_over_http() {
    pending_then_known(&YEALINK_T28P, true, false);
}

#[test]
fn a_device_made_by_hand_boots_untouched() {
    for (phone, http, tftp) in [(&CISCO_7960, false, true), (&YEALINK_T46S, true, false), (&YEALINK_T28P, true, true)] {
        let server = office();
        let lines = json!({ "1": { "username": "1001", "password": LINE_SECRET, "label": "Hall" } });
        server.post("/devices", &json!({ "mac": phone.mac, "model": phone.model, "settings": { "lines": lines } }));
        let own = boot(&server, phone, http, tftp, true);
        assert!(own.contains("Hall"), "{own}");
        assert_eq!(server.get("/devices")["items"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn without_its_firmware_nothing_names_an_image() {
    let server = Server::start();
    server.patch("/site", &json!({ "settings": { "provisioning": { "firmware": { "version": "8-12-00" } } } }));
    for name in ["OS79XX.TXT", "P0S3-8-12-00.loads", "P0S3-8-12-00.sb2"] {
        assert_eq!(clients::curl(&server.phone_url(&format!("/{name}")), &[]).status, 404, "{name}");
        assert!(Tftp::Hpa.fetch(server.tftp(), name).unwrap_err().contains("Error code 1"), "{name}");
    }
    let common = || String::from_utf8(Tftp::Hpa.fetch(server.tftp(), "SIPDefault.cnf").unwrap()).unwrap();
    assert!(!common().contains("8-12-00"));
    // All its files are stored: it is named. One of them goes: it is named no more.
    for name in ["P0S3-8-12-00.loads", "P0S3-8-12-00.sb2", "P003-8-12-00.sbn", "P003-8-12-00.bin"] {
        assert!(!common().contains("8-12-00"), "named before {name}");
        let _ = server.send(Method::POST, &format!("/firmware?name={name}"), Some(("application/octet-stream", image(name)))).ok();
    }
    assert!(common().contains("P0S3-8-12-00"));
    assert_eq!(Tftp::Hpa.fetch(server.tftp(), "OS79XX.TXT").unwrap(), b"P0S3-8-12-00\n");
    // What is assigned is not deleted from under it.
    let assigned =
        |version: Value| server.patch("/site", &json!({ "settings": { "provisioning": { "firmware": { "version": version } } } }));
    assert_eq!(server.send(Method::DELETE, "/firmware/P003-8-12-00.sbn", None).status, 409);
    assigned(Value::Null);
    server.delete("/firmware/P003-8-12-00.sbn");
    assigned(json!("8-12-00"));
    assert!(!common().contains("8-12-00"));
    assert!(Tftp::Hpa.fetch(server.tftp(), "OS79XX.TXT").is_err() && Tftp::Hpa.fetch(server.tftp(), "P003-8-12-00.sbn").is_err());
}

#[test]
fn phones_of_ipv6_boot_too() {
    let setup = Setup::default().set("phones.http.listen", "[::1]:0,127.0.0.1:0").set("phones.tftp.listen", "[::1]:0");
    let server = setup.start();
    server.patch("/site", &json!({ "settings": { "provisioning": { "url": "${server.url}/" } } }));
    let own = clients::curl(&format!("http://{}/001565460001.cfg", server.listeners().http[0]), &["-A", YEALINK_T46S.agent.unwrap()]);
    let port = server.listeners().http[0].port();
    assert!(own.text().contains(&format!("http://[::1]:{port}/")), "{}", own.text());
    let device = server.get("/devices/001565460001");
    assert_eq!((&device["state"], &device["last_seen"]["ip"]), (&json!("pending"), &json!("::1")));
    for client in [Tftp::Hpa, Tftp::Atftp, Tftp::Curl] {
        assert_eq!(client.fetch(server.tftp(), "001565460001.cfg").unwrap(), own.body, "{client:?}");
    }
}
