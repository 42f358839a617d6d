//! Assets with the real server and real clients: uploaded by the command line, named by settings, given to each model as it takes them,
//! by HTTP and TFTP; of one tenant never to another.

use std::{fs, path::PathBuf, process::Output};

use offhook_tests::{Server, clients, clients::Tftp, python};
use reqwest::Method;
use serde_json::json;

const PHONE: &str = "0002fd0a0b0c";
const PACK: &str = "cisco-7940-7960-sip";
const LOGO: &str = "/cisco-7940-7960-sip/logo/hall.png.bmp";

/// A picture of two colours, made by another program than the server.
const PICTURE: &str = "
import struct, sys, zlib
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
rows = b''.join(b'\\0' + bytes([255, 0, 0]) * 60 + bytes([0, 0, 255]) * 60 for _ in range(80))
sys.stdout.buffer.write(b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 120, 80, 8, 2, 0, 0, 0))
    + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))
";

fn file(server: &Server, name: &str, bytes: &[u8]) -> PathBuf {
    let path = server.data().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn add(server: &Server, name: &str, bytes: &[u8], more: &[&str]) {
    let path = file(server, name, bytes);
    let output = server.cli(&[&["asset", "add", path.to_str().unwrap()], more].concat());
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_logo_is_uploaded_once_and_given_as_the_model_takes_it() {
    let server = Server::start();
    let unknown = server.api(
        Method::POST,
        "/devices",
        Some(&json!({ "mac": PHONE, "model": "7960", "settings": { "display": { "logo": "hall.png" } } })),
    );
    assert_eq!(unknown.status, 422, "{}", unknown.text());
    assert!(unknown.text().contains("settings.display.logo") && unknown.text().contains("there is no asset"), "{}", unknown.text());

    add(&server, "hall.png", &python(PICTURE, b""), &[]);
    let listed = server.cli(&["asset", "list"]);
    assert!(said(&listed).lines().all(|l| l.chars().count() <= 80) && said(&listed).contains("png"), "{}", said(&listed));
    server.post("/devices", &json!({ "mac": PHONE, "model": "7960", "settings": { "display": { "logo": "hall.png" } } }));
    let own = Tftp::Hpa.fetch(server.tftp(), "SIP0002FD0A0B0C.cnf").unwrap();
    let url = server.phone_url(LOGO);
    assert!(String::from_utf8_lossy(&own).contains(&url), "{}", String::from_utf8_lossy(&own));

    // A bitmap of 90 x 56 with a palette of 8 bits, by HTTP and by TFTP.
    let got = clients::curl(&url, &[]);
    assert_eq!((got.status, got.headers["content-type"].as_str(), &got.body[..2]), (200, "image/bmp", &b"BM"[..]));
    let number = |at: usize| i32::from_le_bytes(got.body[at..at + 4].try_into().unwrap());
    assert_eq!((number(18), number(22).abs(), got.body[28]), (90, 56, 8));
    for client in [Tftp::Hpa, Tftp::Curl] {
        assert_eq!(client.fetch(server.tftp(), LOGO.trim_start_matches('/')), Ok(got.body.clone()), "{client:?}");
    }
    let again = clients::curl(&url, &["-H", &format!("If-None-Match: {}", got.headers["etag"])]);
    assert_eq!(again.status, 304);

    // It is listed with the device's files, and what is in use stays.
    let files = server.get(&format!("/devices/{PHONE}/files")).to_string();
    assert!(files.contains(LOGO), "{files}");
    let refused = server.cli(&["asset", "remove", "hall.png"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("00:02:fd:0a:0b:0c"), "{}", said(&refused));

    // Another file under the same name has the same address and another tag; no phone is outdated by it.
    let other = python(&PICTURE.replace("255, 0, 0", "0, 255, 0"), b"");
    let path = file(&server, "new.png", &other);
    assert!(server.cli(&["asset", "replace", "hall.png", path.to_str().unwrap()]).status.success());
    let new = clients::curl(&url, &["-H", &format!("If-None-Match: {}", got.headers["etag"])]);
    assert_eq!(new.status, 200);
    assert_ne!((&new.headers["etag"], &new.headers["last-modified"]), (&got.headers["etag"], &got.headers["last-modified"]));
    assert_eq!(server.get(&format!("/devices/{PHONE}"))["sync"], "current");

    server.patch(&format!("/devices/{PHONE}"), &json!({ "settings": { "display": { "logo": null } } }));
    assert!(server.cli(&["asset", "remove", "hall.png"]).status.success());
    assert_eq!(clients::curl(&url, &[]).status, 404);
}

#[test]
fn what_a_model_cannot_use_is_explained_and_never_served() {
    let server = Server::start();
    add(&server, "hall.png", b"\xff\xd8\xff\xe0 a photograph", &[]);
    let mut broken = python(PICTURE, b"");
    broken.truncate(60);
    add(&server, "cut.png", &broken, &[]);
    server.post("/devices", &json!({ "mac": PHONE, "model": "7960", "settings": { "display": { "logo": "hall.png" } } }));
    let explained = |server: &Server| server.get(&format!("/devices/{PHONE}/settings?explain=true")).to_string();
    assert!(explained(&server).contains("this model takes png, bmp"), "{}", explained(&server));
    let own = String::from_utf8_lossy(&Tftp::Hpa.fetch(server.tftp(), "SIP0002FD0A0B0C.cnf").unwrap()).into_owned();
    assert!(!own.contains("/logo/"), "{own}");
    server.patch(&format!("/devices/{PHONE}"), &json!({ "settings": { "display": { "logo": "cut.png" } } }));
    assert_eq!(clients::curl(&server.phone_url("/cisco-7940-7960-sip/logo/cut.png.bmp"), &[]).status, 404);
    assert!(explained(&server).contains("cut.png"), "{}", explained(&server));
    assert_eq!(clients::curl(&server.phone_url("/cisco-7940-7960-sip/logo/"), &[]).status, 404, "no listing");
}

#[test]
fn each_tenant_has_its_own() {
    let server = Server::start();
    server.post("/tenants", &json!({ "name": "acme", "networks": ["127.0.0.2/32"] }));
    server.post("/tenants", &json!({ "name": "beta", "networks": ["127.0.0.3/32"] }));
    add(&server, "hall.png", &python(PICTURE, b""), &["--tenant", "acme"]);
    let from = |address: &str| clients::curl(&server.phone_url(LOGO), &["--interface", address]).status;
    assert_eq!((from("127.0.0.2"), from("127.0.0.3"), from("127.0.0.1")), (200, 404, 404));
    let logo = json!({ "mac": PHONE, "model": "7960", "tenant": "beta", "settings": { "display": { "logo": "hall.png" } } });
    assert_eq!(server.api(Method::POST, "/devices", Some(&logo)).status, 422, "another tenant's name is unknown");
}

#[test]
fn a_tenants_template_knows_what_is_stored() {
    let server = Server::start();
    server.post("/tenants", &json!({ "name": "acme" }));
    add(&server, "hall.png", &python(PICTURE, b""), &["--tenant", "acme"]);
    server.post(
        "/phonebooks",
        &json!({ "name": "staff", "tenant": "acme", "contacts": [{ "name": "Zoe", "numbers": [{ "number": "201" }] }] }),
    );
    server.post("/devices", &json!({ "mac": PHONE, "model": "7960", "tenant": "acme", "settings": { "display": { "logo": "hall.png" } } }));
    let source = "{% extends '@pack/base.tpl' %}\n{% block phone %}\n{{ super() }}x_logo: {{ asset('display.logo') }}\nx_has: {{ has_asset('hall.png') }}\nx_staff: {{ contacts('staff')|length }}\n{% endblock %}\n";
    let change = json!({ "scope": "tenant:acme", "pack": PACK, "name": "base.tpl", "source": source });
    let checked = server.post("/templates:check", &json!({ "changes": [change] }));
    let told = |text: &str| {
        let url = server.phone_url(LOGO);
        text.contains(&format!("x_logo: {url}\n")) && text.contains("x_has: True") && text.contains("x_staff: 1")
    };
    assert!(told(checked["changes"][0]["diff"].as_str().unwrap()), "before it is saved: {checked}");
    server.put(&format!("/templates/tenant:acme/{PACK}/base.tpl"), &json!({ "source": source }));
    let own = String::from_utf8_lossy(&Tftp::Hpa.fetch(server.tftp(), "SIP0002FD0A0B0C.cnf").unwrap()).into_owned();
    assert!(told(&own), "as the phone gets it: {own}");
    let shown = server.api(Method::GET, &format!("/devices/{PHONE}/files/SIP0002FD0A0B0C.cnf"), None);
    assert!(told(&shown.text()), "as people see it: {}", shown.text());
}

#[test]
fn uploads_are_bounded_and_downloads_are_attachments() {
    let server = offhook_tests::Setup::default().set("limits.asset_size", "4KiB").set("limits.assets", "2").start();
    let upload =
        |name: &str, bytes: Vec<u8>| server.send(Method::POST, &format!("/assets?name={name}"), Some(("application/octet-stream", bytes)));
    assert_eq!(upload("big", vec![1; 5000]).status, 413);
    assert_eq!(upload("empty", Vec::new()).status, 422);
    assert_eq!(upload("a%2Fb", vec![1]).status, 422);
    assert_eq!(upload("page.html", b"<html><script>alert(1)</script>".to_vec()).status, 201);
    assert_eq!(upload("PAGE.html", vec![1]).status, 409);
    assert_eq!(upload("two", vec![1]).status, 201);
    assert_eq!(upload("three", vec![1]).status, 409);
    let got = server.api(Method::GET, "/assets/page.html/contents", None);
    let head = |name: &str| got.headers.get(name).map_or("", String::as_str).to_owned();
    assert_eq!(head("content-type"), "application/octet-stream");
    assert_eq!(
        (head("content-disposition").as_str(), head("x-content-type-options").as_str()),
        ("attachment; filename=\"page.html\"", "nosniff")
    );
    assert_eq!(server.api(Method::GET, "/assets?kind=xml", None).ok()["items"].as_array().unwrap().len(), 1);
}
