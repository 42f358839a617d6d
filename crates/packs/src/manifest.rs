//! The shape of `vendor.toml` and `models.toml` (see `docs/packs.md`), as serde types and nothing else: what the
//! words mean is checked while a pack is loaded, and used by the modules of each concern.

use std::collections::BTreeMap;

use offhook_core::{asset::AssetKind, sighting::FileKind, upload::UploadKind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{cipher::EncryptSpec, picture::PictureSpec};

/// Plain keys of `vendor.toml` and its small tables; the lists are read apart, so that every fault is found at once.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The folder's name.
    pub id: String,
    /// Three numbers, then perhaps `-pre`.
    pub version: String,
    /// For people.
    pub name: String,
    /// Family word of recognition; default: the id.
    #[serde(default)]
    pub vendor: String,
    /// Whether it is offered for new installation.
    #[serde(default)]
    pub status: Status,
    /// First three bytes of MACs.
    #[serde(default)]
    pub ouis: Vec<String>,
    /// OUIs with another family word.
    #[serde(default)]
    pub oui_vendors: BTreeMap<String, String>,
    /// Default charset of files.
    #[serde(default)]
    pub charset: Charset,
    /// Default line ends of files.
    #[serde(default)]
    pub line_ends: LineEnds,
    /// Raw parameters that are secrets, with `*`.
    #[serde(default)]
    pub secret_parameters: Vec<String>,
    /// Setting paths that the family can express.
    #[serde(default)]
    pub supports: Vec<String>,
    /// What `generate` may make.
    #[serde(default)]
    pub generated_secrets: BTreeMap<String, GeneratedSecret>,
    /// Setting path pattern -> what a person must do.
    #[serde(default)]
    pub by_hand: BTreeMap<String, String>,
    /// The vendor's words for call variables.
    #[serde(default)]
    pub call_variables: CallWords,
    /// How the phone is made to read its files again: `reload`, `reboot`.
    #[serde(default)]
    pub sync: BTreeMap<SyncAction, SyncEvent>,
}

/// Whether a family is still made or supported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// In use.
    #[default]
    Current,
    /// End of life.
    Eol,
}

/// How text becomes bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Charset {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// ISO 8859-1.
    #[serde(rename = "iso-8859-1")]
    Iso8859_1,
    /// Windows code page 1252.
    #[serde(rename = "windows-1252")]
    Windows1252,
    /// Seven bits.
    #[serde(rename = "us-ascii")]
    Ascii,
}

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LineEnds {
    /// Line feed.
    #[default]
    Lf,
    /// Carriage return and line feed.
    Crlf,
}

/// What a family's password field can take.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeneratedSecret {
    /// Which characters; none: those of the settings path.
    pub alphabet: Option<SecretAlphabet>,
    /// Greatest length in characters.
    pub max: usize,
    /// The length itself, where the family takes no other.
    pub length: Option<usize>,
}

/// Characters of a derived password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretAlphabet {
    /// What a telephone can type.
    Keypad,
    /// 0 to 9.
    Digits,
}

/// The vendor's words for the variables of action URLs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallWords {
    /// `${call.remote}`
    pub remote: Option<String>,
    /// `${call.local}`
    pub local: Option<String>,
    /// `${call.id}`
    pub id: Option<String>,
    /// `${phone.ip}`
    pub phone_ip: Option<String>,
}

/// What a sync asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyncAction {
    /// Read the files again.
    Reload,
    /// Start anew.
    Reboot,
}

/// How to ask for it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncEvent {
    /// `notify`
    pub method: SyncMethod,
    /// Value of the `Event` header.
    pub event: String,
}

/// By which means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyncMethod {
    /// SIP NOTIFY.
    Notify,
}

/// One `[[identify]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentifySpec {
    /// Shown in traces.
    pub name: String,
    /// `user_agent`, `header:<name>`, `path`, `query`, `option60`, `certificate`.
    pub from: String,
    /// Regular expression over bytes, without letter case.
    #[serde(rename = "match")]
    pub pattern: String,
    /// 0 to 100.
    pub confidence: Option<u8>,
    /// Text with `{group}`s.
    pub vendor: Option<String>,
    /// Text with `{group}`s.
    pub model: Option<String>,
    /// Text with `{group}`s.
    pub version: Option<String>,
    /// Text with `{group}`s.
    pub serial: Option<String>,
    /// Text with `{group}`s.
    pub uuid: Option<String>,
    /// Field -> (regular expression, text) in order.
    #[serde(default)]
    pub replace: BTreeMap<TextField, Vec<(String, String)>>,
    /// Fields written in capitals.
    #[serde(default)]
    pub upper: Vec<TextField>,
    /// Such an input tells nothing at all.
    #[serde(default)]
    pub refuse: bool,
}

/// A field of an identification that is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TextField {
    /// Family word.
    Vendor,
    /// Model.
    Model,
    /// Firmware version.
    Version,
    /// Serial number.
    Serial,
    /// UUID.
    Uuid,
}

/// One `[format.<name>]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormatSpec {
    /// Which module.
    pub kind: FormatKind,
    /// Between name and value, or between fields.
    pub separator: Option<String>,
    /// The separator as a raw parameter writes it.
    pub write: Option<String>,
    /// Whether values stand in quotes.
    #[serde(default)]
    pub quote: Quote,
    /// Starts of comment lines.
    pub comment: Option<Vec<String>>,
    /// Starts a comment after an unquoted value.
    pub trailing_comment: Option<String>,
    /// Line beginnings that are no parameters.
    #[serde(default)]
    pub directives: Vec<String>,
    /// Text of the first line.
    pub first_line: Option<String>,
    /// Parameters that may stand more than once, with `*`.
    #[serde(default)]
    pub repeats: Vec<String>,
    /// XML: what a parameter is.
    pub parameter: Option<XmlParameter>,
    /// XML: the element that holds parameters.
    pub container: Option<String>,
    /// XML: the element word of an item.
    pub item: Option<String>,
    /// XML: the attribute that names an item.
    pub item_name: Option<String>,
    /// XML: the attribute that tells parameters of one name apart. Lines: how a name with an index is written.
    pub index: Option<String>,
    /// XML: parameter names, with `*` -> the element that holds them where it is not `container`.
    #[serde(default)]
    pub containers: BTreeMap<String, String>,
    /// Lines: signs that may stand between a name and the separator.
    pub flags: Option<String>,
}

/// Kinds of file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FormatKind {
    /// One parameter per line.
    KeyValue,
    /// Sections of parameters.
    Ini,
    /// One XML document.
    Xml,
    /// One JSON document.
    Json,
    /// Lines of fields.
    Lines,
    /// Not text.
    Bytes,
}

/// Quotes around values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Quote {
    /// None: a value is the rest of the line.
    #[default]
    None,
    /// `"…"` without escape.
    Double,
}

/// What a parameter is in XML.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum XmlParameter {
    /// `<NAME>value</NAME>`
    #[default]
    Element,
    /// `NAME="value"`
    Attribute,
    /// `<item name="NAME">value</item>`
    Item,
}

/// One `[[file]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Shown in traces.
    pub name: String,
    /// With placeholders, both directions.
    pub path: Option<String>,
    /// Regular expression, recognises only.
    pub pattern: Option<String>,
    /// What it is for.
    #[schemars(with = "Kind")]
    pub kind: FileKind,
    /// Holds SIP secrets or the key to them.
    #[serde(default)]
    pub credentials: bool,
    /// Name of a format.
    pub format: Option<String>,
    /// Where its bytes come from.
    #[serde(default)]
    pub source: Source,
    /// Candidates in order.
    pub templates: Option<Vec<String>>,
    /// Its absence is normal.
    #[serde(default)]
    pub optional: bool,
    /// Its name alone does not tell the vendor.
    #[serde(default)]
    pub shared: bool,
    /// Regular expression on the query.
    pub query: Option<String>,
    /// What the name tells.
    pub vendor: Option<String>,
    /// What the name tells.
    pub model: Option<String>,
    /// MIME type.
    pub content_type: Option<String>,
    /// Other than the pack's.
    pub charset: Option<Charset>,
    /// Other than the pack's.
    pub line_ends: Option<LineEnds>,
    /// Only for these.
    #[serde(default)]
    pub models: Vec<String>,
    /// Absent unless the image is complete.
    #[serde(default)]
    pub needs_image: bool,
    /// Gets raw parameters.
    pub raw: Option<bool>,
    /// Path below `files/`.
    #[serde(rename = "static")]
    pub static_path: Option<String>,
    /// In which cipher it goes out, when a key is set.
    pub encrypt: Option<EncryptSpec>,
    /// The same file in another form, for phones whose firmware is older.
    #[serde(default)]
    pub variant: Vec<VariantSpec>,
    /// Phone books: contacts of one page.
    pub page_size: Option<u32>,
    /// Phone books: parameters of the query that search.
    #[serde(default)]
    pub search: Vec<String>,
    /// Stands for an `[[asset]]`.
    #[serde(skip)]
    pub asset: Option<AssetSpec>,
    /// Stands for an `[[upload]]`.
    #[serde(skip)]
    pub upload: Option<UploadSpec>,
}

/// One `[[upload]]`: a file that phones of this family send.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadSpec {
    /// Shown in traces; unique among files and uploads.
    pub name: String,
    /// With placeholders.
    pub path: Option<String>,
    /// Regular expression.
    pub pattern: Option<String>,
    /// What it is.
    #[serde(default = "any_upload")]
    #[schemars(with = "UploadWord")]
    pub kind: UploadKind,
    /// Greatest size in bytes.
    #[serde(default = "one_mib")]
    pub max_bytes: u64,
    /// Newest versions that are kept of each device.
    #[serde(default = "three")]
    pub keep: usize,
    /// Other makers' phones send files of such names too.
    #[serde(default)]
    pub shared: bool,
}

/// The words of [`UploadKind`], for the schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[allow(dead_code)]
enum UploadWord {
    Log,
    Settings,
    Contacts,
    Calls,
    Other,
}

fn any_upload() -> UploadKind {
    UploadKind::Other
}

fn one_mib() -> u64 {
    1 << 20
}

fn three() -> usize {
    3
}

/// One `[[file.variant]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantSpec {
    /// For phones whose firmware version is older than this.
    pub firmware_below: String,
    /// Name of a format.
    pub format: String,
    /// Candidates in order.
    pub templates: Vec<String>,
    /// MIME type.
    pub content_type: Option<String>,
    /// Other than the file's.
    pub charset: Option<Charset>,
    /// Other than the file's.
    pub line_ends: Option<LineEnds>,
    /// Only for these.
    #[serde(default)]
    pub models: Vec<String>,
    /// Gets raw parameters; default: as the file.
    pub raw: Option<bool>,
}

/// One `[[asset]]`: how a stored asset is given to the phones of this family.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetSpec {
    /// Shown in traces.
    pub name: String,
    /// Setting paths that name such an asset, with `*`.
    pub settings: Vec<String>,
    /// What phones ask for, with `{asset}`; without it the asset is the one that the first of `settings` names.
    pub path: String,
    /// What the file is for.
    #[serde(default = "other")]
    #[schemars(with = "Option<Kind>")]
    pub kind: FileKind,
    /// Only for these.
    #[serde(default)]
    pub models: Vec<String>,
    /// Kinds of stored asset that can serve.
    #[schemars(with = "Vec<String>")]
    pub accept: Vec<AssetKind>,
    /// What pictures are made into.
    pub picture: Option<PictureSpec>,
    /// Greatest size of what the phone gets.
    pub max_bytes: Option<u64>,
    /// MIME type.
    pub content_type: Option<String>,
}

fn other() -> FileKind {
    FileKind::Other
}

/// The words of [`FileKind`], for the schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[allow(dead_code)]
enum Kind {
    Common,
    Model,
    Device,
    Firmware,
    Language,
    Directory,
    Other,
}

/// Where a file's bytes come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Rendered.
    #[default]
    Template,
    /// A file of the pack.
    Static,
    /// A stored firmware file of that name.
    Firmware,
    /// Never there.
    None,
    /// A stored asset; such files are written as `[[asset]]`.
    #[serde(skip)]
    Asset,
    /// What a phone sends; such files are written as `[[upload]]`.
    #[serde(skip)]
    Upload,
}

/// One `[[image]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageSpec {
    /// On `provisioning.firmware.version`.
    #[serde(rename = "match")]
    pub pattern: String,
    /// Only for these.
    #[serde(default)]
    pub models: Vec<String>,
    /// Stored files that it needs.
    pub files: Vec<String>,
}

/// What is known of one model, or of all of them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub struct ModelSpec {
    /// Other spellings.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Numbers in file names.
    #[serde(default)]
    pub codes: Vec<u64>,
    /// `{model}` in file names.
    pub file_model: Option<String>,
    /// Setting paths beyond the pack's.
    #[serde(default)]
    pub supports_add: Vec<String>,
    /// Setting paths less than the pack's.
    #[serde(default)]
    pub supports_remove: Vec<String>,
    /// SIP accounts.
    pub accounts: Option<u32>,
    /// Keys for lines and functions.
    pub line_keys: Option<u32>,
    /// Further keys.
    pub memory_keys: Option<u32>,
    /// Expansion modules.
    pub modules: Option<ModulesSpec>,
    /// Anything else: `model.<name>` in templates.
    #[serde(flatten)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub attributes: toml::Table,
}

/// Expansion modules of a model.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModulesSpec {
    /// Product names.
    #[serde(default)]
    pub names: Vec<String>,
    /// How many can be joined.
    pub max: u32,
    /// Keys of each.
    #[serde(default)]
    pub keys: u32,
}
