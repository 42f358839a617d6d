//! The packs' golden cases, loaded through the API into the real server: what phones get over HTTP and TFTP is what people
//! read in `vendors/*/tests/*/expected`.

use std::{fs, path::Path};

use offhook_tests::{Server, Setup, clients, clients::Tftp, files_below, root};
use reqwest::Method;
use serde_json::{Value, json};

/// Where the golden files say that the server is.
const SERVER: &str = "http://192.0.2.1:8667";

/// One folder of `vendors/<pack>/tests`.
struct Case {
    pack: String,
    name: String,
    folder: std::path::PathBuf,
    told: Value,
}

impl Case {
    fn all(pack: &str) -> Vec<Self> {
        let tests = root().join("vendors").join(pack).join("tests");
        let files = files_below(&tests).into_iter().filter(|f| f.ends_with("case.toml"));
        files.map(|f| Self::read(pack, f.parent().unwrap())).collect()
    }

    fn read(pack: &str, folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("case.toml")).unwrap();
        let table: toml::Table = toml::from_str(&text).unwrap();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        Self { pack: pack.to_owned(), name, folder: folder.to_owned(), told: serde_json::to_value(table).unwrap() }
    }

    fn device(&self, field: &str) -> Option<&str> {
        self.told["device"][field].as_str()
    }

    fn is_pending(&self) -> bool {
        self.device("state") == Some("pending")
    }

    /// The header in which the phone says over HTTP what it is.
    fn says(&self) -> String {
        match (self.device("model"), self.device("firmware"), self.device("mac")) {
            (Some(model), Some(firmware), Some(mac)) if self.pack == "snom" => {
                let mac = mac.replace(':', "");
                let base = model.starts_with('M') && model[1..].chars().all(|c| c.is_ascii_digit());
                let made = if base { format!("Snom {model} {firmware} {mac}") } else { format!("snom{model}-SIP {firmware} {mac}") };
                format!("user-agent: Mozilla/4.0 (compatible; {made})")
            }
            (Some(model), Some(firmware), Some(mac)) => format!("user-agent: Yealink SIP-{model} {firmware} {mac}"),
            (Some(model), None, _) if model.starts_with("CP-") => format!("x-ciscoipphonemodelname: {model}"),
            _ => "user-agent: a phone".to_owned(),
        }
    }

    /// The names of files that must be there or must not, placeholders filled.
    fn names(&self, list: &str) -> Vec<String> {
        let mac = self.device("mac").unwrap().replace(':', "");
        let names = self.told[list].as_array().into_iter().flatten();
        names.map(|n| n.as_str().unwrap().replace("{mac}", &mac).replace("{MAC}", &mac.to_uppercase())).collect()
    }

    /// A server with everything that the case says.
    fn load(&self) -> Server {
        let server = Setup::default().set("phones.public_url", SERVER).start();
        for name in self.told["firmware"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap().replace('(', "%28").replace(')', "%29").replace(',', "%2C");
            let body = Some(("application/octet-stream", format!("image {name}").into_bytes()));
            let _ = server.send(Method::POST, &format!("/firmware?name={name}"), body).ok();
        }
        for (name, kind) in self.told["assets"].as_object().into_iter().flatten() {
            let body = Some(("application/octet-stream", head(kind.as_str().unwrap()).to_vec()));
            let _ = server.send(Method::POST, &format!("/assets?name={name}"), body).ok();
        }
        for (name, book) in self.told["phonebooks"].as_object().into_iter().flatten() {
            let mut book = book.clone();
            book["name"] = name.as_str().into();
            server.post("/phonebooks", &book);
        }
        let layer = |path: &str, part: &str| {
            if self.told[part].is_object() {
                server.patch(path, &json!({ "settings": self.told[part] }));
            }
        };
        layer("/site", "site");
        layer("/tenants/default", "tenant");
        for (name, values) in self.told["accounts"].as_object().into_iter().flatten() {
            let mut account = values.clone();
            account["name"] = json!(name);
            server.post("/accounts", &account);
        }
        if !self.is_pending() {
            let mut device = self.told["device"].clone();
            if self.told["profile"].is_object() {
                server.post("/profiles", &json!({ "name": "profile", "settings": self.told["profile"] }));
                device["profiles"] = json!(["profile"]);
            }
            device["settings"] = if self.told["settings"].is_object() { self.told["settings"].clone() } else { json!({}) };
            server.post("/devices", &device);
        }
        server
    }

    /// Every file, by every client, against the expected one.
    fn check(&self) {
        let server = self.load();
        let says = self.says();
        for name in self.names("files") {
            let expected = fs::read(self.folder.join("expected").join(&name)).unwrap();
            let got = clients::curl(&server.phone_url(&format!("/{name}")), &["-H", &says]);
            assert_eq!(got.status, 200, "{}/{name}: {}", self.name, got.text());
            self.same(&name, &expected, &got.body);
            for client in Tftp::ALL {
                let again = client.fetch(server.tftp(), &name);
                assert!(again.as_deref() == Ok(&got.body[..]), "{}/{name} by {client:?}: {again:?}", self.name);
            }
        }
        for name in self.names("absent") {
            assert_eq!(clients::curl(&server.phone_url(&format!("/{name}")), &["-H", &says]).status, 404, "{}/{name}", self.name);
            let absent = Tftp::Hpa.fetch(server.tftp(), &name).unwrap_err();
            assert!(absent.contains("Error code 1"), "{}/{name}: {absent}", self.name);
        }
        if self.is_pending() {
            let mac = self.device("mac").unwrap();
            assert_eq!(server.get(&format!("/devices/{mac}"))["state"], "pending");
        }
    }

    /// Equal line by line, but for passwords that are derived from a server's own key. A pending phone gets none.
    fn same(&self, name: &str, expected: &[u8], got: &[u8]) {
        let lines =
            |bytes: &[u8]| bytes.split_inclusive(|b| *b == b'\n').map(|l| String::from_utf8_lossy(l).into_owned()).collect::<Vec<_>>();
        let (expected, got) = (lines(expected), lines(got));
        let set_password = |l: &String| {
            let name = parameter(l);
            name.ends_with("_password") && l.contains(DERIVED) || name.starts_with('<') && name.contains("pass")
        };
        for (at, (want, have)) in expected.iter().zip(&got).enumerate() {
            let derived = set_password(want) && parameter(want) == parameter(have) && want.len() == have.len();
            assert!(want == have || derived, "{}/{name} line {}: expected {want:?}, got {have:?}", self.name, at + 1);
        }
        assert_eq!(expected.len(), got.len(), "{}/{name}: lines", self.name);
    }
}

/// Bytes that are of that kind of asset.
fn head(kind: &str) -> &'static [u8] {
    match kind {
        "png" => b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55\x00\x00\x00\x0a\x49\x44\x41\x54\x78\xda\x63\x68\x00\x00\x00\x82\x00\x81\xda\x45\x08\x3b\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82",
        "jpg" => b"\xff\xd8\xff\xe0",
        "wav" => b"RIFF\0\0\0\0WAVE",
        "pem" => b"-----BEGIN CERTIFICATE-----\n",
        "der" => b"\x30\x82\x01\x0a",
        "tar" => &TAR,
        _ => b"\0\x01\x02\x03",
    }
}

/// The mark of a tar archive stands far behind.
const TAR: [u8; 512] = {
    let mut block = [0; 512];
    let mark = *b"ustar";
    let mut i = 0;
    while i < mark.len() {
        block[257 + i] = mark[i];
        i += 1;
    }
    block
};

/// The password that the golden files' own key and device give.
const DERIVED: &str = "hv3jkua2bwj7";

/// The name before the value.
fn parameter(line: &str) -> &str {
    let line = line.trim_start();
    let ends: &[char] = if line.starts_with('<') { &['>', ' '] } else { &[' ', ':', '='] };
    line.split(ends).next().unwrap_or_default()
}

#[test]
fn served_bytes_are_the_golden_ones_snom() {
    let cases = Case::all("snom");
    assert!(cases.len() >= 16, "cases are missing");
    // A model that no pack knows cannot be stored; phones that say one are told in the pack's own tests.
    cases.iter().filter(|c| c.device("model") != Some("D999")).for_each(Case::check);
}

#[test]
fn served_bytes_are_the_golden_ones_yealink() {
    let cases = Case::all("yealink");
    assert!(cases.len() >= 8, "cases are missing");
    cases.iter().for_each(Case::check);
}

#[test]
fn served_bytes_are_the_golden_ones_cisco() {
    let cases = Case::all("cisco-7940-7960-sip");
    assert!(cases.len() >= 6, "cases are missing");
    cases.iter().for_each(Case::check);
}
