//! The settings model: one description of every field, and what derives from it.
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

/// One fault in a document: where, and what is allowed there. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// Field path (`lines.1.servers[0].port`).
    pub path: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// A settings path: `lines.1.servers[0].host`, `raw.yealink."account.1.label"`. FromStr + Display + Ord.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<String>);

/// Where a document stands: some fields are allowed in some places only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Site,
    Tenant,
    Profile,
    Device,
    Account,
}

/// What secret walks need to know beyond the model: raw parameter names that packs list as secret.
#[derive(Clone, Debug, Default)]
pub struct RawSecrets(BTreeMap<String, Vec<String>>);
impl RawSecrets {
    pub fn none() -> &'static RawSecrets {
        todo!()
    }
    /// Names of parameters of `raw.<pack>` that are secret (compared without case).
    pub fn add(&mut self, pack: &str, names: &[String]) {
        todo!()
    }
}

/// Shown in place of a secret.
pub const MASK: &str = "********";
/// Shown in place of a secret that is derived.
pub const GENERATED: &str = "(generated)";
/// A stored, encrypted value starts with this (no valid value can hold it: control characters are refused).
/// The secret walks visit every value that starts with it, whatever the model says.
pub const SEALED: char = '\u{1}';

pub struct WholeModel;
pub struct LineModel;
/// A validated partial document. `Serialize` gives the MASKED form; there is no way round `validate` but `from_stored`.
/// Debug is masked too.
pub struct Document<M> {
    tree: Map<String, Value>,
    model: std::marker::PhantomData<fn() -> M>,
}
/// Settings of a site, tenant, profile or device.
pub type Settings = Document<WholeModel>;
/// The values of an account: a partial line (without `account`, `local_port`).
pub type AccountValues = Document<LineModel>;

impl<M> Document<M> {
    /// All faults at once.
    pub fn validate(value: &Value, scope: Scope) -> Result<Self, Vec<Fault>> {
        todo!()
    }
    /// What a PUT does: masks keep the value of `old`, `generate` gets its counter, then `validate`.
    pub fn write(
        value: &Value,
        old: Option<&Self>,
        scope: Scope,
        raw: &RawSecrets,
    ) -> Result<Self, Vec<Fault>> {
        todo!()
    }
    /// What a PATCH does: RFC 7396 on the own document, then as `write`. A null removes.
    pub fn patch(&self, patch: &Value, scope: Scope, raw: &RawSecrets) -> Result<Self, Vec<Fault>> {
        todo!()
    }
    /// From the store: was valid when it was written; not checked again.
    pub fn from_stored(value: Value) -> Result<Self, Fault> {
        todo!()
    }
    /// For the store: the tree as it is, secrets and all.
    pub fn tree(&self) -> &Map<String, Value> {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    /// With masks in place of secrets, for people.
    pub fn masked(&self, raw: &RawSecrets) -> Value {
        todo!()
    }
    /// Visits every secret scalar (text, or a raw number/boolean; whole URL values that hold a password).
    /// Not the ones to be generated, which hold no secret.
    pub fn for_each_secret(&self, raw: &RawSecrets, f: &mut dyn FnMut(&Path, &Value)) {
        todo!()
    }
    /// The same, to replace (the store seals and opens). Sealed text must start with [`SEALED`].
    pub fn for_each_secret_mut<E>(
        &mut self,
        raw: &RawSecrets,
        f: &mut dyn FnMut(&Path, &mut Value) -> Result<(), E>,
    ) -> Result<(), E> {
        todo!()
    }
    pub fn without_secrets(&self, raw: &RawSecrets) -> Self {
        todo!()
    }
}
impl Settings {
    /// Names of accounts that lines refer to.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        todo!();
        #[allow(unreachable_code)]
        std::iter::empty()
    }
}

/// Paths that may stand in `unset`.
pub fn validate_unset(paths: &[String]) -> Result<Vec<Path>, Vec<Fault>> {
    todo!()
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerSource {
    BuiltIn,
    Site,
    SiteProfile(Arc<str>),
    Tenant(Arc<str>),
    TenantProfile(Arc<str>),
    Profile(Arc<str>),
    Device,
    TenantEnforced(Arc<str>),
    SiteEnforced,
}
impl fmt::Display for LayerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

/// One layer, borrowed: compose copies only what wins.
pub struct Layer<'a> {
    pub source: LayerSource,
    pub settings: &'a Settings,
    pub unset: &'a [Path],
}

/// The built-in defaults (lowest layer).
pub fn built_in() -> &'static Settings {
    todo!()
}

/// Lowest layer first.
pub fn compose<'a>(
    layers: &[Layer<'a>],
    account: &dyn Fn(&str) -> Option<&'a AccountValues>,
) -> Effective {
    todo!()
}

/// Effective settings; every leaf (scalar or list) knows its layer.
#[derive(Clone)]
pub struct Effective {}
/// Where a value came from.
pub struct Provenance<'a> {
    pub layer: &'a LayerSource,
    pub account: Option<&'a str>,
}
/// One effective value. `overridden` names the layers whose value it replaced, oldest first.
pub struct Leaf<'a> {
    pub value: &'a Value,
    pub provenance: Provenance<'a>,
    pub overridden: Vec<Provenance<'a>>,
}
/// One row of an explanation, masked. Serialises as {path, value, layer, account?, overridden?}
pub struct Explained {
    pub path: Path,
    pub value: Value,
    pub layer: String,
    pub account: Option<String>,
    pub overridden: Vec<String>,
}

impl Effective {
    pub fn get(&self, path: &Path) -> Option<Leaf<'_>> {
        todo!()
    }
    /// Text shortcut: `get("lines.1.number")`.
    pub fn value(&self, path: &str) -> Option<&Value> {
        todo!()
    }
    pub fn leaves(&self) -> Vec<(Path, Leaf<'_>)> {
        todo!()
    }
    /// Plain tree, with secrets; fields in model order, numbered maps by number.
    pub fn to_json(&self) -> Value {
        todo!()
    }
    pub fn masked(&self, raw: &RawSecrets) -> Value {
        todo!()
    }
    pub fn explain(&self, raw: &RawSecrets) -> Vec<Explained> {
        todo!()
    }
    /// Accounts that a line names and the lookup did not find: (path, account).
    pub fn unknown_accounts(&self) -> &[(Path, String)] {
        todo!()
    }
    /// Removes secrets, also passwords in URLs.
    pub fn without_secrets(&mut self, raw: &RawSecrets) {
        todo!()
    }
    /// Puts derived passwords where `generate` stands. `max_len`: the family's greatest length for that path.
    pub fn fill_generated(
        &mut self,
        master_key: &[u8],
        device_id: &str,
        max_len: &dyn Fn(&Path) -> Option<usize>,
    ) {
        todo!()
    }
    /// Replaces variables in every text; gives those that were missing (expanded to empty).
    pub fn expand(&mut self, context: &VariableContext) -> Vec<(Path, Variable)> {
        todo!()
    }
    /// Number, user name, display name of each line, for `VariableContext::lines`.
    pub fn line_variables(&self) -> BTreeMap<u32, LineVariables> {
        todo!()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineVariables {
    pub number: Option<String>,
    pub username: Option<String>,
    pub display_name: Option<String>,
}
/// What stands for the call variables in action URLs in the vendor's language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallVariables {
    pub remote: Option<String>,
    pub local: Option<String>,
    pub id: Option<String>,
    pub phone_ip: Option<String>,
}
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VariableContext {
    pub lines: BTreeMap<u32, LineVariables>,
    pub device_mac: Option<String>,
    pub device_label: Option<String>,
    pub device_location: Option<String>,
    pub device_model: Option<String>,
    pub tenant_name: Option<String>,
    pub server_host: Option<String>,
    pub server_url: Option<String>,
    pub call: CallVariables,
}
/// A variable of the closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable {
    LineNumber(u32),
    LineUsername(u32),
    LineDisplayName(u32),
    DeviceMac,
    DeviceLabel,
    DeviceLocation,
    DeviceModel,
    TenantName,
    ServerHost,
    ServerUrl,
    CallRemote,
    CallLocal,
    CallId,
    PhoneIp,
}
pub fn expand(text: &str, context: &VariableContext) -> (String, Vec<Variable>) {
    todo!()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    Keypad,
    Digits,
}
pub fn derive_generated(
    master_key: &[u8],
    device_id: &str,
    path: &str,
    counter: u64,
    alphabet: Alphabet,
    max_len: usize,
) -> String {
    todo!()
}

/// What a profile applies to by itself. At least one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Match {
    pub pack: Option<String>,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub firmware: Option<String>,
}
/// What is known of the requester.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatchFacts<'a> {
    pub pack: Option<&'a str>,
    pub vendor: Option<&'a str>,
    pub model: Option<&'a str>,
    pub firmware: Option<&'a str>,
}
impl Match {
    pub fn validate(value: &Value) -> Result<Match, Vec<Fault>> {
        todo!()
    }
    pub fn matches(&self, facts: &MatchFacts<'_>) -> bool {
        todo!()
    }
    /// Sort key: less specific first; then sort by profile name.
    pub fn specificity(&self) -> u8 {
        todo!()
    }
}
/// Compares firmware versions by their groups of digits.
pub fn compare_versions(a: &str, b: &str) -> std::cmp::Ordering {
    todo!()
}

/// Why an order of profiles cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileGraphError {
    Cycle(Vec<String>),
    Unknown { profile: String, parent: String },
}
/// Each profile after its parents, none twice, in the order given.
pub fn linearise<'a>(
    names: &[&'a str],
    parents: &dyn Fn(&str) -> Option<&'a [String]>,
) -> Result<Vec<&'a str>, ProfileGraphError> {
    todo!()
}

/// RFC 7396.
pub fn apply_merge_patch(target: &mut Value, patch: &Value) {
    todo!()
}
/// JSON Schema 2020-12 of a settings document.
pub fn json_schema() -> Value {
    todo!()
}
/// Reference documentation.
pub fn reference_markdown() -> String {
    todo!()
}

impl std::str::FromStr for Path {
    type Err = Fault;
    fn from_str(s: &str) -> Result<Self, Fault> {
        todo!()
    }
}
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
impl<M> Clone for Document<M> {
    fn clone(&self) -> Self {
        todo!()
    }
}
impl<M> Default for Document<M> {
    fn default() -> Self {
        todo!()
    }
}
impl<M> PartialEq for Document<M> {
    fn eq(&self, o: &Self) -> bool {
        todo!()
    }
}
impl<M> fmt::Debug for Document<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
/// Masked, always: a secret cannot leave by serde.
impl<M> serde::Serialize for Document<M> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        todo!()
    }
}
impl serde::Serialize for Path {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        todo!()
    }
}
