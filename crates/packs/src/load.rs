//! From a pack's files to a [`Pack`]: everything is checked here, and all faults are found at once.

use std::collections::{BTreeMap, HashSet};

use offhook_core::{Mac, pack::pack_version_numbers, sighting::FileKind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    asset,
    engine::Engine,
    fault::PackFault,
    files::PackFiles,
    firmware::{FirmwareEntry, FirmwareFile},
    format::Format,
    image::{self, Image},
    manifest::{AssetSpec, FileSpec, FormatKind, FormatSpec, Head, IdentifySpec, ImageSpec, Source, UploadSpec, VariantSpec},
    models::{Models, fault, line_of},
    pack::{Groups, Pack, PackFile},
    paths::PathSet,
    pattern::PathPattern,
    rule::{GROUPS, Rule, compile},
    schema::{self, Broken},
    upload,
};

const MANIFEST: &str = "vendor.toml";
const MODELS: &str = "models.toml";
const FIRMWARE: &str = "firmware.toml";

/// Collects faults while a pack is read.
struct Faults<'a> {
    pack: &'a str,
    list: Vec<PackFault>,
}

impl Faults<'_> {
    fn add(&mut self, file: &str, place: impl Into<String>, message: impl Into<String>) {
        self.list.push(fault(self.pack, file, place.into(), message.into()));
    }
}

/// Reads a pack, or says everything that is wrong with it.
pub(crate) fn load(files: &PackFiles) -> Result<Pack, Vec<PackFault>> {
    let mut faults = Faults { pack: &files.id, list: Vec::new() };
    let manifest = manifest(files, &mut faults);
    let models = match files.files.get(MODELS).map(|b| text(b)) {
        Some(Ok(text)) => {
            let before = faults.list.len();
            let models = Models::read(&text, |place, message| faults.add(MODELS, place, message));
            every_fault(schema::Of::Models, &text, before, &mut faults);
            models
        }
        Some(Err(e)) => {
            faults.add(MODELS, "", e);
            Models::default()
        }
        None => Models::default(),
    };
    let tables = tables(files, &mut faults);
    let engine = Engine::new(files, tables, |template, line, message| {
        faults.add(&format!("templates/{template}"), if line > 0 { format!("line {line}") } else { String::new() }, message);
    });
    let Some(manifest) = manifest else { return Err(faults.list) };
    let rules = rules(&manifest, &mut faults);
    let formats = formats(&manifest, &mut faults);
    let pack_files = pack_files(&manifest, &formats, &models, files, &engine, &mut faults);
    let images = images(&manifest, &models, &mut faults);
    let firmware = firmware(files, &manifest, &models, &images, &mut faults);
    let ouis = ouis(&manifest.head, &mut faults);
    paths(&manifest.head, &models, &mut faults);
    if !faults.list.is_empty() {
        return Err(faults.list);
    }
    Ok(Pack {
        origin: files.origin,
        digest: files.digest(),
        supports: PathSet::new(&manifest.head.supports),
        by_hand: manifest.head.by_hand.iter().map(|(p, text)| (PathSet::one(p), text.clone())).collect(),
        statics: statics(files),
        head: manifest.head,
        specs: manifest.files,
        files: pack_files,
        formats,
        rules,
        images,
        firmware,
        ouis,
        models,
        engine,
    })
}

struct Manifest {
    head: Head,
    identify: Vec<IdentifySpec>,
    formats: BTreeMap<String, FormatSpec>,
    files: Vec<FileSpec>,
    images: Vec<ImageSpec>,
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|e| format!("is not UTF-8 (byte {})", e.utf8_error().valid_up_to()))
}

fn manifest(files: &PackFiles, faults: &mut Faults<'_>) -> Option<Manifest> {
    let Some(bytes) = files.files.get(MANIFEST) else {
        faults.add(MANIFEST, "", "is missing: a pack is a folder with a vendor.toml");
        return None;
    };
    let text = text(bytes).map_err(|e| faults.add(MANIFEST, "", e)).ok()?;
    let mut table: toml::Table = toml::from_str(&text).map_err(|e| faults.add(MANIFEST, line_of(&e, &text), e.message())).ok()?;
    let before = faults.list.len();
    let identify = list(&mut table, "identify", faults);
    let mut specs: Vec<FileSpec> = list(&mut table, "file", faults);
    let images = list(&mut table, "image", faults);
    let assets: Vec<AssetSpec> = list(&mut table, "asset", faults);
    specs.extend(assets.into_iter().map(asset::file));
    let uploads: Vec<UploadSpec> = list(&mut table, "upload", faults);
    specs.extend(uploads.into_iter().map(upload::file));
    let formats = match table.remove("format") {
        Some(toml::Value::Table(formats)) => {
            formats.into_iter().filter_map(|(name, value)| Some((name.clone(), one(value, &format!("format.{name}"), faults)?))).collect()
        }
        Some(_) => {
            faults.add(MANIFEST, "format", "write [format.<name>]");
            BTreeMap::new()
        }
        None => BTreeMap::new(),
    };
    let head: Option<Head> = one(toml::Value::Table(table), "", faults);
    every_fault(schema::Of::Vendor, &text, before, faults);
    let mut head = head?;
    if head.id != files.id {
        faults.add(MANIFEST, "id", format!("is {:?} but the folder is {:?}: they must be the same", head.id, files.id));
    }
    let plain = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !plain(&head.id) {
        faults.add(MANIFEST, "id", "allowed are lower-case letters, digits and dashes");
    }
    if pack_version_numbers(&head.version).is_none() {
        faults.add(MANIFEST, "version", format!("{:?} is no version: write three numbers as 1.2.0", head.version));
    }
    if head.vendor.is_empty() {
        head.vendor = head.id.clone();
    }
    Some(Manifest { head, identify, formats, files: specs, images })
}

/// The types tell the first fault of each part, with what is allowed; the schema, made of the same types, tells all of them, with their
/// lines. A file without faults, as at every start, is not read a second time.
fn every_fault(of: schema::Of, text: &str, before: usize, faults: &mut Faults<'_>) {
    if faults.list.len() == before {
        return;
    }
    let broken = schema::faults(of, text);
    if broken.is_empty() {
        return;
    }
    let told = faults.list.split_off(before);
    for Broken { place, key, message } in broken {
        let same = told.iter().find(|f| f.message.contains(&format!("`{key}`")) && f.message.contains("expected"));
        let file = match of {
            schema::Of::Vendor => MANIFEST,
            schema::Of::Models => MODELS,
        };
        faults.add(file, place, same.map_or(message, |f| f.message.clone()));
    }
}

fn list<T: DeserializeOwned>(table: &mut toml::Table, name: &str, faults: &mut Faults<'_>) -> Vec<T> {
    match table.remove(name) {
        Some(toml::Value::Array(values)) => values
            .into_iter()
            .enumerate()
            .filter_map(|(i, value)| {
                let label = value.get("name").and_then(|n| n.as_str()).map_or_else(|| format!("{name}[{i}]"), |n| format!("{name} {n:?}"));
                one(value, &label, faults)
            })
            .collect(),
        Some(_) => {
            faults.add(MANIFEST, name, format!("write [[{name}]]"));
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn one<T: DeserializeOwned>(value: toml::Value, place: &str, faults: &mut Faults<'_>) -> Option<T> {
    value.try_into().map_err(|e: toml::de::Error| faults.add(MANIFEST, place, e.message())).ok()
}

fn rules(manifest: &Manifest, faults: &mut Faults<'_>) -> Vec<Rule> {
    let mut names = HashSet::new();
    let mut rules = Vec::new();
    for spec in &manifest.identify {
        let place = format!("identify {:?}", spec.name);
        if !names.insert(&spec.name) {
            faults.add(MANIFEST, &place, "the name stands twice");
        }
        match Rule::new(spec, &manifest.head.vendor) {
            Ok(rule) => rules.push(rule),
            Err(list) => {
                for (field, message) in list {
                    faults.add(MANIFEST, format!("{place}.{field}"), message);
                }
            }
        }
    }
    rules
}

fn formats(manifest: &Manifest, faults: &mut Faults<'_>) -> BTreeMap<String, Format> {
    let mut out = BTreeMap::new();
    for (name, spec) in &manifest.formats {
        match Format::new(spec) {
            Ok(format) => {
                out.insert(name.clone(), format);
            }
            Err(list) => {
                for (field, message) in list {
                    faults.add(MANIFEST, format!("format.{name}.{field}"), message);
                }
            }
        }
    }
    out
}

fn pack_files(
    manifest: &Manifest,
    formats: &BTreeMap<String, Format>,
    models: &Models,
    files: &PackFiles,
    engine: &Engine,
    faults: &mut Faults<'_>,
) -> Vec<PackFile> {
    let mut names = HashSet::new();
    let mut out = Vec::new();
    for spec in &manifest.files {
        let word = if spec.source == Source::Asset { "asset" } else { "file" };
        let place = format!("{word} {:?}", spec.name);
        let mut add = |field: &str, message: String| faults.add(MANIFEST, format!("{place}.{field}"), message);
        // Several assets of one name are for different models.
        if !names.insert((&spec.name, if spec.source == Source::Asset { spec.models.as_slice() } else { &[] })) {
            add("name", "stands twice".to_owned());
        }
        let pattern = match (&spec.path, &spec.pattern) {
            (Some(path), None) => {
                PathPattern::parse(path).map_err(|e| add("path", e)).ok().map(|p| (asset::regex(spec, &p, models), Some(p)))
            }
            (None, Some(pattern)) => Some((pattern.clone(), None)),
            _ => {
                add("path", "give either path or pattern".to_owned());
                None
            }
        };
        let groups: Vec<&str> = GROUPS.into_iter().chain(["image", "user", "asset", "phonebook"]).collect();
        let query = spec.query.as_ref().and_then(|q| compile(q, Some(&groups)).map_err(|e| add("query", e)).ok()).map(|q| {
            let groups = Groups::of(&q);
            (q, groups)
        });
        let (mut add_format, mut add_source) = (Vec::new(), Vec::new());
        match (spec.source, &spec.format) {
            (Source::Template, None) => add_format.push(format!("a template needs a format; there are: {}", known(formats.keys()))),
            (_, Some(name)) if !manifest.formats.contains_key(name) => {
                add_format.push(format!("there is no [format.{name}]; there are: {}", known(formats.keys())));
            }
            (Source::Template, Some(name)) if manifest.formats.get(name).is_some_and(|f| f.kind == FormatKind::Bytes) => {
                add_format.push("a template makes text: bytes are for static files and firmware".to_owned());
            }
            _ => {}
        }
        if spec.source == Source::Template {
            let fixed: Vec<String> = spec.templates.iter().flatten().filter(|t| !t.contains('{')).cloned().collect();
            for template in fixed.iter().filter(|t| !engine.has(t)) {
                add_source.push(("templates", format!("there is no templates/{template}; there are: {}", known(engine.names()))));
            }
        } else if spec.templates.is_some() {
            add_source.push(("templates", "only for source = \"template\"".to_owned()));
        }
        for variant in &spec.variant {
            variant_faults(spec, variant, manifest, models, engine, &mut add_source);
        }
        if let Some(path) = &spec.static_path {
            if spec.source != Source::Static {
                add_source.push(("static", "only for source = \"static\"".to_owned()));
            } else if !files.files.contains_key(&format!("files/{path}")) {
                add_source.push(("static", format!("there is no files/{path} in the pack")));
            }
        }
        if let Some(encrypt) = &spec.encrypt {
            for path in std::iter::once(&encrypt.key).chain(&encrypt.fallback_key) {
                if path.contains('*') || PathSet::check(path).is_err() {
                    add_source
                        .push(("encrypt", format!("{path:?} is no settings path: write one such as provisioning.encryption.key_device")));
                }
            }
            if spec.source != Source::Template {
                add_source.push(("encrypt", "only for source = \"template\"".to_owned()));
            }
        }
        for model in spec.models.iter().filter(|m| models.find(m).is_none()) {
            add_source.push(("models", format!("{model:?} is no model of models.toml")));
        }
        if spec.kind == FileKind::Device && spec.source == Source::None && spec.credentials && !spec.optional {
            add_source.push(("optional", "a file that is never there is optional".to_owned()));
        }
        add_source.extend(asset::faults(spec, pattern.as_ref().and_then(|p| p.1.as_ref()), models));
        add_source.extend(upload::faults(spec));
        for message in add_format {
            add("format", message);
        }
        for (field, message) in add_source {
            add(field, message);
        }
        let Some((expression, path)) = pattern else { continue };
        let anchored = format!("(?:^|/)(?:{expression})$");
        let regex = match compile(&anchored, Some(&groups)) {
            Ok(regex) => regex,
            Err(e) => {
                faults.add(MANIFEST, format!("{place}.pattern"), e);
                continue;
            }
        };
        let literal = path.as_ref().map_or(0, PathPattern::literal_len);
        out.push(PackFile {
            exact: path.as_ref().is_some_and(PathPattern::is_literal),
            path,
            anchored,
            groups: Groups::of(&regex),
            regex,
            query,
            literal,
        });
    }
    out
}

/// What is wrong with one form of a file.
fn variant_faults(
    spec: &FileSpec,
    variant: &VariantSpec,
    manifest: &Manifest,
    models: &Models,
    engine: &Engine,
    faults: &mut Vec<(&'static str, String)>,
) {
    if spec.source != Source::Template {
        faults.push(("variant", "only for source = \"template\"".to_owned()));
    }
    match manifest.formats.get(&variant.format) {
        Some(format) if format.kind != FormatKind::Bytes => {}
        _ => faults.push(("variant.format", format!("there is no text [format.{}]", variant.format))),
    }
    for template in variant.templates.iter().filter(|t| !t.contains('{') && !engine.has(t)) {
        faults.push(("variant.templates", format!("there is no templates/{template}; there are: {}", known(engine.names()))));
    }
    for model in variant.models.iter().filter(|m| models.find(m).is_none()) {
        faults.push(("variant.models", format!("{model:?} is no model of models.toml")));
    }
    if !variant.firmware_below.starts_with(|c: char| c.is_ascii_digit()) {
        faults.push(("variant.firmware_below", format!("{:?} is no version: write it as the phone tells its own", variant.firmware_below)));
    }
}

fn images(manifest: &Manifest, models: &Models, faults: &mut Faults<'_>) -> Vec<Image> {
    let mut out = Vec::new();
    for (i, spec) in manifest.images.iter().enumerate() {
        for model in spec.models.iter().filter(|m| models.find(m).is_none()) {
            faults.add(MANIFEST, format!("image[{i}].models"), format!("{model:?} is no model of models.toml"));
        }
        match Image::new(spec) {
            Ok(image) => out.push(image),
            Err((field, message)) => faults.add(MANIFEST, format!("image[{i}].{field}"), message),
        }
    }
    out
}

/// `firmware.toml`: every fault of every entry.
fn firmware(files: &PackFiles, manifest: &Manifest, models: &Models, images: &[Image], faults: &mut Faults<'_>) -> Vec<FirmwareEntry> {
    let Some(bytes) = files.files.get(FIRMWARE) else { return Vec::new() };
    let file = match text(bytes)
        .map_err(|e| (String::new(), e))
        .and_then(|text| toml::from_str::<FirmwareFile>(&text).map_err(|e| (line_of(&e, &text), e.message().to_owned())))
    {
        Ok(file) => file,
        Err((place, message)) => {
            faults.add(FIRMWARE, place, message);
            return Vec::new();
        }
    };
    let (mut out, mut seen) = (Vec::<FirmwareEntry>::new(), HashSet::new());
    for (i, value) in file.firmware.into_iter().enumerate() {
        let name =
            value.get("version").and_then(toml::Value::as_str).map_or_else(|| format!("firmware[{i}]"), |v| format!("firmware {v:?}"));
        let mut entry: FirmwareEntry = match value.try_into() {
            Ok(entry) => entry,
            Err(e) => {
                let e: toml::de::Error = e;
                faults.add(FIRMWARE, name, e.message());
                continue;
            }
        };
        if !entry.pack.is_empty() && entry.pack != manifest.head.id {
            faults.add(FIRMWARE, format!("{name}.pack"), "is another pack's: leave it out");
        }
        entry.pack.clone_from(&manifest.head.id);
        for (field, message) in entry.faults() {
            faults.add(FIRMWARE, format!("{name}.{field}"), message);
        }
        for model in entry.models.iter().filter(|m| models.find(m).is_none()) {
            faults.add(FIRMWARE, format!("{name}.models"), format!("{model:?} is no model of models.toml"));
        }
        if !seen.insert((entry.version.clone(), entry.models.clone())) {
            faults.add(FIRMWARE, format!("{name}.version"), "stands twice for the same models");
        }
        for model in models.list.iter().filter(|m| !entry.models.is_empty() && entry.is_for(&m.name)) {
            match image::files(images, &entry.version, model) {
                None => {
                    faults.add(FIRMWARE, format!("{name}.version"), format!("no [[image]] of vendor.toml matches it for {}", model.name))
                }
                Some(needed) => {
                    for file in needed.iter().filter(|n| !entry.files.iter().any(|f| f.eq_ignore_ascii_case(n))) {
                        faults.add(
                            FIRMWARE,
                            format!("{name}.files"),
                            format!("lacks {file}, which its [[image]] needs for {}", model.name),
                        );
                    }
                }
            }
        }
        out.push(entry);
    }
    out
}

fn ouis(head: &Head, faults: &mut Faults<'_>) -> Vec<([u8; 3], String)> {
    let mut out = Vec::new();
    let own = head.ouis.iter().map(|o| ("ouis", o, &head.vendor));
    let other = head.oui_vendors.iter().map(|(o, v)| ("oui_vendors", o, v));
    for (place, oui, vendor) in own.chain(other) {
        match Mac::parse(&format!("{oui}:00:00:01")).or_else(|| Mac::parse(&format!("{oui}000001"))) {
            Some(mac) => out.push((mac.oui(), vendor.to_lowercase())),
            None => faults.add(MANIFEST, place, format!("{oui:?} is no OUI: write three bytes as 02:00:5E")),
        }
    }
    out
}

/// Setting path patterns must be readable.
fn paths(head: &Head, models: &Models, faults: &mut Faults<'_>) {
    let mut check = |file: &str, place: &str, pattern: &str| {
        if let Err(message) = PathSet::check(pattern) {
            faults.add(file, place, message);
        }
    };
    head.supports.iter().for_each(|p| check(MANIFEST, "supports", p));
    head.by_hand.keys().for_each(|p| check(MANIFEST, "by_hand", p));
    head.generated_secrets.keys().for_each(|p| check(MANIFEST, "generated_secrets", p));
    for model in std::iter::once(&models.generic).chain(&models.list) {
        let place = if model.name.is_empty() { "generic".to_owned() } else { format!("models.{}", model.name) };
        model.supports_add.iter().for_each(|p| check(MODELS, &format!("{place}.supports_add"), p));
        model.supports_remove.iter().for_each(|p| check(MODELS, &format!("{place}.supports_remove"), p));
    }
}

fn tables(files: &PackFiles, faults: &mut Faults<'_>) -> Value {
    let mut out = Map::new();
    for (name, bytes) in files.below("tables", ".toml") {
        let file = format!("tables/{name}.toml");
        match text(bytes)
            .map_err(|e| (String::new(), e))
            .and_then(|t| toml::from_str::<toml::Table>(&t).map_err(|e| (line_of(&e, &t), e.message().to_owned())))
        {
            Ok(table) => {
                out.insert(name.to_owned(), serde_json::to_value(table).unwrap_or(Value::Null));
            }
            Err((place, message)) => faults.add(&file, place, message),
        }
    }
    Value::Object(out)
}

fn statics(files: &PackFiles) -> BTreeMap<String, std::borrow::Cow<'static, [u8]>> {
    files.files.iter().filter_map(|(path, bytes)| Some((path.strip_prefix("files/")?.to_lowercase(), bytes.clone()))).collect()
}

fn known<S: AsRef<str>>(names: impl Iterator<Item = S>) -> String {
    let names: Vec<String> = names.map(|n| n.as_ref().to_owned()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
