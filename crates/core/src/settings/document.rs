//! A validated partial document: settings of a site, tenant, profile or device, or the values of an account.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use super::fault::{Fault, type_of};
use super::field::Shape;
use super::model;
use super::patch::apply_merge_patch;
use super::path::{Path, Trail};
use super::secret::{self, RawSecrets};
use super::validate::check;

/// Where a document stands: some fields are allowed in some places only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Settings, or enforced settings, of the site.
    Site,
    /// Settings, or enforced settings, of a tenant.
    Tenant,
    /// Settings of a profile.
    Profile,
    /// Settings of a device.
    Device,
    /// Values of an account.
    Account,
}

impl Scope {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Site => "the settings of the site",
            Self::Tenant => "the settings of a tenant",
            Self::Profile => "the settings of a profile",
            Self::Device => "the settings of a device",
            Self::Account => "an account",
        }
    }
}

/// Which part of the model a document is made of.
pub trait Model: 'static {
    /// The fields of the document.
    fn shape() -> &'static Shape;
    /// Where such a document stands, when the caller says `scope`.
    fn scope(scope: Scope) -> Scope {
        scope
    }
}

/// The whole model.
pub enum WholeModel {}

impl Model for WholeModel {
    fn shape() -> &'static Shape {
        &model::SETTINGS
    }
}

/// The fields of one line.
pub enum LineModel {}

impl Model for LineModel {
    fn shape() -> &'static Shape {
        &model::LINE
    }

    fn scope(_: Scope) -> Scope {
        Scope::Account
    }
}

/// Settings of a site, a tenant, a profile or a device: a partial document, in the model's order.
pub type Settings = Document<WholeModel>;

/// The values of an account: those of a line, but for `account`, `local_port` and `shared` (which an account
/// has with another meaning).
pub type AccountValues = Document<LineModel>;

/// A partial document that was valid when it was written. It holds secrets: `Debug` and `Serialize` mask them, and
/// [`Document::tree`] is the only way to them.
pub struct Document<M> {
    tree: Map<String, Value>,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> Document<M> {
    /// Checks a document against the model.
    ///
    /// # Errors
    /// All faults at once, each with its path and what is allowed there; never a secret. A mask is a fault, as nothing
    /// is stored that it could stand for.
    pub fn validate(value: &Value, scope: Scope) -> Result<Self, Vec<Fault>> {
        Self::write(value, None, scope)
    }

    /// What a PUT does: checks a document that replaces `old`. A mask keeps the value that `old` has there (in a list:
    /// the value of the item with the same texts); `"generate"` gets the next counter, so that writing it again gives a
    /// new password.
    ///
    /// # Errors
    /// As [`Document::validate`].
    pub fn write(value: &Value, old: Option<&Self>, scope: Scope) -> Result<Self, Vec<Fault>> {
        let tree = check(M::shape(), value, old.map(|old| &old.tree), M::scope(scope))?;
        Ok(Self::of(tree))
    }

    /// What a PATCH does: a merge patch (RFC 7396) on this document, then as [`Document::write`].
    ///
    /// # Errors
    /// As [`Document::validate`]; a patch that is no object is a fault.
    pub fn patch(&self, patch: &Value, scope: Scope) -> Result<Self, Vec<Fault>> {
        if !patch.is_object() {
            return Err(vec![Fault::new("", format!("{} is no merge patch of settings: write an object", type_of(patch)))]);
        }
        let mut patched = Value::Object(self.tree.clone());
        apply_merge_patch(&mut patched, patch);
        Self::write(&patched, Some(self), scope)
    }

    /// From the store. It was valid when it was written and is not checked again.
    ///
    /// # Errors
    /// When it is no object.
    pub fn from_stored(value: Value) -> Result<Self, Fault> {
        match value {
            Value::Object(tree) => Ok(Self::of(tree)),
            _ => Err(Fault::new("", "stored settings are no object: the store is damaged")),
        }
    }

    fn of(tree: Map<String, Value>) -> Self {
        Self { tree, model: PhantomData }
    }

    /// The document as it is, secrets and all: for the store and the merge, never for an answer or a log.
    pub fn tree(&self) -> &Map<String, Value> {
        &self.tree
    }

    pub(super) fn tree_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.tree
    }

    /// Whether it sets nothing.
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    /// The document for people: masks stand for secrets, also for passwords in URLs.
    pub fn masked(&self, raw: &RawSecrets) -> Value {
        let mut copy = self.clone();
        let Ok(()) = secret::walk::<Infallible>(M::shape(), &mut copy.tree, &Trail::root(), raw, &mut |_, found, value| {
            secret::mask_value(found, value);
            Ok(true)
        });
        Value::Object(copy.tree)
    }

    /// Visits every secret: texts, raw numbers and booleans, and whole texts that hold a URL with a password. Values
    /// that are derived hold no secret and are left out.
    pub fn for_each_secret(&self, raw: &RawSecrets, f: &mut dyn FnMut(&Path, &Value)) {
        let mut copy = self.clone();
        let Ok(()) = copy.for_each_secret_mut::<Infallible>(raw, &mut |path, value| {
            f(path, value);
            Ok(())
        });
    }

    /// The same, to seal and open them: the new value takes the old one's place. A sealed text must begin with
    /// [`secret::SEALED`]; values that do are visited whatever the model says of their place.
    ///
    /// # Errors
    /// The first error of `f`; what it did before stays.
    pub fn for_each_secret_mut<E>(&mut self, raw: &RawSecrets, f: &mut dyn FnMut(&Path, &mut Value) -> Result<(), E>) -> Result<(), E> {
        secret::walk(M::shape(), &mut self.tree, &Trail::root(), raw, &mut |trail, found, value| {
            if found != secret::Found::Generated {
                f(&trail.path(), value)?;
            }
            Ok(true)
        })
    }

    /// The document without secrets; of URLs with a login the login is taken out.
    pub fn without_secrets(&self, raw: &RawSecrets) -> Self {
        let mut copy = self.clone();
        let Ok(()) = secret::walk::<Infallible>(M::shape(), &mut copy.tree, &Trail::root(), raw, &mut |_, found, value| {
            Ok(secret::strip_value(found, value))
        });
        copy
    }
}

impl Settings {
    /// The accounts that its lines name.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.line_accounts().map(|(_, account)| account)
    }

    /// Whether a line asks for a local port that is chosen.
    pub fn asks_for_port(&self) -> bool {
        let lines = self.tree.get("lines").and_then(Value::as_object);
        lines.into_iter().flatten().any(|(_, line)| line.get("local_port").is_some_and(|port| port == "auto"))
    }

    /// Numbers of lines that name an account, and the account.
    pub(super) fn line_accounts(&self) -> impl Iterator<Item = (u32, &str)> {
        let lines = self.tree.get("lines").and_then(Value::as_object);
        lines.into_iter().flatten().filter_map(|(number, line)| {
            let account = line.get("account")?.as_str()?;
            Some((model::number(number, model::MAX_LINES)?, account))
        })
    }
}

impl<M> Clone for Document<M> {
    fn clone(&self) -> Self {
        Self { tree: self.tree.clone(), model: PhantomData }
    }
}

impl<M> Default for Document<M> {
    fn default() -> Self {
        Self { tree: Map::new(), model: PhantomData }
    }
}

impl<M> PartialEq for Document<M> {
    fn eq(&self, other: &Self) -> bool {
        self.tree == other.tree
    }
}

impl<M> Eq for Document<M> {}

impl<M: Model> fmt::Debug for Document<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.masked(RawSecrets::none()))
    }
}

/// Masked: no secret leaves by serde. The store takes [`Document::tree`], after it has sealed the secrets.
impl<M: Model> Serialize for Document<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.masked(RawSecrets::none()).serialize(serializer)
    }
}

/// Validated as the settings of a device, which allow every field. Masks are refused.
impl<'de, M: Model> Deserialize<'de> for Document<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::validate(&value, Scope::Device)
            .map_err(|faults| de::Error::custom(faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ")))
    }
}
