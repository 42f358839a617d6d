//! Stored assets and phone books in the files of a family that nobody makes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::Path, sync::Arc};

use offhook_core::{
    Id, Mac,
    asset::AssetKind,
    clock::Timestamp,
    phonebook::{Contact, Number, NumberKind, Phonebook},
    request::{Request, Transport},
    settings::{Effective, Layer, LayerSource, Scope, Settings, compose},
};
use offhook_packs::{AssetFacts, Catalog, DeviceFacts, NoFirmware, RenderError, RenderInput, Rendered, Resources, Route, ServerFacts};
use serde_json::{Value, json};

const MANIFEST: &str = r##"
id = "acme"
version = "1.0.0"
name = "Acme desk phones"
supports = ["display.**", "audio.**", "directory.phonebooks"]
[format.kv]
kind = "key-value"
[format.xml]
kind = "xml"
[[file]]
name = "device"
path = "acme-{mac}.cfg"
kind = "device"
format = "kv"
templates = ["base.tpl"]
[[file]]
name = "phone book"
path = "acme/{phonebook}.xml"
kind = "directory"
format = "xml"
templates = ["book.tpl"]
page_size = 2
search = ["q"]
[[asset]]
name = "logo"
settings = ["display.logo"]
path = "{asset}-{model}.bmp"
accept = ["png", "bmp"]
picture = { format = "bmp", width = "{model.logo.width}", height = 56, depth = 8, greys = 16 }
[[asset]]
name = "photograph"
settings = ["display.logo"]
path = "acme/{asset}"
accept = ["jpg"]
max_bytes = 1000
[[asset]]
name = "first ring tone"
settings = ["audio.ringtones[0].asset"]
path = "ring1.bin"
accept = ["wav"]
"##;

const MODELS: &str = r#"
[models.A-46]
logo = { width = 90 }
[models.46]
logo = { width = 60 }
[models.A48]
"#;

const BASE: &str = r#"logo={{ asset("display.logo") }}
tone={{ asset(settings.audio.ringtone, "display.logo") if has_asset(settings.audio.ringtone) else settings.audio.ringtone }}
none={{ asset("display.wallpaper") }}
{% for book in phonebooks() %}
book={{ book.label }} {{ book.url }} {{ book.stored }}
{% endfor %}
{% for contact in contacts("company") %}
contact={{ contact.name }}
{% endfor %}
"#;

const BOOK: &str = r#"<book title="{{ phonebook.label }}" page="{{ phonebook.page }}/{{ phonebook.pages }}" total="{{ phonebook.total }}" next="{{ phonebook.next }}" previous="{{ phonebook.previous }}">
{% for contact in phonebook.contacts %}
<entry name="{{ contact.name }}">{{ contact.numbers[0].type }} {{ contact.numbers[0].number }}</entry>
{% endfor %}
</book>
"#;

fn catalog(manifest: &str) -> (tempfile::TempDir, Result<Catalog, Vec<String>>) {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join("acme").join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
    };
    write("vendor.toml", manifest);
    write("models.toml", MODELS);
    write("templates/base.tpl", BASE);
    write("templates/book.tpl", BOOK);
    let catalog = Catalog::of_folder(&dir.path().join("acme"));
    (dir, catalog.map_err(|faults| faults.into_iter().map(|f| format!("{}: {}", f.place, f.message)).collect()))
}

fn resources() -> Arc<Resources> {
    let mut resources = Resources::default();
    let asset = |name: &str, kind, size| AssetFacts { name: name.into(), kind, size, sha256: name.repeat(2) };
    resources.add_asset(asset("Hall-A.png", AssetKind::Png, 5000));
    resources.add_asset(asset("photo.jpg", AssetKind::Jpg, 900));
    resources.add_asset(asset("large.jpg", AssetKind::Jpg, 9000));
    resources.add_asset(asset("bell", AssetKind::Wav, 10));
    let contact = |name: &str| Contact {
        name: name.into(),
        numbers: vec![Number { kind: NumberKind::Mobile, number: format!("+{}", name.len()) }],
        ..Contact::default()
    };
    let at = Timestamp::from_millis(0);
    resources.add_phonebook(Arc::new(Phonebook {
        id: Id::from_parts(at, [7; 10]),
        name: "company".into(),
        tenant: None,
        label: "The \"Firm\" & Co".into(),
        contacts: ["Anna", "Zoë <b>", "Émile", "anna-Maria", "Bob"].map(contact).into(),
        revision: 1,
        created_at: at,
        updated_at: at,
    }));
    Arc::new(resources)
}

fn effective(settings: Value) -> Effective {
    let own = Settings::validate(&settings, Scope::Device).unwrap();
    compose(&[Layer { source: LayerSource::Device, settings: &own, unset: &[] }], &|_| None)
}

fn render(catalog: &Catalog, path: &str, model: &str, settings: Value) -> Result<Rendered, RenderError> {
    let mut request = Request::new(Transport::Http, [127, 0, 0, 1].into());
    let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
    (request.path, request.query) = (Some(path.to_owned()), query.map(str::to_owned));
    let routes = catalog.identify(&request, None).routes;
    let route: &Route = routes.first().unwrap_or_else(|| panic!("{path}"));
    let facts = DeviceFacts { mac: Mac::parse("02005eaabbcc"), model: Some(model.into()), ..DeviceFacts::default() };
    let input = RenderInput {
        device: &facts,
        tenant: "default",
        server: &ServerFacts::new("http://h:1"),
        settings: &effective(settings),
        shelf: &NoFirmware,
        resources: &resources(),
        encryption_key: None,
        names: &Arc::default(),
        overlay: None,
    };
    route.pack.render(route, &input)
}

fn text(made: Result<Rendered, RenderError>) -> (String, Vec<String>) {
    let made = made.unwrap();
    (String::from_utf8(made.bytes).unwrap(), made.notes.iter().map(|n| format!("{}: {}", n.path, n.message)).collect())
}

#[test]
fn templates_get_addresses_or_reasons() {
    let (_dir, catalog) = catalog(MANIFEST);
    let catalog = catalog.unwrap();
    let settings = json!({
        "display": { "logo": "hall-a.PNG", "wallpaper": "hall-a.png" }, "audio": { "ringtone": "Ring3" },
        "directory": { "phonebooks": [{ "name": "Company" }, { "name": "Web", "url": "http://w/" }, { "id": "nobody" }] },
    });
    let (file, notes) = text(render(&catalog, "/acme-02005eaabbcc.cfg", "A-46", settings));
    assert_eq!(
        file,
        "logo=http://h:1/Hall-A.png-A-46.bmp\ntone=Ring3\nnone=\nbook=The \"Firm\" & Co http://h:1/acme/company.xml True\nbook=Web http://w/ False\n\
         contact=Anna\ncontact=Zoë <b>\ncontact=Émile\ncontact=anna-Maria\ncontact=Bob\n"
    );
    assert_eq!(notes, ["display.wallpaper: not supported by this model", "directory.phonebooks[2]: there is no phone book \"nobody\""]);
    let logo = |name: &str, model: &str| {
        let (file, notes) = text(render(&catalog, "/acme-02005eaabbcc.cfg", model, json!({ "display": { "logo": name } })));
        format!("{} {}", file.lines().next().unwrap(), notes.first().map_or("", String::as_str))
    };
    assert_eq!(logo("http://x/y.bmp", "A-46"), "logo=http://x/y.bmp ");
    assert_eq!(logo("photo.jpg", "A-46"), "logo=http://h:1/acme/photo.jpg ");
    assert!(logo("no.png", "A-46").ends_with("there is no asset \"no.png\""));
    assert!(logo("bell", "A-46").contains("\"bell\" is wav; this model takes png, bmp"));
    assert!(logo("Hall-A.png", "A48").contains("the model has no logo.width"), "{}", logo("Hall-A.png", "A48"));
}

#[test]
fn a_request_for_an_asset_says_what_to_make() {
    let (_dir, catalog) = catalog(MANIFEST);
    let catalog = catalog.unwrap();
    let plan = |path: &str, settings: Value| match render(&catalog, path, "A48", settings) {
        Err(RenderError::Asset(plan)) => *plan,
        other => panic!("{path} {other:?}"),
    };
    // The model in the name counts, told from the asset's name beside it.
    let made = plan("/hall-a.png-a-46.BMP", json!({}));
    assert_eq!((made.asset.name.as_str(), made.picture.unwrap().width, made.content_type.as_str()), ("Hall-A.png", 90, "image/bmp"));
    assert_eq!(plan("/x/Hall-A.png-46.bmp", json!({})).picture.unwrap().width, 60);
    assert_eq!(plan("/acme/photo.jpg", json!({})).max_bytes, Some(1000));
    let ring = json!({ "audio": { "ringtones": [{ "name": "Bell", "asset": "bell" }] } });
    assert_eq!(plan("/ring1.bin", ring).asset.name, "bell");
    assert!(matches!(render(&catalog, "/ring1.bin", "A48", json!({})), Err(RenderError::Absent { .. })));
    assert!(
        matches!(render(&catalog, "/acme/large.jpg", "A48", json!({})), Err(RenderError::AssetUnusable(why)) if why.contains("at most 1000"))
    );
    assert!(matches!(render(&catalog, "/acme/none.jpg", "A48", json!({})), Err(RenderError::Absent { .. })));
}

#[test]
fn a_phone_book_comes_in_pages() {
    let (_dir, catalog) = catalog(MANIFEST);
    let catalog = catalog.unwrap();
    let book = |query: &str| text(render(&catalog, &format!("/acme/COMPANY.xml{query}"), "A48", json!({}))).0;
    let first = book("");
    assert!(first.starts_with("<book title=\"The &#34;Firm&#34; &amp; Co\" page=\"1/3\" total=\"5\" next=\"http://h:1/acme/COMPANY.xml?page=2\" previous=\"\">"), "{first}");
    assert!(first.contains("<entry name=\"Zoë &lt;b&gt;\">mobile +8</entry>"), "{first}");
    assert!(book("?page=3").contains("page=\"3/3\"") && book("?page=3").contains("Bob"));
    let found = book("?q=ANNA&page=1");
    assert!(found.contains("total=\"2\"") && found.contains("anna-Maria"), "{found}");
    assert!(
        book("?q=%22%3E%3Cx&page=2").contains("previous=\"http://h:1/acme/COMPANY.xml?page=1&amp;q=%22%3E%3Cx\""),
        "{}",
        book("?q=%22%3E%3Cx&page=2")
    );
    assert!(matches!(render(&catalog, "/acme/other.xml", "A48", json!({})), Err(RenderError::Absent { .. })));
}

#[test]
fn a_device_has_the_files_that_its_settings_name() {
    let (_dir, catalog) = catalog(MANIFEST);
    let catalog = catalog.unwrap();
    let settings = json!({
        "display": { "logo": "Hall-A.png" }, "audio": { "ringtones": [{ "name": "Bell", "asset": "bell" }] },
        "directory": { "phonebooks": [{ "name": "company" }, { "name": "x", "url": "http://w/" }] },
    });
    let facts = DeviceFacts { model: Some("A-46".into()), ..DeviceFacts::default() };
    let routes = catalog.packs()[0].referenced(&facts, &effective(settings), &resources());
    let paths: Vec<&str> = routes.iter().map(|r| r.path.as_str()).collect();
    assert_eq!(paths, ["acme/company.xml", "Hall-A.png-A-46.bmp", "ring1.bin"]);
}

#[test]
fn every_fault_of_the_manifest_is_told() {
    let broken = MANIFEST
        .replace("settings = [\"display.logo\"]\npath = \"{asset}-{model}.bmp\"", "settings = []\npath = \"{asset}.bmp\"")
        .replace("accept = [\"png\", \"bmp\"]", "accept = [\"png\", \"jpg\"]")
        .replace("{model.logo.width}", "{model.logo.widht}")
        .replace("path = \"ring1.bin\"", "path = \"ring1.bin\"\nmodels = [\"A99\"]")
        .replace("page_size = 2", "page_size = 0")
        .replace("path = \"acme-{mac}.cfg\"", "path = \"{asset}.cfg\"\npage_size = 3");
    let faults = catalog(&broken).1.unwrap_err().join("\n");
    for part in [
        "asset \"logo\".settings: says no setting path",
        "asset \"logo\".accept: only png and bmp",
        "asset \"logo\".picture: no model can have it",
        "asset \"first ring tone\".models: \"A99\" is no model",
        "file \"phone book\".page_size: must be at least 1",
        "file \"device\".path: {asset} is for [[asset]]",
        "file \"device\".page_size: page_size and search are for paths with {phonebook}",
    ] {
        assert!(faults.contains(part), "{part}\n{faults}");
    }
}
