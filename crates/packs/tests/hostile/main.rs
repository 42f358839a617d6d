//! Hostile texts in every setting of every pack: what a file says is read back by readers that share no code with the crate.
//!
//! A document with everything is rendered twice, once with a plain mark in each free text and once with hostile texts. The file
//! must say the same things in the same order, and each text must come back whole, or as the nearest that `docs/packs.md` tells.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod readers;
mod settings;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
    sync::Arc,
};

use offhook_core::{
    Id, Mac,
    clock::Timestamp,
    phonebook::{Contact, Number, NumberKind, Phonebook},
    request::{Request, Transport},
    settings::{Effective, Format, Layer, LayerSource, Scope, Settings, built_in, compose},
};
use offhook_packs::{
    Catalog, DeviceFacts, FirmwareShelf, Model, Pack, RenderError, RenderInput, Resources, Route, ServerFacts,
    manifest::{Charset, Source},
};
use proptest::{prelude::*, test_runner::TestRunner};
use readers::Said;
use serde_json::Value;

/// Before and after the number that makes each text another one.
const HOSTILE: [(&str, &str); 42] = [
    ("\"", "\""),
    ("'", "' x='1"),
    ("<b a=\"1\">&amp;", "</b>"),
    ("]]>", "<![CDATA["),
    ("--><x>", "<!--"),
    ("<?x ", "?>"),
    ("#", " # not a comment"),
    (";", "; x: 1"),
    ("a =", "= b"),
    (":", ": \"x\""),
    ("\\", "\\\" \\n \\"),
    ("${device.mac}", "${ $${"),
    ("{{ 7 * 7 }}", "{% raw %}{# x #}"),
    ("%n%s", "%% %NULL%"),
    ("%NULL%", "%20"),
    ("   ", "   "),
    ("\u{202e}\u{2066}", "\u{202c}\u{2069}\u{200f}"),
    ("😀 👩\u{200d}👩\u{200d}👧", "\u{1f1eb}\u{1f1f7}"),
    ("é", "ÿß€"),
    ("漢字", "かな Łódź"),
    ("x\u{85}account.1.enable = 0", "\u{85}y: \"1\"\u{85}"),
    ("x\u{2028}evil.one = 1", "\u{2029}evil: 2\u{2029}"),
    ("x\nevil.two = 1\n", "\nevil: 1\n"),
    ("x\r\n\r\n<evil/>\r\n", "\r"),
    ("x\tevil", "\tx\u{b}\u{c}"),
    // A text that begins with U+0001 is a sealed secret of the store.
    ("\0", "x\u{1}\u{1b}[31m\u{7f}"),
    ("&#10;evil = 1&#0;", "&#xD800; &lt;"),
    ("\\u0000\\ud83d", "\\x00 \\r\\n"),
    ("\u{feff}", "\u{fffd}\u{feff}"),
    ("\u{fffe}", "\u{ffff}"),
    ("$1$Tinvite$", "!macro"),
    ("include:config \"x.cfg\"", "[T46S]include:config"),
    ("#!version:1.0.0.1", "#!version:9"),
    ("../../etc/passwd", "..\\"),
    ("host:5060;transport=tcp", ">;tag=1"),
    (",", ",|,"),
    ("*", "* x [1-5] ( ) ."),
    ("?a=1&b=", "&c#d"),
    ("\u{301}\u{308}", "\u{20dd}"),
    ("\u{e000}\u{10ffff}", "\u{1d11e}"),
    ("-- - ---", "-"),
    ("ł", "\u{ad}\u{200b}\u{a0}"),
];

/// Hostile text of a number. In URLs and names of stored files slashes and `://` mean something by themselves.
fn hostile(number: usize, turn: usize, format: Format) -> String {
    let at = number + turn;
    let (before, after) = HOSTILE[at % HOSTILE.len()];
    let long = if at.is_multiple_of(97) { "ä<\"".repeat(700) } else { String::new() };
    shaped(&format!("{before}{long}{number:05}{after}"), format)
}

/// Signs that tell forms apart are none of this test's: `@` makes a number a whole SIP address.
fn shaped(text: &str, format: Format) -> String {
    let text = &text.replace('@', "|");
    match format {
        Format::Url | Format::ActionUrl => format!("http://h.example/{}", text.replace('/', "|")),
        Format::Asset => text.replace('/', "|"),
        // A colon stands before the port, or makes an IPv6 address, which some families want in brackets.
        Format::Host => text.replace(':', "|"),
        Format::Proxy => text.replace(['/', ':'], "|"),
        _ => text.to_owned(),
    }
}

/// The number of the device's own label.
const LABEL: usize = 99_999;

fn plain(number: usize, format: Format) -> String {
    shaped(&settings::mark(number), format)
}

struct Shelf;

impl FirmwareShelf for Shelf {
    fn has(&self, _name: &str) -> bool {
        true
    }
}

fn effective(document: Value) -> Effective {
    let document = Settings::from_stored(document).unwrap();
    let layers = [
        Layer { source: LayerSource::BuiltIn, settings: built_in(), unset: &[] },
        Layer { source: LayerSource::Device, settings: &document, unset: &[] },
    ];
    let mut effective = compose(&layers, &|_| None);
    effective.fill_generated(b"hostile", "hostile", &|_| None);
    effective
}

fn facts(model: &Model, label: &str) -> DeviceFacts {
    DeviceFacts {
        id: "hostile".to_owned(),
        mac: Mac::new([2, 0, 0x5e, 0xaa, 0xbb, 0xcc]),
        serial: Some("SN0001".to_owned()),
        label: label.to_owned(),
        location: label.to_owned(),
        model: Some(model.name.clone()).filter(|n| !n.is_empty()),
        ..DeviceFacts::default()
    }
}

/// A phone book of two contacts; its texts are numbered after those of the settings.
fn resources(text: &dyn Fn(usize, Format) -> String) -> Arc<Resources> {
    let contact = |first: usize| {
        let text = |n: usize| text(first + n, Format::Plain);
        let number = |kind, n| Number { kind, number: text(n) };
        Contact {
            name: text(0),
            first_name: text(1),
            last_name: text(2),
            company: text(3),
            email: text(4),
            groups: vec![text(5), text(6)],
            numbers: vec![number(NumberKind::Work, 7), number(NumberKind::Mobile, 8), number(NumberKind::Other, 9)],
        }
    };
    let at = Timestamp::from_millis(0);
    let book = Phonebook {
        id: Id::from_parts(at, [1; 10]),
        name: "office".to_owned(),
        tenant: None,
        label: text(90_000, Format::Plain),
        contacts: vec![contact(90_001), contact(90_011)],
        revision: 1,
        created_at: at,
        updated_at: at,
    };
    let mut resources = Resources::default();
    resources.add_phonebook(Arc::new(book));
    Arc::new(resources)
}

/// A device with everything that its files are made of.
struct Phone {
    facts: DeviceFacts,
    settings: Effective,
    resources: Arc<Resources>,
}

impl Phone {
    fn new(pack: &Pack, model: &Model, turn: usize, forms: bool, label: &str, text: &dyn Fn(usize, Format) -> String) -> Self {
        Self {
            facts: facts(model, label),
            settings: effective(settings::everything(pack.id(), model, turn, forms, text)),
            resources: resources(text),
        }
    }
}

fn render(pack: &Pack, route: &Route, phone: &Phone) -> Option<Vec<u8>> {
    let server = ServerFacts::new("http://192.0.2.1:8667");
    let Phone { facts, settings, resources } = phone;
    match pack.render(
        route,
        &RenderInput {
            device: facts,
            tenant: "default",
            server: &server,
            settings,
            shelf: &Shelf,
            resources,
            encryption_key: None,
            names: &Arc::default(),
            overlay: None,
        },
    ) {
        Ok(rendered) => Some(rendered.bytes),
        Err(RenderError::Absent { .. } | RenderError::NotOffered(_)) => None,
        // No file is better than a wrong one; the tests of plain texts demand that there is one.
        Err(RenderError::Template { message, .. }) if message.starts_with("invalid operation") => None,
        Err(e) => panic!("{} {}: {e}", pack.id(), route.path),
    }
}

/// How a file is read: by its pack and name, and where a family has two forms of one name, by its beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Syntax {
    Magic,
    Equals,
    Colon,
    Flags,
    Tabs,
    Xml,
}

fn syntax(pack: &str, name: &str, bytes: &[u8]) -> Syntax {
    match (pack, name.rsplit('.').next().unwrap_or("")) {
        ("snom", "htm") if !bytes.starts_with(b"<?xml") => Syntax::Flags,
        (_, "xml" | "htm" | "php" | "html") => Syntax::Xml,
        ("yealink", "cfg") => Syntax::Magic,
        ("snom", "cfg") => Syntax::Equals,
        ("cisco-7940-7960-sip", "cnf") => Syntax::Colon,
        ("cisco-7940-7960-sip", "DAT" | "TXT") => Syntax::Tabs,
        other => panic!("this test does not know the syntax of {other:?}: add a reader"),
    }
}

fn read(syntax: Syntax, text: &str) -> Result<Said, String> {
    match syntax {
        Syntax::Magic => readers::magic_lines(text),
        Syntax::Equals => readers::equals_lines(text),
        Syntax::Colon => readers::colon_lines(text),
        Syntax::Flags => readers::flag_lines(text),
        Syntax::Tabs => readers::tab_lines(text),
        Syntax::Xml => readers::xml(text),
    }
}

fn decode(bytes: &[u8], charset: Charset) -> String {
    match charset {
        Charset::Utf8 => String::from_utf8(bytes.to_vec()).expect("UTF-8"),
        // Latin-1; what packs write there beyond it are the 27 signs of Windows.
        _ => bytes.iter().map(|&b| char::from(b)).collect(),
    }
}

/// The text as the documentation says that a file of this syntax holds it.
fn nearest(text: &str, syntax: Syntax) -> String {
    let dull = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}');
    let text: String = text.chars().map(|c| if dull(c) { ' ' } else { c }).collect();
    match syntax {
        Syntax::Colon => text.replace('"', "'"),
        _ => text,
    }
}

/// How wide displays are, where a pack cuts texts to them.
fn widths(pack: &str) -> &'static [usize] {
    match pack {
        "cisco-7940-7960-sip" => &[11, 31, 32, 64],
        _ => &[],
    }
}

/// Percent-encoded, as names in URLs are.
fn encoded(text: &str) -> String {
    let kept = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|b| if kept(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Whether `found` is what `plain` says, with the texts that its marks stand for.
fn fits(found: &str, plain: &str, texts: &BTreeMap<String, String>, syntax: Syntax, charset: Charset, widths: &[usize]) -> bool {
    let with = |change: &dyn Fn(&str) -> String| {
        let mut out = String::new();
        let mut rest = plain;
        while let Some(at) = rest.find('q') {
            out.push_str(&rest[..at]);
            match rest.get(at..at + 7).and_then(|mark| texts.get(mark)) {
                Some(text) => {
                    out.push_str(&change(text));
                    rest = &rest[at + 7..];
                }
                None => {
                    out.push('q');
                    rest = &rest[at + 1..];
                }
            }
        }
        out.push_str(rest);
        if matches!(syntax, Syntax::Magic | Syntax::Equals | Syntax::Flags) { out.trim_matches(' ').to_owned() } else { out }
    };
    let same = |expected: &str| {
        match charset {
            Charset::Utf8 => found == expected,
            // Letters that the charset lacks become their nearest, which may be several.
            _ => narrow(found, expected),
        }
    };
    let whole = |text: &str| nearest(text, syntax);
    same(&with(&whole))
        || same(&with(&|t| encoded(t)))
        // What would be a part of a macro, and blanks in a number that is dialled.
        || same(&with(&|t| whole(t).replace('$', "")))
        || same(&with(&|t| whole(&t.replace(' ', ""))))
        || widths.iter().any(|&width| {
            let cut = |t: &str| whole(&t.chars().take(width).collect::<String>());
            same(&with(&cut)) || same(&cut(&with(&|t| t.to_owned())))
        })
}

/// Equal but for characters beyond Latin-1, each of which stands for one to four others.
fn narrow(found: &str, expected: &str) -> bool {
    if expected.chars().all(|c| u32::from(c) <= 0xff) {
        return found == expected;
    }
    let mut pattern = "(?s)^".to_owned();
    for piece in expected.split_inclusive(|c: char| u32::from(c) > 0xff) {
        let plain = piece.trim_end_matches(|c: char| u32::from(c) > 0xff);
        pattern.push_str(&regex::escape(plain));
        pattern.push_str(if plain.len() < piece.len() { ".{1,4}" } else { "" });
    }
    regex::Regex::new(&(pattern + "$")).unwrap().is_match(found)
}

/// The models that differ in more than their name.
fn groups(pack: &Pack) -> Vec<&Model> {
    let mut seen = BTreeSet::new();
    let key = |m: &Model| {
        let modules = m.modules.as_ref().map(|k| k.keys);
        format!("{} {} {} {modules:?}", m.accounts.min(20), m.line_keys.min(6), m.memory_keys)
    };
    std::iter::once(pack.model(None)).chain(pack.models()).filter(|m| seen.insert(key(m))).collect()
}

/// The files of a device, and the phone book in each form of the pack.
fn routes(catalog: &Catalog, pack: &Arc<Pack>, facts: &DeviceFacts) -> Vec<Route> {
    let mut routes: Vec<Route> = pack.files_for(facts).into_iter().filter(|r| r.source() == Source::Template).collect();
    for path in pack.files().iter().filter_map(|f| f.path.as_ref()).filter(|p| p.contains("{phonebook}")) {
        let mut request = Request::new(Transport::Http, "192.0.2.9".parse().unwrap());
        request.path = Some(format!("/{}", path.replace("{phonebook}", "office")));
        let found = catalog.identify(&request, None).routes.into_iter().find(|r| Arc::ptr_eq(&r.pack, pack));
        routes.push(found.unwrap_or_else(|| panic!("{} does not know {path}", pack.id())));
    }
    routes
}

/// A model with a plain document, and what its files say.
struct Case<'a> {
    pack: &'a Arc<Pack>,
    model: &'a Model,
    turn: usize,
    said: Vec<(Route, Syntax, Charset, Said)>,
}

impl<'a> Case<'a> {
    fn new(catalog: &Catalog, pack: &'a Arc<Pack>, model: &'a Model, turn: usize) -> Self {
        let phone = Phone::new(pack, model, turn, false, &settings::mark(LABEL), &plain);
        let said = routes(catalog, pack, &phone.facts).into_iter().filter_map(|route| {
            let bytes = render(pack, &route, &phone)?;
            let syntax = syntax(pack.id(), &route.name, &bytes);
            let charset = pack.files()[route.file].charset.unwrap_or(pack.head().charset);
            let said = read(syntax, &decode(&bytes, charset)).unwrap_or_else(|e| panic!("{} {}: {e}", pack.id(), route.path));
            Some((route, syntax, charset, said))
        });
        Self { pack, model, turn, said: said.collect() }
    }

    /// Renders with other texts; the files, and the first thing that is wrong.
    fn check(&self, text: &dyn Fn(usize, Format) -> String, xml: &mut Vec<Vec<u8>>) -> Result<usize, String> {
        let texts = std::cell::RefCell::new(BTreeMap::new());
        let keep = |number: usize, format: Format| {
            let text = text(number, format);
            // Marks stand within URLs, so the part after the host is what stands for them.
            let part = text.strip_prefix("http://h.example/").filter(|_| matches!(format, Format::Url | Format::ActionUrl));
            texts.borrow_mut().insert(settings::mark(number), part.unwrap_or(&text).to_owned());
            text
        };
        let phone = Phone::new(self.pack, self.model, self.turn, false, HOSTILE[22].0, &keep);
        let mut texts = texts.into_inner();
        texts.insert(settings::mark(LABEL), phone.facts.label.clone());
        let mut checked = 0;
        for (route, syntax, charset, plain) in &self.said {
            let place = format!("{} {:?} {}", self.pack.id(), self.model.name, route.path);
            let bytes = render(self.pack, route, &phone).ok_or_else(|| format!("{place} is absent"))?;
            let said = read(*syntax, &decode(&bytes, *charset)).map_err(|e| format!("{place}: {e}"))?;
            let differs = plain.iter().zip(&said).find(|(p, s)| p.0 != s.0);
            if let Some((p, s)) = differs {
                return Err(format!("{place}: says {:?} = {:?} where {:?} was", s.0, s.1, p.0));
            }
            if plain.len() != said.len() {
                let only =
                    plain.iter().chain(&said).rev().find(|(name, _)| said.iter().chain(plain).filter(|(n, _)| n == name).count() % 2 == 1);
                return Err(format!("{place}: says {} things where {} were: {only:?}", said.len(), plain.len()));
            }
            for ((name, plain), (_, found)) in plain.iter().zip(&said) {
                if !fits(found, plain, &texts, *syntax, *charset, widths(self.pack.id())) {
                    return Err(format!("{place}: {name} says {found:?} where {plain:?} stands for {:?}", texts.get(plain)));
                }
                checked += 1;
            }
            if *syntax == Syntax::Xml {
                xml.push(bytes);
            }
        }
        Ok(checked)
    }
}

#[test]
fn every_hostile_text_stays_a_value() {
    let catalog = Catalog::embedded();
    let (mut files, mut values, mut xml) = (0, 0, Vec::new());
    for pack in catalog.packs() {
        for (n, model) in groups(pack).into_iter().enumerate() {
            let case = Case::new(&catalog, pack, model, n);
            // The first group sees most texts in every setting, the others some.
            let turns = if n == 0 { HOSTILE.len() / 3 } else { 2 };
            for turn in 0..turns {
                values += case.check(&|number, format| hostile(number, turn * 7 + n, format), &mut xml).unwrap_or_else(|e| panic!("{e}"));
                files += case.said.len();
            }
        }
    }
    println!("{files} files, {values} values, {} XML documents", xml.len());
    assert!(files > 100 && values > 10_000);
    expat(&xml);
}

/// The same documents for a parser that everybody uses, when the machine has it.
fn expat(documents: &[Vec<u8>]) {
    let folder = tempfile::tempdir().unwrap();
    for (n, bytes) in documents.iter().enumerate() {
        fs::write(folder.path().join(format!("{n}.xml")), bytes).unwrap();
    }
    let script = "import sys, pathlib, xml.etree.ElementTree as t\n[t.parse(p) for p in pathlib.Path(sys.argv[1]).iterdir()]";
    match Command::new("python3").args(["-c", script]).arg(folder.path()).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => println!("no python3 here: the reader of this test alone has seen the XML"),
    }
}

/// Every choice of every setting once, for each group; texts of strict forms are hostile too. Templates then take other ways,
/// so only the names count: none that a plain document could not make.
#[test]
fn texts_of_strict_forms_make_no_new_names() {
    let catalog = Catalog::embedded();
    for pack in catalog.packs() {
        for (n, model) in groups(pack).into_iter().enumerate() {
            let label = "x\ny = 1";
            let ways = [false, true].map(|forms| Phone::new(pack, model, n, forms, label, &plain));
            let evil = Phone::new(pack, model, n, true, label, &|number, format| hostile(number, n, format));
            for route in routes(&catalog, pack, &evil.facts) {
                let charset = pack.files()[route.file].charset.unwrap_or(pack.head().charset);
                let names = |phone: &Phone| -> Option<BTreeSet<String>> {
                    let bytes = render(pack, &route, phone)?;
                    let syntax = syntax(pack.id(), &route.name, &bytes);
                    // Places in a list of lines are no names.
                    if syntax == Syntax::Tabs {
                        return None;
                    }
                    let said = read(syntax, &decode(&bytes, charset)).unwrap_or_else(|e| panic!("{} {}: {e}", pack.id(), route.path));
                    Some(said.into_iter().map(|(name, _)| name).collect())
                };
                let known: BTreeSet<String> = ways.iter().filter_map(names).flatten().collect();
                if let Some(found) = names(&evil) {
                    let new: Vec<_> = found.difference(&known).collect();
                    assert!(new.is_empty(), "{} {} {}: {new:?}", pack.id(), model.name, route.path);
                }
            }
        }
    }
}

/// Every word of every choice has its turn, and the files are good.
#[test]
fn every_choice_makes_a_good_file() {
    let catalog = Catalog::embedded();
    for pack in catalog.packs() {
        let model = groups(pack).into_iter().max_by_key(|m| m.line_keys).unwrap();
        for turn in 0..8 {
            Case::new(&catalog, pack, model, turn * 7);
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(HOSTILE.iter().flat_map(|(a, b)| [*a, *b]).collect::<Vec<_>>()).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[ -~]{0,12}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat().replace(['\u{1}', '\u{2}', '\u{3}'], " "))
}

#[test]
fn random_texts_stay_values() {
    let catalog = Catalog::embedded();
    for pack in catalog.packs() {
        let models = groups(pack);
        let case = Case::new(&catalog, pack, models[models.len() / 2], 3);
        let mut runner = TestRunner::new(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() });
        let texts = prop::collection::vec(any_text(), 60);
        let result = runner.run(&texts, |texts| {
            let text =
                |number: usize, format: Format| shaped(&format!("{}{number:05}{}", texts[number % 60], texts[number * 7 % 60]), format);
            case.check(&text, &mut Vec::new()).map(|_| ()).map_err(TestCaseError::fail)
        });
        if let Err(e) = result {
            panic!("{}: {e}", pack.id());
        }
    }
}

/// Marks that the engine itself uses cannot be forged.
#[test]
fn marks_in_a_value_mean_nothing() {
    let catalog = Catalog::embedded();
    for pack in catalog.packs() {
        let model = groups(pack)[0];
        let case = Case::new(&catalog, pack, model, 1);
        let text = |number: usize, format: Format| shaped(&format!("\u{3}evil{number:05}\u{2}=\u{3}\nevil = 1\u{2}\u{2}\"<x>"), format);
        let phone = Phone::new(pack, model, 1, false, "plain", &text);
        for (route, syntax, charset, plain) in &case.said {
            let bytes = render(pack, route, &phone).unwrap();
            let said = read(*syntax, &decode(&bytes, *charset)).unwrap_or_else(|e| panic!("{} {}: {e}", pack.id(), route.path));
            assert!(plain.iter().map(|(n, _)| n).eq(said.iter().map(|(n, _)| n)), "{} {}", pack.id(), route.path);
        }
    }
}

/// The documents of this test are good ones when their texts are plain.
#[test]
fn the_documents_are_valid() {
    let catalog = Catalog::embedded();
    let pack = &catalog.packs()[0];
    let mut document = settings::everything(pack.id(), pack.model(None), 0, false, &plain);
    document["raw"] = serde_json::json!({});
    let faults = Settings::validate(&document, Scope::Device).err().unwrap_or_default();
    let forms = |f: &&offhook_core::settings::Fault| !f.message.contains("vendor_type") && !f.message.contains("digits");
    let faults: Vec<String> = faults.iter().filter(forms).map(|f| format!("{}: {}", f.path, f.message)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
