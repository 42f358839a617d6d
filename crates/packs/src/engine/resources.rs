//! Functions of templates that know what is stored: `asset`, `has_asset`, `phonebooks`, `contacts`. What they know is lent to one
//! rendering, in its context.

use std::{fmt, sync::Arc};

use minijinja::{
    Environment, Error, State, Value,
    value::{Object, ObjectRepr, Serde},
};
use offhook_core::sighting::FileKind;
use serde_json::{Map, Value as Json, json};

use super::{encoded, note};
use crate::{
    Pack, RenderInput, Resources, asset,
    manifest::AssetSpec,
    models::Model,
    pack::applies,
    paths::{PathSet, segments},
    pattern::PathValues,
    resources::contact,
};

/// The place of what is lent, in the context.
const LENT: &str = "_lent";
/// What stands for the name of an asset or phone book in an address; no name holds it.
const HOLE: &str = "{}";

/// What the functions of this file ask.
pub(crate) trait Lend: fmt::Debug + Send + Sync {
    /// The URL of an asset for a setting, or why there is none.
    fn asset(&self, name: &str, setting: &str) -> Result<String, String>;
    /// Whether there is an asset of that name.
    fn has_asset(&self, name: &str) -> bool;
    /// A phone book of the settings with its address, or why there is none.
    fn phonebook(&self, entry: &Map<String, Json>) -> Result<Json, String>;
    /// All contacts of a stored phone book.
    fn contacts(&self, key: &str) -> Option<Vec<Json>>;
}

/// What is lent to one rendering, here or (a tenant's template) asked for at the process that has it.
#[derive(Debug)]
struct Lending(Arc<dyn Lend>);

/// A context with what is lent to it.
pub(super) fn with_lent(context: Value, lent: Arc<dyn Lend>) -> Value {
    minijinja::context! { ..context, ..minijinja::context! { _lent => Value::from_object(Lending(lent)) } }
}

/// What is stored and how it is reached, for one rendering.
#[derive(Debug)]
pub(crate) struct Lent {
    resources: Arc<Resources>,
    assets: Vec<Address>,
    phonebook: Option<String>,
    url: String,
    model: Model,
}

/// Where phones of one model get the assets of some settings.
#[derive(Debug)]
struct Address {
    settings: PathSet,
    spec: AssetSpec,
    /// With [`HOLE`] for the asset's name; none: this phone cannot ask for it.
    path: Option<String>,
}

impl Lent {
    pub fn new(pack: &Pack, model: &Model, input: &RenderInput<'_>) -> Self {
        let device = input.device;
        let values = PathValues {
            mac: device.mac,
            model: Some(model.file_model.as_str()).filter(|m| !m.is_empty()),
            code: model.codes.first().copied(),
            serial: device.serial.as_deref(),
            image: None,
            asset: Some(HOLE),
            phonebook: Some(HOLE),
        };
        let files = || pack.files.iter().zip(&pack.specs).filter(|(_, spec)| applies(spec, model));
        let path = |file: &crate::pack::PackFile| file.path.as_ref().and_then(|p| p.make(&values));
        let assets = files().filter_map(|(file, spec)| {
            let spec = spec.asset.clone()?;
            Some(Address { settings: PathSet::new(&spec.settings), path: path(file), spec })
        });
        let books =
            || files().filter(|(file, spec)| spec.kind == FileKind::Directory && file.path.as_ref().is_some_and(|p| p.names("phonebook")));
        Self {
            assets: assets.collect(),
            phonebook: books().find_map(|(file, _)| path(file)),
            resources: Arc::clone(input.resources),
            url: input.server.url.clone(),
            model: model.clone(),
        }
    }

    fn address(&self, path: &str, name: &str) -> String {
        format!("{}/{}", self.url, encoded(&path.replace(HOLE, name)))
    }
}

impl Lend for Lent {
    fn asset(&self, name: &str, setting: &str) -> Result<String, String> {
        let setting = segments(setting);
        let rules: Vec<&Address> = self.assets.iter().filter(|a| a.settings.matches(&setting)).collect();
        if rules.is_empty() {
            return Err("not supported by this model".to_owned());
        }
        let stored = self.resources.asset(name).ok_or_else(|| format!("there is no asset {name:?}"))?;
        let mut why = None;
        for Address { spec, path, .. } in rules {
            match (asset::unfit(spec, stored, &self.model), path) {
                (None, Some(path)) => return Ok(self.address(path, &stored.name)),
                (None, None) => why = why.or_else(|| Some("the model of the phone must be known for this".to_owned())),
                (unfit, _) => why = why.or(unfit),
            }
        }
        Err(why.unwrap_or_default())
    }

    fn has_asset(&self, name: &str) -> bool {
        self.resources.asset(name).is_some()
    }

    fn contacts(&self, key: &str) -> Option<Vec<Json>> {
        Some(self.resources.phonebook(key)?.contacts.iter().map(contact).collect())
    }

    fn phonebook(&self, entry: &Map<String, Json>) -> Result<Json, String> {
        let mut out = entry.clone();
        let text = |name: &str| entry.get(name).and_then(Json::as_str);
        if let Some(url) = text("url") {
            out.insert("label".to_owned(), text("name").unwrap_or(url).into());
            out.insert("stored".to_owned(), false.into());
            return Ok(Json::Object(out));
        }
        let key = text("id").or(text("name")).unwrap_or_default();
        let book = self.resources.phonebook(key).ok_or_else(|| format!("there is no phone book {key:?}"))?;
        out.insert("name".to_owned(), book.name.as_str().into());
        out.insert("label".to_owned(), book.title().into());
        out.insert("stored".to_owned(), true.into());
        if let Some(path) = &self.phonebook {
            out.insert("url".to_owned(), self.address(path, &book.name).into());
        }
        Ok(Json::Object(out))
    }
}

/// A thing to be passed on, not to be looked into.
impl Object for Lending {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_function("asset", asset_url);
    environment.add_function("has_asset", has_asset);
    environment.add_function("phonebooks", phonebooks);
    environment.add_function("contacts", contacts);
}

/// Runs with what is lent; nothing is where nothing is lent.
fn lent<T>(state: &State<'_, '_>, with: impl FnOnce(&dyn Lend) -> T) -> Option<T> {
    state.lookup(LENT).and_then(|value| value.downcast_object_ref::<Lending>().map(|lending| with(&*lending.0)))
}

fn is_url(text: &str) -> bool {
    text.contains("://")
}

/// `asset("display.logo")`: of that setting; `asset(value, "display.logo")`: of a value, as one of that setting.
fn asset_url(state: &mut State<'_, '_>, first: &Value, setting: Option<&str>) -> Result<Value, Error> {
    let (value, setting) = match (setting, first.as_str()) {
        (Some(setting), _) => (first.clone(), setting.to_owned()),
        (None, Some(setting)) => (setting_value(state, setting)?, setting.to_owned()),
        (None, None) => return Ok(Value::UNDEFINED),
    };
    let Some(name) = value.as_str().filter(|n| !n.is_empty()) else { return Ok(Value::UNDEFINED) };
    if is_url(name) {
        return Ok(value);
    }
    match lent(state, |lent| lent.asset(name, &setting)) {
        Some(Ok(url)) => Ok(Value::from(url)),
        Some(Err(why)) => {
            note(state, &setting, why);
            Ok(Value::UNDEFINED)
        }
        None => Ok(Value::UNDEFINED),
    }
}

fn setting_value(state: &State<'_, '_>, setting: &str) -> Result<Value, Error> {
    let mut value = state.lookup("settings").unwrap_or_default();
    for part in segments(setting) {
        if value.is_undefined() || value.is_none() {
            return Ok(Value::UNDEFINED);
        }
        value = match part.strip_prefix('[').and_then(|p| p.strip_suffix(']')).and_then(|p| p.parse::<usize>().ok()) {
            Some(index) => value.get_item_by_index(index)?,
            None => value.get_attr(&part)?,
        };
    }
    Ok(value)
}

/// Whether a value is a URL or names a stored asset; nothing is noted.
fn has_asset(state: &mut State<'_, '_>, value: &Value) -> bool {
    let Some(name) = value.as_str() else { return false };
    is_url(name) || lent(state, |lent| lent.has_asset(name)).unwrap_or(false)
}

/// The phone books of the settings in order; those that do not exist are noted and left out.
fn phonebooks(state: &mut State<'_, '_>) -> Result<Value, Error> {
    let listed = setting_value(state, "directory.phonebooks")?;
    if listed.is_undefined() || listed.is_none() {
        return Ok(Value::from(Vec::<Value>::new()));
    }
    let entries: Vec<Map<String, Json>> =
        serde_json::to_value(&listed).ok().and_then(|v| serde_json::from_value(v).ok()).unwrap_or_default();
    let mut out = Vec::new();
    for (i, entry) in entries.iter().enumerate() {
        match lent(state, |lent| lent.phonebook(entry)) {
            Some(Ok(book)) => out.push(book),
            Some(Err(why)) => note(state, &format!("directory.phonebooks[{i}]"), why),
            None => {}
        }
    }
    Ok(Value::from(Serde(json!(out))))
}

/// All contacts of a stored phone book, for families that take them inside another file.
fn contacts(state: &mut State<'_, '_>, name: &Value) -> Value {
    let Some(key) = name.as_str() else { return Value::from(Vec::<Value>::new()) };
    let found = lent(state, |lent| lent.contacts(key)).flatten();
    found.map(|list| Value::from(Serde(Json::Array(list)))).unwrap_or_else(|| {
        note(state, "directory.phonebooks", format!("there is no phone book {key:?}"));
        Value::from(Vec::<Value>::new())
    })
}
