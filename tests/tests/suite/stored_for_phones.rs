//! What people store is given to an old telephone as it takes it: its logo, ring tones, phone books, its dial plan; and a file goes out in
//! the cipher that its pack names.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use offhook_tests::{Server, Setup, clients, clients::Tftp, copy_folder, root};
use reqwest::Method;
use serde_json::json;

/// 5 x 3 pixels in 16 bits, interlaced.
const PICTURE: &str = "89504e470d0a1a0a0000000d49484452000000050000000310060000017ca1292d000000634944415478da1d8b4119402108830961084310c2065e168206d6\
b0011743ac813568e083b703dbf7b389fc7a4f222acc296615dcf390f53223c7708f20f7ce866a35ee3da77cad0464ef0548b30422404d5581d6ee35037a773f07505d2b021863ce0fbc8f\
32fb06827add0000000049454e44ae426082";

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|c| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap()).collect()
}

fn upload(server: &Server, name: &str, bytes: Vec<u8>) {
    let answer = server.send(Method::POST, &format!("/assets?name={name}"), Some(("application/octet-stream", bytes)));
    assert_eq!(answer.status, 201, "{}", answer.text());
}

#[test]
fn an_old_telephone_gets_what_was_stored() {
    let server = Server::start();
    upload(&server, "company", bytes(PICTURE));
    upload(&server, "bell", [0x7F, 0xFE].repeat(120));
    let contacts = json!([
        { "name": "Zoë Müller", "numbers": [{ "type": "work", "number": "1001" }] },
        { "name": "Bob", "numbers": [{ "type": "mobile", "number": "1002" }] },
    ]);
    server.post("/phonebooks", &json!({ "name": "office", "contacts": contacts }));
    let settings = json!({
        "display": { "logo": "company" },
        "audio": { "ringtones": [{ "name": "Bell", "asset": "bell" }] },
        "directory": { "phonebooks": [{ "name": "office" }] },
        "calls": { "dial_plan": [{ "match": "9,(1xx.)", "replace": "$1" }, { "match": "[23]xx" }] },
    });
    server.patch("/site", &json!({ "settings": settings }));
    server.post("/devices", &json!({ "mac": "0002fdaabb01", "model": "CP-7960", "pack": "cisco-7940-7960-sip" }));

    // What the phone is told …
    let fetched = |name: &str| Tftp::ALL[0].fetch(server.tftp(), name).map(|b| b.iter().map(|b| char::from(*b)).collect::<String>());
    let own = fetched("SIP0002FDAABB01.cnf").unwrap();
    let value = |name: &str| {
        let line = own.lines().find_map(|l| l.strip_prefix(name)).unwrap_or_else(|| panic!("{name} {own}"));
        line.trim_start_matches(": ").trim_matches('"').to_owned()
    };
    assert_eq!(fetched("RINGLIST.DAT").unwrap(), "Bell\tbell.raw\n");
    assert_eq!(fetched("bell.raw").unwrap().chars().count(), 240);
    let plan = fetched(&format!("{}.xml", value("dial_template"))).unwrap();
    for template in [r#"MATCH="9,1.*" Timeout="5" Rewrite="1%1%2""#, r#"MATCH="2..""#, r#"MATCH="3..""#, r#"MATCH="*""#] {
        assert!(plan.contains(template), "{plan}");
    }

    // … is there when it asks.
    let logo = clients::curl(&value("logo_url"), &[]);
    assert_eq!((logo.status, &logo.body[..2], logo.body.len()), (200, &b"BM"[..], 1078 + 92 * 56), "{}", logo.text());
    let number = |at: usize| u32::from_le_bytes(logo.body[at..at + 4].try_into().unwrap());
    assert_eq!((number(10), number(18), number(22), logo.body[28]), (1078, 90, 56, 8));
    let menu = clients::curl(&value("directory_url"), &[]).text();
    let book = menu.split("<URL>").nth(1).and_then(|u| u.split("</URL>").next()).unwrap().to_owned();
    let search = menu.split("<URL>").nth(2).and_then(|u| u.split("</URL>").next()).unwrap().to_owned();
    assert!(clients::curl(&book, &[]).body.windows(2).any(|w| w == b"o\xEB"), "letters are of ISO 8859-1");
    let form = clients::curl(&search, &[]).text();
    assert!(form.contains(&format!("<URL>{book}</URL>")) && form.contains("<QueryStringParam>q</QueryStringParam>"), "{form}");
    let found = clients::curl(&format!("{book}?q=muller"), &[]).text();
    assert!(found.contains("1001") && !found.contains("1002"), "{found}");
}

#[test]
fn a_file_goes_out_in_its_cipher() {
    let setup = Setup::default();
    let folder = setup.data().join("packs/zentoro");
    copy_folder(&root().join("tests/packs/zentoro"), &folder);
    let manifest = fs::read_to_string(folder.join("vendor.toml")).unwrap();
    let encrypt = r#"encrypt = { cipher = "aes-256-cbc-openssl-md5", key = "provisioning.encryption.key_device", fallback_key = "provisioning.encryption.key_common" }"#;
    let manifest = manifest.replacen("[[file]]\n", &format!("[[file]]\n{encrypt}\n"), 10);
    fs::write(folder.join("vendor.toml"), manifest).unwrap();
    let mut server = setup.start();
    server.plant_secret("planted-9sQkWvL2");
    server.plant_secret("planted-Phrase7x");
    let lines = json!({ "1": { "username": "1001", "password": "planted-9sQkWvL2", "servers": [{ "host": "pbx.example" }] } });
    let device = json!({ "mac": "025a54000008", "model": "Z100", "pack": "zentoro", "settings": { "lines": lines } });
    server.post("/devices", &device);
    let url = server.phone_url("/zt-025a54000008.conf");
    let plain = clients::curl(&url, &[]).body;
    assert!(String::from_utf8_lossy(&plain).contains("planted-9sQkWvL2"));

    let key = json!({ "provisioning": { "encryption": { "key_common": "planted-Phrase7x" } } });
    server.patch("/site", &json!({ "settings": key }));
    let sealed = clients::curl(&url, &[]).body;
    assert!(sealed.starts_with(b"Salted__"));
    assert_eq!(clients::curl(&url, &[]).body, sealed, "the same file, as nothing changed");
    let mut openssl = Command::new("openssl")
        .args(["enc", "-d", "-aes-256-cbc", "-md", "md5", "-k", "planted-Phrase7x"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(&sealed).unwrap();
    assert_eq!(openssl.wait_with_output().unwrap().stdout, plain);
}
