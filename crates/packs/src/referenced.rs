//! The files that the settings of a device lead to: stored assets and phone books, by the names that stand in them.

use std::sync::Arc;

use offhook_core::{settings::Effective, sighting::FileKind};
use serde_json::Value;

use crate::{
    DeviceFacts, Pack, Part, Resources, Route,
    manifest::{AssetSpec, FileSpec},
    pack::{PackFile, applies},
    paths::PathSet,
    pattern::PathValues,
};

/// Routes of what is stored and named, each once, in the order of the pack's files.
pub(crate) fn routes(pack: &Arc<Pack>, facts: &DeviceFacts, settings: &Effective, resources: &Resources) -> Vec<Route> {
    let model = pack.model(facts.model.as_deref());
    let values = PathValues {
        mac: facts.mac,
        model: Some(model.file_model.as_str()).filter(|m| !m.is_empty()),
        code: model.codes.first().copied(),
        serial: facts.serial.as_deref(),
        ..PathValues::default()
    };
    let settings = settings.to_json();
    let mut routes: Vec<Route> = Vec::new();
    let mut books = false;
    for (index, (file, spec)) in pack.files.iter().zip(&pack.specs).enumerate().filter(|(_, (_, spec))| applies(spec, model)) {
        let mut add = |values: &PathValues<'_>| {
            let Some(path) = file.path.as_ref().and_then(|p| p.make(values)) else { return };
            if !routes.iter().any(|r| r.path.eq_ignore_ascii_case(&path)) {
                routes.push(route(pack, index, path, values));
            }
        };
        if let Some(asset) = &spec.asset {
            for name in stored(asset, &settings, resources, model, spec) {
                add(&PathValues { asset: Some(&name), ..values.clone() });
            }
        } else if !books && is_phonebook(file, spec) {
            books = true;
            for name in named_books(&settings, resources) {
                add(&PathValues { phonebook: Some(&name), ..values.clone() });
            }
        }
    }
    routes
}

fn route(pack: &Arc<Pack>, file: usize, path: String, values: &PathValues<'_>) -> Route {
    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
    // A path that does not name the asset gives the one that the settings name.
    let fixed = !pack.files.get(file).and_then(|f| f.path.as_ref()).is_some_and(|p| p.names("asset"));
    Route {
        pack: Arc::clone(pack),
        file,
        path,
        name,
        mac: None,
        code: None,
        model: None,
        serial: None,
        asset: values.asset.filter(|_| !fixed).map(str::to_owned),
        phonebook: values.phonebook.map(str::to_owned),
        part: Part::default(),
    }
}

fn is_phonebook(file: &PackFile, spec: &FileSpec) -> bool {
    spec.kind == FileKind::Directory && file.path.as_ref().is_some_and(|p| p.names("phonebook"))
}

/// Names of stored assets at the setting paths of an `[[asset]]`, but for those that an earlier or later one is for.
fn stored(asset: &AssetSpec, settings: &Value, resources: &Resources, model: &crate::Model, spec: &FileSpec) -> Vec<String> {
    let mut names = Vec::new();
    texts(settings, &mut Vec::new(), &PathSet::new(&asset.settings), &mut names);
    let found = names.into_iter().filter_map(|name| resources.asset(&name));
    // Of another kind: another [[asset]] of the same setting may take it. With no other it is listed, with why it cannot be used.
    let alone = spec.models.is_empty() && asset.picture.is_some();
    found.filter(|a| alone || crate::asset::unfit(asset, a, model).is_none()).map(|a| a.name.clone()).collect()
}

fn texts(value: &Value, at: &mut Vec<String>, wanted: &PathSet, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                at.push(name.clone());
                texts(value, at, wanted, out);
                at.pop();
            }
        }
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                at.push(format!("[{i}]"));
                texts(value, at, wanted, out);
                at.pop();
            }
        }
        Value::String(text) if !text.contains("://") && wanted.matches(at) && !out.contains(text) => out.push(text.clone()),
        _ => {}
    }
}

fn named_books(settings: &Value, resources: &Resources) -> Vec<String> {
    let entries = settings.pointer("/directory/phonebooks").and_then(Value::as_array).into_iter().flatten();
    let stored = entries.filter(|e| e.get("url").is_none());
    let key = |e: &Value| e.get("id").or(e.get("name")).and_then(Value::as_str).map(str::to_owned);
    stored.filter_map(key).filter_map(|k| resources.phonebook(&k)).map(|b| b.name.clone()).collect()
}
