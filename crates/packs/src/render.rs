//! From a route to bytes: which template, which settings, raw parameters, charset and line ends.

use std::{fmt, sync::Arc};

use offhook_core::{
    Mac,
    device::State,
    settings::{Effective, RawSecrets},
};
use serde_json::{Map, Value};

use crate::{
    AssetPlan, Note, Pack, Resources, Route, asset, charset, engine,
    format::{Format, Losses},
    image,
    manifest::{FileSpec, LineEnds, Source},
    models::Model,
    pack::applies,
    resources, variant,
};

/// What is known of the device a file is made for. In common and model files only model, vendor and firmware are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Its id as text; empty when there is none.
    pub id: String,
    /// MAC address.
    pub mac: Option<Mac>,
    /// Serial number.
    pub serial: Option<String>,
    /// For people.
    pub label: String,
    /// For people.
    pub location: String,
    /// Model, canonical or alias.
    pub model: Option<String>,
    /// Family.
    pub vendor: Option<String>,
    /// Firmware version it reported.
    pub firmware: Option<String>,
    /// None stands for a device that is ready.
    pub state: Option<State>,
}

/// Where files of this server are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// Without slash at the end.
    pub url: String,
    /// Scheme of the URL.
    pub scheme: String,
    /// Host of the URL, without brackets.
    pub host: String,
    /// Port of the URL, or that of the scheme.
    pub port: u16,
}

impl ServerFacts {
    /// Of a URL like `http://192.0.2.1:8667`. What is no URL gives empty parts.
    pub fn new(url: &str) -> Self {
        let url = url.trim_end_matches('/');
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let authority = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
        let (host, port) = match authority.strip_prefix('[').and_then(|a| a.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => authority.split_once(':').map_or((authority, None), |(h, p)| (h, Some(p))),
        };
        let default = match scheme {
            "https" => 443,
            "tftp" => 69,
            _ => 80,
        };
        let port = port.and_then(|p| p.parse().ok()).unwrap_or(default);
        Self { url: url.to_owned(), scheme: scheme.to_owned(), host: host.to_owned(), port }
    }
}

/// Which firmware files are stored.
pub trait FirmwareShelf {
    /// Whether a file of that name is stored, letter case ignored.
    fn has(&self, name: &str) -> bool;
}

/// A shelf with nothing on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFirmware;

impl FirmwareShelf for NoFirmware {
    fn has(&self, _name: &str) -> bool {
        false
    }
}

/// What a file is made of.
pub struct RenderInput<'a> {
    /// The device.
    pub device: &'a DeviceFacts,
    /// Name of the tenant.
    pub tenant: &'a str,
    /// This server.
    pub server: &'a ServerFacts,
    /// Effective settings, variables expanded, passwords derived. Secrets are taken out here for files without credentials.
    pub settings: &'a Effective,
    /// Stored firmware.
    pub shelf: &'a dyn FirmwareShelf,
    /// Stored assets and phone books of the tenant.
    pub resources: &'a Arc<Resources>,
    /// What [`Route::encryption_key`] gave before secrets were taken out of the settings; none: the file stays readable.
    pub encryption_key: Option<String>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What the phone gets.
    pub bytes: Vec<u8>,
    /// MIME type.
    pub content_type: String,
    /// The template that made it, or the static file.
    pub template: String,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderError {
    /// There is none now; firmware files that are missing, if that is why.
    Absent {
        /// Names of firmware files that are not stored.
        missing: Vec<String>,
    },
    /// The bytes are a stored firmware file of the route's name, not made here.
    Firmware,
    /// The bytes are made of a stored asset, not here.
    Asset(AssetPlan),
    /// The stored asset cannot be given to this model, and why.
    AssetUnusable(String),
    /// The template failed.
    Template {
        /// Its name in the pack.
        template: String,
        /// From 1; 0 when unknown.
        line: usize,
        /// That line of the template.
        snippet: String,
        /// What is wrong.
        message: String,
    },
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { missing } if missing.is_empty() => f.write_str("the file does not exist"),
            Self::Absent { missing } => write!(f, "firmware is not stored: {}", missing.join(", ")),
            Self::Firmware => f.write_str("the file is stored firmware"),
            Self::Asset(plan) => write!(f, "the file is the stored asset {:?}", plan.asset.name),
            Self::AssetUnusable(why) => f.write_str(why),
            Self::Template { template, line, snippet, message } => write!(f, "{template}:{line}: {message}: {snippet}"),
        }
    }
}

impl std::error::Error for RenderError {}

/// Renders a file of a pack.
pub(crate) fn render(pack: &Pack, route: &Route, input: &RenderInput<'_>) -> Result<Rendered, RenderError> {
    let spec = pack.specs.get(route.file).ok_or(ABSENT)?;
    let model = model(pack, route, input.device);
    match spec.source {
        Source::None => return Err(ABSENT),
        Source::Firmware => return Err(RenderError::Firmware),
        _ if !applies(spec, model) => return Err(ABSENT),
        Source::Asset => return Err(asset::plan(spec, route, model, input)),
        _ => {}
    }
    let spec = &*variant::form(spec, model, variant::firmware(input.device, input.settings).as_deref());
    let image = image::effective(&pack.images, input.settings, model, input.shelf);
    if spec.needs_image {
        match &image {
            Some(image) if image.missing.is_empty() => {}
            image => return Err(RenderError::Absent { missing: image.as_ref().map(|i| i.missing.clone()).unwrap_or_default() }),
        }
    }
    if spec.source == Source::Static {
        return static_file(pack, route, spec);
    }
    let format = spec.format.as_ref().and_then(|name| pack.formats.get(name)).ok_or(ABSENT)?;
    let template = template(pack, route, spec, model).ok_or(ABSENT)?;
    let phonebook = match &route.phonebook {
        Some(name) => {
            let book = input.resources.phonebook(name).ok_or(ABSENT)?;
            Some(resources::part_of(book, route, spec.page_size, input.server))
        }
        None => None,
    };
    let (settings, raw) = settings(pack, spec, input.settings);
    let context = engine::context(route, model, input, settings, Value::Object(raw.clone()), image.as_ref(), phonebook);
    let (marked, mut notes) = pack.engine.render(&template, context)?;
    let charset = spec.charset.unwrap_or(pack.head.charset);
    let mut losses = Losses::default();
    let text = format.resolve(&marked, charset, &mut losses);
    let text = raw_parameters(pack, format, text, &raw, charset, &mut losses, &mut notes);
    lost(&losses, &mut notes);
    let text = match spec.line_ends.unwrap_or(pack.head.line_ends) {
        LineEnds::Lf => text,
        LineEnds::Crlf => text.replace('\n', "\r\n"),
    };
    let content_type = spec.content_type.clone().unwrap_or_else(|| format.content_type().to_owned());
    let bytes = encrypted(spec, input, charset::encode(&text, charset), &template)?;
    Ok(Rendered { bytes, content_type, template, notes })
}

/// In the file's cipher, if it has one and there is a key. What cannot be encrypted does not go out.
fn encrypted(spec: &FileSpec, input: &RenderInput<'_>, plain: Vec<u8>, template: &str) -> Result<Vec<u8>, RenderError> {
    let (Some(spec), Some(key)) = (&spec.encrypt, &input.encryption_key) else { return Ok(plain) };
    spec.cipher.encrypt(key, &plain).map_err(|why| RenderError::Template {
        template: template.to_owned(),
        line: 0,
        snippet: spec.key.clone(),
        message: format!("the file cannot be encrypted: {why}"),
    })
}

const ABSENT: RenderError = RenderError::Absent { missing: Vec::new() };

/// The model that a file is made for: by the code in its name, the model in its name, else the requester's.
fn model<'a>(pack: &'a Pack, route: &Route, device: &DeviceFacts) -> &'a Model {
    let own = pack.model(device.model.as_deref());
    match (route.code, &route.model) {
        (Some(code), _) => pack.models.by_code(code, own).unwrap_or(own),
        (None, Some(named)) => {
            pack.models.find(named).map_or(own, |m| if m.file_model.eq_ignore_ascii_case(&own.file_model) { own } else { m })
        }
        (None, None) => own,
    }
}

/// The first candidate that exists.
fn template(pack: &Pack, route: &Route, spec: &FileSpec, model: &Model) -> Option<String> {
    let default = ["{file}.tpl", "{model}.tpl", "base.tpl"];
    let fill = |candidate: &str| candidate.replace("{file}", &route.name).replace("{model}", &model.name);
    let exists = |name: &String| pack.engine.has(name);
    match &spec.templates {
        Some(list) => list.iter().map(|c| fill(c)).find(exists),
        None => default.iter().map(|c| fill(c)).find(exists),
    }
}

/// Settings as the file may see them, and the raw parameters that it gets.
fn settings(pack: &Pack, spec: &FileSpec, effective: &Effective) -> (Value, Map<String, Value>) {
    let mut settings = if spec.credentials {
        effective.to_json()
    } else {
        let mut plain = effective.clone();
        plain.without_secrets(RawSecrets::none());
        plain.to_json()
    };
    let raw = settings.get_mut("raw").and_then(|r| r.get_mut(pack.id())).map(Value::take);
    if let Some(settings) = settings.as_object_mut() {
        // Raw parameters are applied after the template; no other way leads into the file.
        settings.shift_remove("raw");
    }
    let mut raw = match raw {
        Some(Value::Object(raw)) if spec.raw.unwrap_or(spec.credentials) => raw,
        _ => Map::new(),
    };
    if !spec.credentials {
        raw.retain(|name, _| !pack.is_secret_parameter(name));
    }
    (settings, raw)
}

fn raw_parameters(
    pack: &Pack,
    format: &Format,
    mut text: String,
    raw: &Map<String, Value>,
    charset: crate::manifest::Charset,
    losses: &mut Losses,
    notes: &mut Vec<Note>,
) -> String {
    for (name, value) in raw {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        match format.set(&text, name, &value, charset, losses) {
            Ok(new) => text = new,
            Err(message) => notes.push(Note::new(format!("raw.{}.{name:?}", pack.id()), message)),
        }
    }
    text
}

fn lost(losses: &Losses, notes: &mut Vec<Note>) {
    for (count, what) in [(losses.charset, "the file's charset"), (losses.syntax, "the file's syntax")] {
        if count > 0 {
            notes.push(Note::new("", format!("{count} values hold characters that {what} cannot: the nearest are used")));
        }
    }
}

fn static_file(pack: &Pack, route: &Route, spec: &FileSpec) -> Result<Rendered, RenderError> {
    let name = spec.static_path.as_ref().unwrap_or(&route.name);
    let bytes = pack.statics.get(&name.to_lowercase()).ok_or(ABSENT)?;
    Ok(Rendered {
        bytes: bytes.to_vec(),
        content_type: spec.content_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned()),
        template: format!("files/{name}"),
        notes: Vec::new(),
    })
}
