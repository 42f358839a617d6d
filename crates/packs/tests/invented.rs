//! A family that nobody makes, as a folder written here: identified, rendered, given raw parameters, with no line of Rust for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{
    fs,
    path::Path,
    sync::{Arc, LazyLock},
    time::Instant,
};

use offhook_core::{
    Mac,
    request::{Request, Transport},
    settings::{Effective, Layer, LayerSource, RawSecrets, Scope, Settings, built_in, compose},
    sighting::{FileKind, From},
};
use offhook_packs::{
    Catalog, DeviceFacts, FirmwareShelf, Identified, Learnt, NoFirmware, RenderError, RenderInput, Rendered, Route, ServerFacts,
    check_pack, test_pack,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const MANIFEST: &str = r##"
id = "acme"
version = "1.0.0"
name = "Acme desk phones"
ouis = ["02:00:5E"]
charset = "iso-8859-1"
secret_parameters = ["sip.token*"]
supports = ["lines.*.*", "time.zone", "display.text"]

[generated_secrets]
"access.admin_password" = { max = 9 }
[by_hand]
"calls.auto_answer" = "Menu 7"
[call_variables]
remote = "%r"

[[identify]]
name = "agent"
from = "user_agent"
match = '''^Acme (?P<model>[A-Z]\d+)(?:-r\d+)? v(?P<version>\S+)(?: (?P<mac>[0-9a-f:-]{12,17}))?$'''
[[identify]]
name = "broken agent"
from = "user_agent"
match = '''^Acme .* [0-9a-f:]{18,}$'''
refuse = true
[[identify]]
name = "lease"
from = "option60"
match = '''^acme\.(?P<model>\w+)\x00?$'''

[format.kv]
kind = "key-value"
separator = ":"
quote = "double"
trailing_comment = ";"
[format.xml]
kind = "xml"
container = "settings"

[[file]]
name = "common"
path = "acme-default.cfg"
kind = "common"
format = "kv"
raw = true
[[file]]
name = "device"
path = "{mac}.cfg"
kind = "device"
credentials = true
shared = true
format = "kv"
templates = ["{model}.tpl", "base.tpl"]
[[file]]
name = "xml of a model"
path = "acme/{model}.xml"
kind = "model"
format = "xml"
line_ends = "crlf"
templates = ["model.xml"]
encrypt = { cipher = "aes-256-cbc-openssl-md5", key = "provisioning.encryption.key_device", fallback_key = "provisioning.encryption.key_common" }
[[file]]
name = "code"
path = "a{code:06}.cfg"
kind = "model"
format = "kv"
templates = ["code.tpl"]
[[file]]
name = "image name"
path = "ACME.TXT"
kind = "firmware"
format = "kv"
needs_image = true
templates = ["image.tpl"]
[[file]]
name = "firmware"
pattern = '''acme-(?P<version>[\d.]+)\.(?:bin|sig)'''
kind = "firmware"
source = "firmware"
[[file]]
name = "ring"
path = "ring1.pcm"
kind = "other"
source = "static"
static = "tones/one.pcm"
[[file]]
name = "boot"
path = "{mac}.boot"
kind = "device"
shared = true
source = "none"
optional = true
[[file]]
name = "by query"
pattern = '''cfg'''
query = '''(?:^|&)id=(?P<mac>[^&]+)'''
kind = "device"
credentials = true
format = "kv"
templates = ["base.tpl"]
[[image]]
match = '''(?P<v>\d+\.\d+)'''
files = ["acme-{v}.bin", "acme-{v}.sig"]
"##;

const MODELS: &str = r#"
[generic]
accounts = 1
[models.A46]
aliases = ["46", "A46W"]
accounts = 2
line_keys = 4
codes = [46, 7]
[models.A48]
codes = [7]
file_model = "a46"
"#;

const BASE: &str = r#"{% import "macros" as m %}
{% for line in lines %}
line{{ line.n }}_name: "{{ line.username }}"
line{{ line.n }}_auth: "{{ line.auth_username }}"
line{{ line.n }}_secret: "{{ line.password }}"
line{{ line.n }}_label: "{{ line.label }}" ; of {{ device.label }}
line{{ line.n }}_server: "{{ line.servers[0].host }}"
{% endfor %}
{{ m.put("zone", dst(settings.time.zone).offset_text) }}
mac: "{{ device.MAC }}"
model: "{{ model.name }}"
admin: "{{ settings.access.admin_password }}"
server: "{{ server_for("x.bin") }}"
"#;

fn write(dir: &Path, path: &str, text: impl AsRef<[u8]>) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A folder of packs with `acme` in it.
fn packs() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let acme = dir.path().join("acme");
    write(&acme, "vendor.toml", MANIFEST);
    write(&acme, "models.toml", MODELS);
    write(&acme, "templates/base.tpl", BASE);
    write(&acme, "templates/macros", "{% macro put(name, value) %}\n{{ name }}: \"{{ value }}\"{% endmacro %}\n");
    write(&acme, "templates/A48.tpl", "a48: 1\n");
    write(
        &acme,
        "templates/acme-default.cfg.tpl",
        "text: \"{{ settings.display.text }}\"\npass: \"{{ settings.access.admin_password }}\"\ndevice: \"{{ device.mac }}\"\n",
    );
    write(&acme, "templates/model.xml", "<a><settings>\n<text>{{ settings.display.text }}</text></settings></a>\n");
    write(&acme, "templates/code.tpl", "model: \"{{ model.name }}\"\n");
    write(&acme, "templates/image.tpl", "image: \"{{ image.name }}\"\n");
    write(&acme, "files/tones/one.pcm", [0u8, 255, 1]);
    dir
}

fn catalog() -> (tempfile::TempDir, Catalog) {
    let dir = packs();
    let (catalog, faults) = Catalog::load(Some(dir.path()));
    assert_eq!(faults, []);
    (dir, catalog)
}

fn get(catalog: &Catalog, path: &str, agent: &str, learnt: Option<&Learnt>) -> Identified {
    let mut request = Request::new(Transport::Http, "10.0.0.9".parse().unwrap());
    let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
    request.path = Some(path.to_owned()).filter(|p| !p.is_empty());
    request.query = query.map(str::to_owned);
    if !agent.is_empty() {
        request.headers.push(("user-agent".to_owned(), agent.to_owned()));
    }
    catalog.identify(&request, learnt)
}

fn effective(settings: Value) -> Effective {
    let own = Settings::validate(&settings, Scope::Device).unwrap();
    let layers = [
        Layer { source: LayerSource::BuiltIn, settings: built_in(), unset: &[] },
        Layer { source: LayerSource::Device, settings: &own, unset: &[] },
    ];
    compose(&layers, &|_| None)
}

fn facts() -> DeviceFacts {
    DeviceFacts {
        id: "1".into(),
        mac: Mac::parse("02005eaabbcc"),
        model: Some("46".into()),
        label: "Desk".into(),
        ..DeviceFacts::default()
    }
}

fn render(catalog: &Catalog, path: &str, facts: &DeviceFacts, settings: Value, shelf: &dyn FirmwareShelf) -> Result<Rendered, RenderError> {
    let found = get(catalog, path, "", None);
    let route: &Route = found.routes.first().unwrap_or_else(|| panic!("{path}"));
    let server = ServerFacts::new("http://192.0.2.1:8667/");
    let mut settings = effective(settings);
    let encryption_key = route.encryption_key(&settings);
    if !route.credentials() {
        settings.without_secrets(RawSecrets::none());
    }
    route.pack.render(
        route,
        &RenderInput {
            device: facts,
            tenant: "default",
            server: &server,
            settings: &settings,
            shelf,
            resources: &Arc::default(),
            encryption_key,
            names: &Arc::default(),
            overlay: None,
        },
    )
}

fn text(rendered: &Rendered) -> String {
    rendered.bytes.iter().map(|&b| char::from(b)).collect()
}

fn settings() -> Value {
    json!({
        "lines": {
            "2": { "username": "1002", "label": "Zoë \"2\"", "servers": [{ "host": "pbx" }], "password": "p;w" },
            "1": { "username": "1001", "auth_username": "a1", "label": "Łukasz", "password": "secret-1" },
            "3": { "username": "1003" },
        },
        "time": { "zone": "Asia/Kolkata" },
        "display": { "text": "<Hall & \"Bar\">" },
        "access": { "admin_password": "hush" },
        "raw": { "acme": { "line1_name": "9\"9", "extra": 5, "sip.tokenA": "t0k", "bad name": "x" }, "other": { "mac": "no" } },
    })
}

#[test]
fn a_file_goes_out_in_its_cipher_when_there_is_a_key() {
    let (_folder, catalog) = catalog();
    let made = |keys: Value| {
        let settings = json!({ "provisioning": { "encryption": keys } });
        render(&catalog, "/acme/46.xml", &facts(), settings, &NoFirmware).unwrap().bytes
    };
    let plain = made(json!({}));
    assert!(plain.starts_with(b"<"));
    for keys in [json!({ "key_common": "k" }), json!({ "key_common": "x", "key_device": "k" })] {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), made(keys)).unwrap();
        let arguments = ["enc", "-d", "-aes-256-cbc", "-md", "md5", "-k", "k", "-in"];
        let output = std::process::Command::new("openssl").args(arguments).arg(file.path()).output().unwrap();
        assert_eq!(output.stdout, plain);
    }
}

#[test]
fn it_is_identified_by_every_input() {
    let (_dir, catalog) = catalog();
    let agent = "Acme A46-r2 v66.1-SIP 02-00-5E-AA-BB-CC";
    let found = get(&catalog, "/any/02005eaabbcc.CFG", agent, None);
    let s = &found.sighting;
    assert_eq!((s.vendor.as_deref(), s.model.as_deref(), s.firmware.as_deref()), (Some("acme"), Some("A46"), Some("66.1")));
    assert_eq!(s.mac, Mac::parse("02:00:5e:aa:bb:cc"));
    let chosen = catalog.choose(s, &found.routes, None);
    let route = chosen.route.unwrap();
    assert_eq!((route.pack.id(), route.kind(), route.credentials(), route.file_name()), ("acme", FileKind::Device, true, "device"));
    assert_eq!(found.conflict, None);

    let found = get(&catalog, "/02005eaabbcc.cfg", "", None);
    assert_eq!(found.sighting.vendor.as_deref(), Some("acme"));
    assert!(found.sighting.evidence.iter().any(|e| e.from == From::Oui && e.confidence < 50));
    assert_eq!(found.routes[0].pack.id(), "acme");

    let found = get(&catalog, "/cfg?x=1&id=02%3A00%3A5e%3Aaa%3Abb%3Acc", "", None);
    assert_eq!((found.routes[0].mac, found.routes[0].file_name()), (Mac::parse("02005eaabbcc"), "by query"));

    let learnt = Learnt { option60: Some("acme.A48\0".into()), ..Learnt::default() };
    let found = get(&catalog, "/021111aabbcc.cfg", "", Some(&learnt));
    assert_eq!((found.sighting.model.as_deref(), found.routes[0].pack.id()), (Some("A48"), "acme"));
}

#[test]
fn what_tells_nothing_tells_nothing() {
    let (_dir, catalog) = catalog();
    for (path, agent) in [
        ("", "Acme A46 v1 02:00:5e:aa:bb:cc:d"),
        ("", "curl/8.5.0"),
        ("/../02005eaabbcc.cfg", ""),
        ("/a\\02005eaabbcc.cfg", ""),
        ("/000000000000.cfg", ""),
        ("/02005eaabbcc.cfg/x", ""),
        ("/acme/T99.xml", ""),
        ("/cfg?id=nonsense", ""),
        ("/cfg", ""),
    ] {
        let found = get(&catalog, path, agent, None);
        assert_eq!(found.sighting.vendor, None, "{path} {agent}");
        assert_eq!(found.sighting.mac, None, "{path} {agent}");
        assert!(!found.routes.iter().any(|r| r.pack.id() == "acme"), "{path} {agent}");
    }
    // A name that others ask for too tells no vendor, but its kind and MAC.
    let found = get(&catalog, "/0aaaaaaabbcc.boot", "", None);
    assert_eq!((found.sighting.vendor.as_deref(), found.sighting.mac), (None, Mac::parse("0aaaaaaabbcc")));
    assert_eq!(found.routes[0].kind(), FileKind::Device);
}

#[test]
fn a_file_of_another_phone_is_a_conflict() {
    let (_dir, catalog) = catalog();
    let conflict = get(&catalog, "/02005e000001.cfg", "Acme A46 v1 02:00:5e:00:00:02", None).conflict.unwrap();
    assert_eq!((conflict.asked, conflict.says), (Mac::parse("02005e000001").unwrap(), Mac::parse("02005e000002").unwrap()));
}

#[test]
fn the_devices_own_pack_serves_it() {
    let (_dir, catalog) = catalog();
    let found = get(&catalog, "/02005eaabbcc.cfg", "", None);
    let chosen = catalog.choose(&found.sighting, &found.routes, Some("acme@1.0.0"));
    assert_eq!(chosen.route.unwrap().pack.id(), "acme");
    let other = catalog.packs().iter().find(|p| p.id() != "acme").map(|p| p.id().to_owned()).unwrap();
    let found = get(&catalog, "/cfg?id=02005eaabbcc", "", None);
    let chosen = catalog.choose(&found.sighting, &found.routes, Some(&other));
    assert_eq!((chosen.pack.unwrap().id(), chosen.route.is_none()), (other.as_str(), true));
    let found = get(&catalog, "/ring1.pcm", "", None);
    assert!(catalog.choose(&found.sighting, &found.routes, Some(&other)).route.is_some());
}

#[test]
fn a_device_file_is_rendered_with_raw_parameters() {
    let (_dir, catalog) = catalog();
    let rendered = render(&catalog, "/02005eaabbcc.cfg", &facts(), settings(), &NoFirmware).unwrap();
    let expected = "line1_name: \"9'9\"\nline1_auth: \"a1\"\nline1_secret: \"secret-1\"\nline1_label: \"Lukasz\" ; of Desk\nline1_server: \"\"\n\
        line2_name: \"1002\"\nline2_auth: \"1002\"\nline2_secret: \"p;w\"\nline2_label: \"Zo\u{eb} '2'\" ; of Desk\nline2_server: \"pbx\"\n\
        zone: \"+5:30\"\nmac: \"02005EAABBCC\"\nmodel: \"A46\"\nadmin: \"hush\"\nserver: \"http://192.0.2.1:8667/x.bin\"\nextra: \"5\"\nsip.tokenA: \"t0k\"\n";
    assert_eq!(text(&rendered), expected);
    assert_eq!((rendered.template.as_str(), rendered.content_type.as_str()), ("base.tpl", "text/plain"));
    let notes: Vec<&str> = rendered.notes.iter().map(|n| n.path.as_str()).collect();
    assert!(notes.contains(&"raw.acme.\"bad name\""), "{notes:?}");
    assert!(rendered.notes.iter().any(|n| n.message.contains("charset")) && rendered.notes.iter().any(|n| n.message.contains("syntax")));
    assert!(!format!("{:?}", rendered.notes).contains("secret-1"));
    let other = DeviceFacts { model: Some("A48".into()), ..facts() };
    assert!(text(&render(&catalog, "/02005eaabbcc.cfg", &other, json!({}), &NoFirmware).unwrap()).starts_with("a48: 1"));
}

#[test]
fn other_files_see_no_secret_and_no_device() {
    let (_dir, catalog) = catalog();
    let common = render(&catalog, "/acme-default.cfg", &facts(), settings(), &NoFirmware).unwrap();
    assert_eq!(text(&common), "text: \"<Hall & 'Bar'>\"\npass: \"\"\ndevice: \"\"\nextra: \"5\"\nline1_name: \"9'9\"\n");
    let xml = render(&catalog, "/x/ACME/a46.xml", &facts(), settings(), &NoFirmware).unwrap();
    assert_eq!(text(&xml), "<a><settings>\r\n<text>&lt;Hall &amp; &#34;Bar&#34;&gt;</text></settings></a>\r\n");
    assert_eq!(text(&render(&catalog, "/a000046.cfg", &DeviceFacts::default(), json!({}), &NoFirmware).unwrap()), "model: \"A46\"\n");
    let a48 = DeviceFacts { model: Some("a48".into()), ..DeviceFacts::default() };
    assert_eq!(text(&render(&catalog, "/a000007.cfg", &a48, json!({}), &NoFirmware).unwrap()), "model: \"A48\"\n");
}

struct Shelf(&'static [&'static str]);
impl FirmwareShelf for Shelf {
    fn has(&self, name: &str) -> bool {
        self.0.contains(&name)
    }
}

#[test]
fn firmware_is_named_only_when_all_of_it_is_stored() {
    let (_dir, catalog) = catalog();
    let settings = || json!({ "provisioning": { "firmware": { "version": "1.5" } } });
    let get = |shelf: &Shelf, settings| render(&catalog, "/ACME.TXT", &facts(), settings, shelf);
    assert_eq!(get(&Shelf(&["acme-1.5.bin"]), settings()), Err(RenderError::Absent { missing: vec!["acme-1.5.sig".into()] }));
    assert_eq!(text(&get(&Shelf(&["acme-1.5.bin", "acme-1.5.sig"]), settings()).unwrap()), "image: \"1.5\"\n");
    assert_eq!(get(&Shelf(&[]), json!({})), Err(RenderError::Absent { missing: vec![] }));
    assert_eq!(render(&catalog, "/fw/acme-1.5.bin", &facts(), settings(), &NoFirmware), Err(RenderError::Firmware));
    assert!(catalog.pack("acme").unwrap().firmware_match("ACME-2.0.SIG") && !catalog.pack("acme").unwrap().firmware_match("acme-x.bin"));
}

#[test]
fn static_files_are_served_as_they_are() {
    let (_dir, catalog) = catalog();
    let rendered = render(&catalog, "/RING1.pcm", &facts(), json!({}), &NoFirmware).unwrap();
    assert_eq!((rendered.bytes.as_slice(), rendered.template.as_str()), ([0u8, 255, 1].as_slice(), "files/tones/one.pcm"));
}

#[test]
fn what_cannot_be_expressed_is_told() {
    let (_dir, catalog) = catalog();
    let pack = catalog.pack("acme").unwrap();
    let settings = effective(json!({
        "lines": { "1": { "username": "1" }, "3": { "username": "3" } },
        "keys": { "9": { "type": "blf", "value": "1" } },
        "calls": { "auto_answer": "on" },
        "time": { "zone": "UTC", "format_24h": true },
    }));
    let notes: Vec<String> =
        pack.unsupported(pack.model(Some("46")), &settings).into_iter().map(|n| format!("{}: {}", n.path, n.message)).collect();
    assert_eq!(
        notes,
        [
            "calls.auto_answer: must be set by hand: Menu 7",
            "keys.9: not supported by this model, which has 4 keys",
            "lines.3: not supported by this model, which has 2 accounts",
            "time.format_24h: not supported by this model",
        ]
    );
}

#[test]
fn files_of_a_device() {
    let (_dir, catalog) = catalog();
    let pack = catalog.pack("acme").unwrap();
    let paths: Vec<String> = pack.files_for(&facts()).into_iter().map(|r| r.path).collect();
    assert_eq!(
        paths,
        ["acme-default.cfg", "02005eaabbcc.cfg", "acme/A46.xml", "a000046.cfg", "ACME.TXT", "ring1.pcm", "02005eaabbcc.boot"]
    );
    assert_eq!(pack.generated(&"access.admin_password".parse().unwrap()).unwrap().max, 9);
    assert_eq!(pack.canonical_model("a46w"), Some("A46"));
    assert!(pack.is_secret_parameter("SIP.tokenX") && pack.is_secret_parameter("userPassword") && !pack.is_secret_parameter("name"));
}

#[test]
fn a_broken_pack_is_left_out_and_every_fault_is_told() {
    let dir = packs();
    let bad = dir.path().join("bad");
    write(
        &bad,
        "vendor.toml",
        r#"
id = "bad"
version = "1"
name = "x"
colour = "red"
[[identify]]
name = "a"
from = "smell"
match = "("
[format.x]
kind = "xml"
separator = ":"
[[file]]
name = "f"
path = "{mac"
kind = "device"
format = "y"
[[file]]
name = "g"
path = "../x"
kind = "devices"
[[file]]
name = "h"
path = "h"
kind = "other"
source = "static"
static = "../../secret"
"#,
    );
    write(&bad, "templates/t", "{% for %}");
    write(&bad, "tables/t.toml", "x =");
    let (catalog, faults) = Catalog::load(Some(dir.path()));
    assert!(catalog.pack("acme").is_some() && catalog.pack("bad").is_none());
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    for wanted in ["colour", "templates/t: line 1", "tables/t.toml: line 1"] {
        assert!(faults.iter().any(|f| f.contains(wanted)), "{wanted}: {faults:#?}");
    }
    let manifest = fs::read_to_string(bad.join("vendor.toml")).unwrap().replace("colour = \"red\"\n", "");
    write(&bad, "vendor.toml", manifest);
    let faults: Vec<String> = Catalog::load(Some(dir.path())).1.iter().map(ToString::to_string).collect();
    for wanted in [
        "bad/vendor.toml: version",
        "identify \"a\".from",
        "identify \"a\".match",
        "format.x.separator",
        "file \"f\".path",
        "file \"f\".format: there is no [format.y]",
        "line 20, file \"g\".kind: \"devices\" is not allowed: write common",
        "file \"h\".static",
    ] {
        assert!(faults.iter().any(|f| f.contains(wanted)), "{wanted}: {faults:#?}");
    }
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_a_pack() {
    let dir = packs();
    let acme = dir.path().join("acme");
    write(dir.path(), "outside.pcm", "secret");
    fs::remove_file(acme.join("files/tones/one.pcm")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("outside.pcm"), acme.join("files/tones/one.pcm")).unwrap();
    assert!(Catalog::load(Some(dir.path())).1.iter().any(|f| f.message.contains("no files/tones/one.pcm")));
}

#[test]
fn golden_files_are_written_compared_and_go_stale() {
    let dir = packs();
    let acme = dir.path().join("acme");
    write(
        &acme,
        "tests/one/case.toml",
        "absent = [\"ACME.TXT\"]\nfiles = [\"{mac}.cfg\", \"acme-default.cfg\"]\n[device]\nmac = \"02005eaabbcc\"\nmodel = \"A46\"\n[settings.lines.1]\nusername = \"1\"\n",
    );
    write(
        &acme,
        "tests/identify.toml",
        "[[case]]\nuser_agent = \"Acme A46 v1\"\nvendor = \"acme\"\nmodel = \"A46\"\nversion = \"1\"\n[[case]]\npath = \"/a000009.cfg\"\nvendor = \"acme\"\nkind = \"model\"\n",
    );
    let fresh = test_pack(&acme, false);
    assert_eq!((fresh.passed, fresh.failures.len()), (3, 2), "{fresh:?}");
    let blessed = test_pack(&acme, true);
    assert_eq!((blessed.written.len(), blessed.failures.len()), (2, 0), "{blessed:?}");
    let again = test_pack(&acme, false);
    assert_eq!((again.passed, again.failures.len()), (5, 0), "{again:?}");
    write(&acme, "tests/one/expected/old.cfg", "x");
    write(&acme, "tests/one/expected/acme-default.cfg", "text: \"\"\npass: \"\"\ndevice: \"y\"\n");
    write(&acme, "tests/identify.toml", "[[case]]\nuser_agent = \"Acme A46 v1\"\nvendor = \"acme\"\n");
    let failures: Vec<String> = test_pack(&acme, false).failures.iter().map(ToString::to_string).collect();
    assert!(failures.iter().any(|f| f.contains("old.cfg: is stale")), "{failures:?}");
    assert!(failures.iter().any(|f| f.contains("line 3: expected \"device: \\\"y\\\"\\n\"")), "{failures:?}");
    assert!(failures.iter().any(|f| f.contains("model: must be nothing, is \"A46\"")), "{failures:?}");
}

#[test]
fn the_check_finds_what_only_a_rendering_shows() {
    let dir = packs();
    let acme = dir.path().join("acme");
    let report = check_pack(&acme);
    assert_eq!(report.faults.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(report.models, 3);
    write(&acme, "templates/acme-default.cfg.tpl", "a: \"1\"\nA: \"2\"\na: \"3\"\n");
    write(&acme, "templates/code.tpl", "nonsense\n");
    write(&acme, "templates/model.xml", "<a><settings></a>\n");
    write(&acme, "templates/A48.tpl", "{{ settings.x.y.z() }}\n");
    let faults: Vec<String> = check_pack(&acme).faults.iter().map(ToString::to_string).collect();
    for wanted in ["a stands twice", "templates/code.tpl", "templates/model.xml", "A48.tpl:1"] {
        assert!(faults.iter().any(|f| f.contains(wanted)), "{wanted}: {faults:#?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_input_breaks_recognition(path in "[/.a-zA-Z0-9%:_{}?-]{0,40}|\\PC{0,40}", agent in "Acme [A-Z0-9 v.:-]{0,40}|\\PC{0,60}", lease in "acme.\\PC{0,10}") {
        static CATALOG: LazyLock<(tempfile::TempDir, Catalog)> = LazyLock::new(catalog);
        let learnt = Learnt { option60: Some(lease), ..Learnt::default() };
        let found = get(&CATALOG.1, &path, &agent, Some(&learnt));
        if path.contains("..") && path.split(['/', '?']).any(|p| p == "..") {
            prop_assert!(found.routes.is_empty());
        }
        let _ = CATALOG.1.choose(&found.sighting, &found.routes, Some("acme"));
    }

    #[test]
    fn no_manifest_breaks_the_loader(noise in "\\PC{0,80}", at in 0usize..2000) {
        let dir = packs();
        let at = MANIFEST.char_indices().map(|(i, _)| i).nth(at).unwrap_or(0);
        write(&dir.path().join("acme"), "vendor.toml", format!("{}{noise}{}", &MANIFEST[..at], &MANIFEST[at..]));
        let (catalog, faults) = Catalog::load(Some(dir.path()));
        prop_assert!(catalog.pack("acme").is_some() || !faults.is_empty());
    }

    #[test]
    fn no_value_opens_a_line(label in "[^\\p{C}\u{2028}\u{2029}]{0,30}") {
        static CATALOG: LazyLock<(tempfile::TempDir, Catalog)> = LazyLock::new(catalog);
        // What looks like a variable is another matter, settled when settings are written.
        let label = label.replace('{', "(");
        let set = json!({ "lines": { "1": { "username": "1", "label": label } }, "display": { "text": label }, "raw": { "acme": { "x": label } } });
        let count = |path: &str, settings: Value| text(&render(&CATALOG.1, path, &facts(), settings, &NoFirmware).unwrap()).matches('\n').count();
        let plain = json!({ "lines": { "1": { "username": "1", "label": "x" } }, "display": { "text": "x" }, "raw": { "acme": { "x": "x" } } });
        for path in ["/02005eaabbcc.cfg", "/acme-default.cfg", "/acme/A46.xml"] {
            prop_assert_eq!(count(path, set.clone()), count(path, plain.clone()));
        }
    }
}

/// Printed with `--nocapture`.
#[test]
fn rendering_is_cheap() {
    let (_dir, catalog) = catalog();
    let found = get(&catalog, "/02005eaabbcc.cfg", "", None);
    let (server, facts, settings) = (ServerFacts::new("http://h"), facts(), effective(settings()));
    let input = RenderInput {
        device: &facts,
        tenant: "default",
        server: &server,
        settings: &settings,
        shelf: &NoFirmware,
        resources: &Arc::default(),
        encryption_key: None,
        names: &Arc::default(),
        overlay: None,
    };
    let n: u32 = 500;
    let start = Instant::now();
    for _ in 0..n {
        std::hint::black_box(found.routes[0].pack.render(&found.routes[0], &input).unwrap());
    }
    println!("render: {:?}", start.elapsed() / n);
}
