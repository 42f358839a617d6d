//! One loaded pack: what it says of itself, its models and the files of a device.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use offhook_core::{
    Mac,
    firmware::Offer,
    settings::{Alphabet, CallVariables, Effective, GeneratedForm, Path, RawSecrets},
    sighting::FileKind,
};
use regex::bytes::Regex;

use crate::{
    DeviceFacts, FirmwareShelf, Note, Part, RenderError, RenderInput, Rendered, Rendering, Resources, Route,
    engine::Engine,
    firmware::FirmwareEntry,
    format::Format,
    image::{self, Image},
    manifest::{FileSpec, Head, SecretAlphabet, Source},
    models::{Model, Models},
    paths::{self, PathSet},
    pattern::{PathPattern, PathValues},
    rule::Rule,
};

/// A pack that is in use. Made by a [`crate::Catalog`].
#[derive(Debug)]
pub struct Pack {
    pub(crate) head: Head,
    pub(crate) specs: Vec<FileSpec>,
    pub(crate) files: Vec<PackFile>,
    pub(crate) formats: BTreeMap<String, Format>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) images: Vec<Image>,
    pub(crate) firmware: Vec<FirmwareEntry>,
    pub(crate) ouis: Vec<([u8; 3], String)>,
    pub(crate) models: Models,
    pub(crate) engine: Engine,
    pub(crate) statics: BTreeMap<String, Cow<'static, [u8]>>,
    pub(crate) supports: PathSet,
    pub(crate) by_hand: Vec<(PathSet, String)>,
    pub(crate) origin: Origin,
    pub(crate) digest: [u8; 32],
}

/// Where a pack comes from. Of one version in several places the last of these counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// It is part of the program.
    BuiltIn,
    /// A person installed it.
    Installed,
    /// It lies in the folder of packs.
    Folder,
}

/// The numbers of the groups of an expression that names or queries have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Groups {
    pub mac: Option<usize>,
    pub model: Option<usize>,
    pub code: Option<usize>,
    pub serial: Option<usize>,
    pub uuid: Option<usize>,
    pub version: Option<usize>,
    pub asset: Option<usize>,
    pub phonebook: Option<usize>,
}

impl Groups {
    pub fn of(regex: &Regex) -> Self {
        let group = |name| crate::rule::group(regex, name);
        Self {
            mac: group("mac"),
            model: group("model"),
            code: group("code"),
            serial: group("serial"),
            uuid: group("uuid"),
            version: group("version"),
            asset: group("asset"),
            phonebook: group("phonebook"),
        }
    }
}

/// How a file's name is recognised and made.
#[derive(Clone, Debug)]
pub(crate) struct PackFile {
    pub path: Option<PathPattern>,
    pub anchored: String,
    pub regex: Regex,
    pub groups: Groups,
    pub query: Option<(Regex, Groups)>,
    /// How many characters of the name are spelled out.
    pub literal: usize,
    /// The name has no placeholder.
    pub exact: bool,
}

impl Pack {
    /// The folder's name.
    pub fn id(&self) -> &str {
        &self.head.id
    }

    /// Three numbers, then perhaps `-pre`.
    pub fn version(&self) -> &str {
        &self.head.version
    }

    /// For people.
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// The family word that its rules answer with by default.
    pub fn vendor(&self) -> &str {
        &self.head.vendor
    }

    /// `id@version`.
    pub fn key(&self) -> String {
        format!("{}@{}", self.id(), self.version())
    }

    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// SHA-256 over its files: equal digests make equal files of equal settings.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The plain keys of the manifest.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The files that phones ask for; [`Route::file`] is an index of it.
    pub fn files(&self) -> &[FileSpec] {
        &self.specs
    }

    /// All models as `models.toml` lists them, without the generic one.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.list.iter()
    }

    /// The model of that name or alias, else the generic one.
    pub fn model(&self, name: Option<&str>) -> &Model {
        name.and_then(|n| self.models.find(n)).unwrap_or(&self.models.generic)
    }

    /// The canonical name of a name or alias; none when the pack does not know it.
    pub fn canonical_model(&self, name: &str) -> Option<&str> {
        self.models.find(name).map(|m| m.name.as_str())
    }

    /// Every file that a device of these facts may ask for by a name that can be told beforehand (also those whose absence is
    /// normal). Firmware and patterns cannot; device files need a MAC or serial number, as their name says.
    pub fn files_for(self: &Arc<Self>, facts: &DeviceFacts) -> Vec<Route> {
        let model = self.model(facts.model.as_deref());
        let values = PathValues {
            mac: facts.mac,
            model: Some(model.file_model.as_str()).filter(|m| !m.is_empty()),
            code: model.codes.first().copied(),
            serial: facts.serial.as_deref(),
            ..PathValues::default()
        };
        let mut routes = Vec::new();
        for (index, (file, spec)) in self.files.iter().zip(&self.specs).enumerate() {
            if !applies(spec, model) || matches!(spec.source, Source::Firmware | Source::Upload) || spec.query.is_some() {
                continue;
            }
            let Some(path) = file.path.as_ref().and_then(|p| p.make(&values)) else { continue };
            let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
            let own = spec.kind == FileKind::Device;
            routes.push(Route {
                pack: Arc::clone(self),
                file: index,
                path,
                name,
                mac: facts.mac.filter(|_| own),
                code: values.code.filter(|_| spec.kind == FileKind::Model),
                model: None,
                serial: facts.serial.clone().filter(|_| own),
                asset: None,
                phonebook: None,
                part: Part::default(),
            });
        }
        routes
    }

    /// The files that a device's settings lead to: stored assets and phone books that they name.
    pub fn referenced(self: &Arc<Self>, facts: &DeviceFacts, settings: &Effective, resources: &Resources) -> Vec<Route> {
        crate::referenced::routes(self, facts, settings, resources)
    }

    /// The bytes of a file of this pack, or the job that another process has to do for them.
    ///
    /// # Errors
    /// [`RenderError`]: there is none now, it is stored firmware, or the template failed.
    pub fn begin(&self, route: &Route, input: &RenderInput<'_>) -> Result<Rendering, RenderError> {
        crate::render::begin(self, route, input)
    }

    /// The bytes of a file of this pack. What needs a tenant's template fails: see [`Pack::begin`].
    ///
    /// # Errors
    /// As [`Pack::begin`].
    pub fn render(&self, route: &Route, input: &RenderInput<'_>) -> Result<Rendered, RenderError> {
        match self.begin(route, input)? {
            Rendering::Done(rendered) => Ok(rendered),
            Rendering::Elsewhere(pending) => Err(pending.job().failed("a tenant's template is rendered by a helper process only")),
        }
    }

    /// Whether a file's format is known and is text.
    pub(crate) fn is_text(&self, spec: &FileSpec) -> bool {
        spec.format.as_ref().and_then(|name| self.formats.get(name)).is_some_and(Format::is_text)
    }

    /// The pack's own template of that name, letter case ignored, as the engine reads it.
    pub fn template(&self, name: &str) -> Option<&str> {
        self.engine.layers().own(name)
    }

    /// Names of the pack's own templates.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.engine.names().map(String::as_str)
    }

    /// Settings that are set and that the family or this model cannot express: *not supported by this model*, or what a
    /// person must do by hand. Built-in defaults are not counted as set.
    pub fn unsupported(&self, model: &Model, settings: &Effective) -> Vec<Note> {
        crate::support::unsupported(self, model, settings)
    }

    /// Whether the MAC is of a block that the pack's makers use.
    pub fn has_oui(&self, mac: Mac) -> bool {
        self.ouis.iter().any(|(oui, _)| *oui == mac.oui())
    }

    /// Whether the pack's phones go by that family word.
    pub fn is_vendor(&self, word: &str) -> bool {
        self.vendor().eq_ignore_ascii_case(word) || self.ouis.iter().any(|(_, vendor)| vendor.eq_ignore_ascii_case(word))
    }

    /// Whether phones of this pack ask for a firmware file of this name.
    pub fn firmware_match(&self, file_name: &str) -> bool {
        let firmware = |(_, spec): &(&PackFile, &FileSpec)| spec.source == Source::Firmware;
        self.files.iter().zip(&self.specs).filter(firmware).any(|(f, _)| f.regex.is_match(&crate::rule::bytes(file_name)))
    }

    /// The firmware that can be fetched for its phones.
    pub fn firmware(&self) -> &[FirmwareEntry] {
        &self.firmware
    }

    /// Whether the firmware that the settings want is offered to a device, and why; none when they want none that the pack knows.
    pub fn firmware_offer(&self, device: &DeviceFacts, settings: &Effective, shelf: &dyn FirmwareShelf) -> Option<Offer> {
        let runs = crate::variant::firmware(device, settings);
        image::effective(&self.images, settings, self.model(device.model.as_deref()), runs.as_deref(), shelf).map(|i| i.offer)
    }

    /// The stored files that a version needs on a model; none when no image of the pack is called so.
    pub fn firmware_files(&self, version: &str, model: Option<&str>) -> Option<Vec<String>> {
        image::files(&self.images, version, self.model(model))
    }

    /// What a derived password at that path may be; none: the family has no say.
    pub fn generated(&self, path: &Path) -> Option<GeneratedForm> {
        let path = paths::of(path);
        let (_, spec) = self.head.generated_secrets.iter().find(|(pattern, _)| PathSet::one(pattern).matches(&path))?;
        let alphabet = spec.alphabet.map(|a| match a {
            SecretAlphabet::Keypad => Alphabet::Keypad,
            SecretAlphabet::Digits => Alphabet::Digits,
        });
        Some(GeneratedForm { alphabet, max: spec.max, length: spec.length })
    }

    /// The vendor's words for the variables of action URLs.
    pub fn call_variables(&self) -> CallVariables {
        let words = self.head.call_variables.clone();
        CallVariables { remote: words.remote, local: words.local, id: words.id, phone_ip: words.phone_ip }
    }

    /// Whether a raw parameter of that name is a secret by this pack's word or by the general rule.
    pub fn is_secret_parameter(&self, name: &str) -> bool {
        RawSecrets::none().holds(self.id(), name) || self.head.secret_parameters.iter().any(|p| paths::glob(p, name))
    }
}

/// Whether a file is one of that model's.
pub(crate) fn applies(spec: &FileSpec, model: &Model) -> bool {
    spec.models.is_empty() || spec.models.iter().any(|m| m.eq_ignore_ascii_case(&model.name))
}
