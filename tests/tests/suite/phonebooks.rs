//! Phone books with the real server: read from CSV by the command line, loaded by phones page by page and searched, whatever people
//! write into names; of one tenant never to another, and not by phones that nobody approved.

use std::fs;

use offhook_tests::{Server, clients, python};
use reqwest::Method;
use serde_json::{Value, json};

const BOOK: &str = "/cisco-7940-7960-sip/phonebook/company.xml";
const HOSTILE: &str = "Zoë <b>&amp;]]> \"x\" 'y' {{ 7*7 }} --> \\";

/// Reads XML with a parser that is not ours: (element, text) of every element that holds text.
const PARSE: &str = "
import json, sys, xml.etree.ElementTree as tree
print(json.dumps([[e.tag, e.text] for e in tree.fromstring(sys.stdin.buffer.read()).iter() if e.text and e.text.strip()]))
";

fn parsed(xml: &[u8]) -> Vec<(String, String)> {
    serde_json::from_slice(&python(PARSE, xml)).unwrap()
}

fn texts(server: &Server, path: &str, element: &str) -> Vec<String> {
    let got = clients::curl(&server.phone_url(path), &[]);
    assert_eq!(got.status, 200, "{path} {}", got.text());
    parsed(&got.body).into_iter().filter(|(tag, _)| tag == element).map(|(_, text)| text).collect()
}

fn cli(server: &Server, arguments: &[&str]) -> String {
    let output = server.cli(arguments);
    assert!(output.status.success(), "{arguments:?} {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
    text
}

fn company(server: &Server) {
    let mut table = String::from("Name;Work;Mobile;Company\n");
    for n in 1..=40 {
        table += &format!("Person {n:02};10{n:02};;ACME\n");
    }
    table += &format!("\"{}\";2001;+49 170 1;Ørsted\n", HOSTILE.replace('"', "\"\""));
    let file = server.data().join("people.csv");
    fs::write(&file, table).unwrap();
    let said = cli(server, &["phonebook", "add", "company", "--label", "Company", "--import", file.to_str().unwrap()]);
    assert!(said.contains("41 contacts are read"), "{said}");
}

#[test]
fn phones_load_it_page_by_page_and_search_it() {
    let server = Server::start();
    company(&server);
    let first = texts(&server, BOOK, "Telephone");
    assert_eq!((first.len(), first[0].as_str()), (16, "1001"));
    let next = texts(&server, BOOK, "URL").into_iter().find(|u| u.contains("page=2")).expect("a key to the next page");
    let second = parsed(&clients::curl(&next, &[]).body);
    assert!(second.iter().any(|(_, text)| text == "Person 17"), "{second:?}");
    let last = texts(&server, &format!("{BOOK}?page=3"), "Name");
    // The file's charset is ISO 8859-1; everything of the name is in it, and no markup.
    assert!(last.iter().any(|n| n.starts_with("Zoë <b>&amp;]]> \"x\" 'y' {{ 7*7 }}")), "{last:?}");
    assert_eq!(texts(&server, &format!("{BOOK}?page=99"), "Telephone"), Vec::<String>::new());

    for query in ["orsted", "ZOE%20orsted", "%2B49%20170", "2001"] {
        let found = texts(&server, &format!("{BOOK}?q={query}"), "Telephone");
        assert!(found.contains(&"2001".to_owned()) && found.len() == 2, "{query} {found:?}");
    }
    assert_eq!(texts(&server, &format!("{BOOK}?q=acme&page=3"), "Telephone").len(), 8);
    assert_eq!(texts(&server, &format!("{BOOK}?q=%3Cscript%3E%26%22"), "Telephone"), Vec::<String>::new());

    // What is changed is what the next phone reads, and the tag tells it.
    let before = clients::curl(&server.phone_url(BOOK), &[]);
    cli(&server, &["phonebook", "contact", "remove", "company", "Person 01"]);
    let after = clients::curl(&server.phone_url(BOOK), &["-H", &format!("If-None-Match: {}", before.headers["etag"])]);
    assert_eq!(after.status, 200);
    assert!(!after.text().contains("Person 01"));
    let shown = cli(&server, &["phonebook", "show", "company", "--q", "zoe"]);
    assert!(shown.contains("mobile +49 170 1"), "{shown}");
}

#[test]
fn settings_name_it_and_what_is_named_stays() {
    let server = Server::start();
    let unknown = server.api(Method::PATCH, "/site", Some(&json!({ "settings": { "directory": { "phonebooks": [{ "name": "firm" }] } } })));
    assert_eq!(unknown.status, 422, "{}", unknown.text());
    company(&server);
    cli(&server, &["site", "set", "directory.phonebooks=[{\"name\":\"company\"}]"]);
    server.post("/devices", &json!({ "mac": "0002fd0a0b0c", "model": "7960" }));
    let files = server.get("/devices/0002fd0a0b0c/files").to_string();
    assert!(files.contains(BOOK), "{files}");
    let refused = server.cli(&["phonebook", "delete", "company"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("used by site"), "{}", String::from_utf8_lossy(&refused.stderr));

    let whole: Value = server.get("/phonebooks/company");
    assert_eq!((whole["count"].as_u64(), whole["revision"].as_u64()), (Some(41), Some(2)));
    let exported = cli(&server, &["phonebook", "export", "company", "--format", "vcard"]);
    fs::write(server.data().join("copy.vcf"), &exported).unwrap();
    let copy = server.data().join("copy.vcf");
    cli(&server, &["phonebook", "add", "copy", "--import", copy.to_str().unwrap()]);
    assert_eq!(server.get("/phonebooks/copy")["contacts"], whole["contacts"]);
    let bad =
        server.send(Method::POST, "/phonebooks/copy/import", Some(("application/octet-stream", b"name,work\n,1\nA,2\n,3\n".to_vec())));
    assert_eq!((bad.status, bad.json()["faults"].as_array().unwrap().len()), (422, 2), "{}", bad.text());
    assert_eq!(server.get("/phonebooks/copy")["count"], 41, "nothing of it was written");
}

#[test]
fn no_tenant_sees_anothers_and_no_phone_that_nobody_approved() {
    let server = Server::start();
    server.post("/tenants", &json!({ "name": "acme", "networks": ["127.0.0.2/32"] }));
    server.post("/tenants", &json!({ "name": "beta", "networks": ["127.0.0.3/32"] }));
    let book = |tenant: &str| json!({ "name": "company", "tenant": tenant, "contacts": [{ "name": format!("Of {tenant}"), "numbers": [{ "number": "1" }] }] });
    server.post("/phonebooks", &book("acme"));
    server.post("/phonebooks", &book("beta"));
    let from = |address: &str| clients::curl(&server.phone_url(BOOK), &["--interface", address]);
    assert!(from("127.0.0.2").text().contains("Of acme") && from("127.0.0.3").text().contains("Of beta"));
    assert_eq!(from("127.0.0.4").status, 404);
    assert_eq!(server.api(Method::GET, "/phonebooks/company", None).status, 409, "two tenants have one of that name");
    assert_eq!(server.get("/phonebooks/company?tenant=acme")["contacts"][0]["name"], "Of acme");
    // A phone that comes by itself is pending: it gets no names of people.
    assert_eq!(clients::curl(&server.phone_url("/SIP0002FD0A0B0C.cnf"), &["--interface", "127.0.0.2"]).status, 200);
    assert_eq!(from("127.0.0.2").status, 404);
    server.patch("/devices/0002fd0a0b0c", &json!({ "state": "ready" }));
    assert_eq!(from("127.0.0.2").status, 200);
}
