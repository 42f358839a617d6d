//! A phone whose boot file wins over the names that it asks otherwise, and one whose files go out in cipher.

use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

use offhook_tests::{Server, clients};
use serde_json::json;

const AGENT: &str = "User-Agent: Yealink SIP-T46U 108.86.0.20 80:5e:c0:46:00:01";
const LINE: &str = "account.1.user_name = 1001";

fn phone(server: &Server, settings: &serde_json::Value) {
    let mut settings = settings.clone();
    settings["lines"] = json!({ "1": { "username": "1001", "password": "secret", "servers": [{ "host": "pbx.example" }] } });
    server.post("/devices", &json!({ "mac": "80:5e:c0:46:00:01", "model": "T46U", "settings": settings }));
}

fn get(server: &Server, name: &str) -> clients::Http {
    clients::curl(&server.phone_url(&format!("/{name}")), &["-H", AGENT])
}

fn template(server: &Server, arguments: &[&str]) {
    let output = server.cli(&[&["template"], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_boot_file_is_there_when_an_override_makes_it() {
    let server = Server::start();
    phone(&server, &json!({}));
    for name in ["805ec0460001.boot", "y000000000000.boot"] {
        assert_eq!(get(&server, name).status, 404, "{name}");
    }
    let file = server.data().join("boot.tpl");
    fs::write(&file, "{% set overwrite = 1 %}{% include \"boot.tpl\" %}").unwrap();
    template(&server, &["put", "yealink", file.to_str().unwrap(), "--name", "805ec0460001.boot.tpl"]);
    let boot = get(&server, "805ec0460001.boot");
    assert_eq!(boot.status, 200);
    let text = boot.text();
    assert!(text.starts_with("#!version:1.0.0.1\n") && text.contains("overwrite_mode = 1"), "{text}");
    // As the phone does: what the boot file names, in its order, and nothing else.
    let named: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("include:config \"")?.strip_suffix('"')).collect();
    assert_eq!(named, ["y000000000108.cfg", "805ec0460001.cfg"]);
    let files: Vec<String> = named.iter().map(|name| get(&server, name).text()).collect();
    assert!(files.iter().all(|f| f.starts_with("#!version:1.0.0.1\n")));
    assert!(!files[0].contains(LINE) && files[1].contains(LINE));
    // That of all phones stays absent, and the own one goes with its override.
    assert_eq!(get(&server, "y000000000000.boot").status, 404);
    template(&server, &["delete", "yealink", "805ec0460001.boot.tpl"]);
    assert_eq!(get(&server, "805ec0460001.boot").status, 404);
}

#[test]
fn an_encrypted_file_opens_with_its_key() {
    let server = Server::start();
    phone(&server, &json!({ "provisioning": { "encryption": { "key_device": "0123456789abcdef" } } }));
    let file = get(&server, "805ec0460001.cfg");
    assert_eq!(file.status, 200);
    assert!(!file.body.starts_with(b"#!version"));
    let key: String = b"0123456789abcdef".iter().map(|b| format!("{b:02x}")).collect();
    let arguments = ["enc", "-d", "-aes-128-ecb", "-K", &key];
    let mut openssl = Command::new("openssl").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = openssl.stdin.take().unwrap();
    let bytes = file.body.clone();
    let writer = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = openssl.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("#!version:1.0.0.1\n") && text.contains(LINE), "{text}");
    // The model file has no key of its own and stays readable.
    assert!(get(&server, "y000000000108.cfg").text().starts_with("#!version:1.0.0.1\n"));
}
