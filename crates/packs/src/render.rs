//! From a route to bytes: which template, which settings, raw parameters, charset and line ends.

use std::{borrow::Cow, fmt, sync::Arc};

use offhook_core::{
    Mac,
    address_map::{AddressNames, in_urls},
    device::State,
    firmware::Offer,
    settings::{Effective, RawSecrets},
};
use serde_json::{Map, Value};

use crate::{
    AssetPlan, Note, Overlay, Pack, Resources, Route, address, asset, charset,
    engine::{self, Found, Layer, Layers, Lent, Marked},
    format::{Format, Losses},
    image,
    manifest::{FileSpec, LineEnds, Source},
    models::Model,
    pack::applies,
    resources,
    sandbox::{Job, MarkedText},
    variant,
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

    /// The same server by the name of its address, where it has one.
    pub fn named(&self, names: &AddressNames) -> Cow<'_, Self> {
        let named = names.name_of(&self.host).and_then(|_| names.replaced(&self.url, in_urls(&self.url)));
        named.map_or(Cow::Borrowed(self), |(url, _)| Cow::Owned(Self::new(&url)))
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
    /// What addresses are called in the tenant. Settings and server have the names already.
    pub names: &'a Arc<AddressNames>,
    /// Overrides of the templates.
    pub overlay: Option<&'a Arc<Overlay>>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What the phone gets.
    pub bytes: Vec<u8>,
    /// MIME type.
    pub content_type: String,
    /// The template that made it, with its layer when it is an override (`site/base.tpl`), or the static file.
    pub template: String,
    /// What a person should know.
    pub notes: Vec<Note>,
    /// Whether the firmware that the settings want is offered; none when they want none that the pack knows.
    pub firmware: Option<Offer>,
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderError {
    /// There is none now; firmware files that are missing, if that is why.
    Absent {
        /// Names of firmware files that are not stored.
        missing: Vec<String>,
    },
    /// The file names firmware that is not offered to this phone.
    NotOffered(Offer),
    /// The bytes are a stored firmware file of the route's name, not made here.
    Firmware,
    /// The bytes are made of a stored asset, not here.
    Asset(Box<AssetPlan>),
    /// The stored asset cannot be given to this model, and why.
    AssetUnusable(String),
    /// The template failed.
    Template {
        /// Its name, with its layer when it is an override: `tenant:acme/base.tpl`, `site/base.tpl`, `base.tpl`.
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
            Self::NotOffered(offer) => offer.fmt(f),
            Self::Firmware => f.write_str("the file is stored firmware"),
            Self::Asset(plan) => write!(f, "the file is the stored asset {:?}", plan.asset.name),
            Self::AssetUnusable(why) => f.write_str(why),
            Self::Template { template, line, snippet, message } => write!(f, "{template}:{line}: {message}: {snippet}"),
        }
    }
}

impl std::error::Error for RenderError {}

/// What became of a rendering.
#[derive(Debug)]
pub enum Rendering {
    /// The file.
    Done(Rendered),
    /// A tenant's template is needed: another process renders.
    Elsewhere(Box<Pending>),
}

/// A file whose template another process renders.
pub struct Pending {
    job: Job,
    pack: Arc<Pack>,
    spec: FileSpec,
    raw: Map<String, Value>,
    encryption_key: Option<String>,
    names: Arc<AddressNames>,
    offer: Option<Offer>,
}

impl fmt::Debug for Pending {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("job", &self.job).finish_non_exhaustive()
    }
}

impl Pending {
    /// What the other process has to do.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Makes the file of what came of it.
    ///
    /// # Errors
    /// As [`Pack::begin`].
    pub fn finish(self, made: MarkedText) -> Result<Rendered, RenderError> {
        let made = finish(&self.pack, &self.spec, self.job.template, made.0, (&self.raw, &self.names), self.encryption_key.as_deref())?;
        Ok(Rendered { firmware: self.offer, ..made })
    }
}

/// Renders a file of a pack, as far as this process may.
pub(crate) fn begin(pack: &Pack, route: &Route, input: &RenderInput<'_>) -> Result<Rendering, RenderError> {
    let spec = pack.specs.get(route.file).ok_or(ABSENT)?;
    let model = model(pack, route, input.device);
    let layers = input.overlay.map_or(pack.engine.layers(), |o| o.engine.layers());
    // An override with the file's name makes a file also where the pack has none, or one that is the same for all.
    let replaced = layers.find_override(&format!("{}.tpl", route.name)).filter(|_| pack.is_text(spec));
    match spec.source {
        Source::Upload => return Err(ABSENT),
        Source::None if replaced.is_none() => return Err(ABSENT),
        Source::Firmware => return Err(RenderError::Firmware),
        _ if !applies(spec, model) => return Err(ABSENT),
        Source::Asset => return Err(asset::plan(spec, route, model, input)),
        _ => {}
    }
    let runs = variant::firmware(input.device, input.settings);
    let spec = &*variant::form(spec, model, runs.as_deref());
    let image = image::effective(&pack.images, input.settings, model, runs.as_deref(), input.shelf);
    if spec.needs_image {
        match &image {
            None => return Err(ABSENT),
            Some(image) if image.offer.offered() => {}
            Some(image) if image.missing.is_empty() => return Err(RenderError::NotOffered(image.offer.clone())),
            Some(image) => return Err(RenderError::Absent { missing: image.missing.clone() }),
        }
    }
    let offer = image.as_ref().map(|i| i.offer.clone());
    // What is not offered is not there for a template. What is missing it may name.
    let image = image.filter(|i| i.offer.offered() || !i.missing.is_empty());
    if spec.source == Source::Static && replaced.is_none() {
        return static_file(pack, route, spec).map(Rendering::Done);
    }
    let phonebook = match &route.phonebook {
        Some(name) => {
            let book = input.resources.phonebook(name).ok_or(ABSENT)?;
            Some(resources::part_of(book, route, spec.page_size, input.server))
        }
        None => None,
    };
    let found = replaced.or_else(|| template(layers, route, spec, model, input.device)).ok_or(ABSENT)?;
    let (settings, raw) = settings(pack, spec, input.settings);
    let context = engine::context(route, model, input, settings, Value::Object(raw.clone()), image.as_ref(), phonebook);
    let lent = Arc::new(Lent::new(pack, model, input));
    let engine = input.overlay.map_or(&pack.engine, |o| &o.engine);
    let made = if found.layer == Layer::Tenant { None } else { engine.render(&found.full, &context, lent.clone())? };
    let key = input.encryption_key.clone();
    match (made, input.overlay) {
        (Some(made), _) => {
            let made = finish(pack, spec, found.full, made, (&raw, input.names), key.as_deref())?;
            Ok(Rendering::Done(Rendered { firmware: offer, ..made }))
        }
        (None, Some(overlay)) => {
            let job = Job { overlay: overlay.clone(), template: found.full, context, lent };
            let (pack, spec) = (route.pack.clone(), spec.clone());
            Ok(Rendering::Elsewhere(Box::new(Pending { job, pack, spec, raw, encryption_key: key, names: input.names.clone(), offer })))
        }
        (None, None) => Err(ABSENT),
    }
}

/// From marked text to the bytes of the file.
fn finish(
    pack: &Pack,
    spec: &FileSpec,
    template: String,
    made: Marked,
    (raw, names): (&Map<String, Value>, &AddressNames),
    key: Option<&str>,
) -> Result<Rendered, RenderError> {
    let format = spec.format.as_ref().and_then(|name| pack.formats.get(name)).ok_or(ABSENT)?;
    let Marked { text: marked, mut notes } = made;
    let marked = address::named(marked, names);
    let charset = spec.charset.unwrap_or(pack.head.charset);
    let mut losses = Losses::default();
    let text = format.resolve(&marked, charset, &mut losses);
    let text = raw_parameters(pack, format, text, raw, charset, &mut losses, &mut notes);
    lost(&losses, &mut notes);
    let text = match spec.line_ends.unwrap_or(pack.head.line_ends) {
        LineEnds::Lf => text,
        LineEnds::Crlf => text.replace('\n', "\r\n"),
    };
    let content_type = spec.content_type.clone().unwrap_or_else(|| format.content_type().to_owned());
    let bytes = encrypted(spec, key, charset::encode(&text, charset), &template)?;
    Ok(Rendered { bytes, content_type, template, notes, firmware: None })
}

/// In the file's cipher, if it has one and there is a key. What cannot be encrypted does not go out.
fn encrypted(spec: &FileSpec, key: Option<&str>, plain: Vec<u8>, template: &str) -> Result<Vec<u8>, RenderError> {
    let (Some(spec), Some(key)) = (&spec.encrypt, key) else { return Ok(plain) };
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

/// The first candidate that exists: the file's own name before all that the pack lists, each in the tenant's overrides, the site's and
/// the pack.
fn template(layers: &Layers, route: &Route, spec: &FileSpec, model: &Model, device: &DeviceFacts) -> Option<Found> {
    let usual = || ["{model}.tpl", "base.tpl"].iter().map(|c| (*c).to_owned()).collect();
    let list = spec.templates.clone().unwrap_or_else(usual);
    // A model that the pack does not know goes by the name that it has.
    let model = if model.name.is_empty() { device.model.as_deref().unwrap_or_default() } else { &model.name };
    let fill = |candidate: &String| candidate.replace("{file}", &route.name).replace("{model}", model);
    let own = format!("{}.tpl", route.name);
    std::iter::once(own).chain(list.iter().map(fill)).find_map(|name| layers.find(Layer::Tenant, &name))
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
        firmware: None,
    })
}
