//! The language in which the model describes its fields. What the fields are stands in the module `model`;
//! what is done with a description stands in the other modules.

use serde_json::{Map, Value};

use super::Scope;
use super::format::Format;
use super::generate::Alphabet;

/// An object: its fields, and the rules that look at several of them.
#[derive(Debug)]
pub struct Shape {
    /// In the order in which documents and reference list them.
    pub fields: &'static [Field],
    /// Checked after the fields.
    pub rules: &'static [Rule],
}

impl Shape {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.position(name).map(|(_, field)| field)
    }

    pub(super) fn position(&self, name: &str) -> Option<(u16, &'static Field)> {
        (0u16..).zip(self.fields).find(|(_, field)| field.name == name)
    }
}

/// One field: everything that is known of it. Validation, JSON Schema, masking, reference, merge and provenance
/// read it here.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in a document.
    pub name: &'static str,
    /// What it is for, for people.
    pub doc: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// Encrypted at rest, masked in answers.
    pub secret: bool,
    /// `generate` is allowed as a value and makes a text of this alphabet.
    pub generate: Option<Alphabet>,
    /// Unit of a number (`s`, `ms`, `dB` …).
    pub unit: Option<&'static str>,
    /// What holds when nothing sets it.
    pub default: Option<&'static str>,
    /// Must stand in every item of its list (lists are replaced as a whole, so an item is complete).
    pub required: bool,
    /// Where it may not stand.
    pub not_in: &'static [Scope],
}

/// A field of this name, kind and meaning; the other properties are added by the methods.
pub(super) const fn field(name: &'static str, kind: Kind, doc: &'static str) -> Field {
    Field { name, doc, kind, secret: false, generate: None, unit: None, default: None, required: false, not_in: &[] }
}

impl Field {
    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub(super) const fn generated(mut self, alphabet: Alphabet) -> Self {
        self.secret = true;
        self.generate = Some(alphabet);
        self
    }

    pub(super) const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    pub(super) const fn default(mut self, note: &'static str) -> Self {
        self.default = Some(note);
        self
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) const fn not_in(mut self, scopes: &'static [Scope]) -> Self {
        self.not_in = scopes;
        self
    }
}

/// What may stand in a field.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// true or false.
    Bool,
    /// A whole number within these bounds, both included.
    Int {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// A port number on a device; `"auto"` everywhere.
    PortOrAuto,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text of a certain form with at most `max` characters.
    Text {
        /// Its form.
        format: Format,
        /// Most characters.
        max: usize,
    },
    /// A list; later layers replace it as a whole.
    List {
        /// What its items are.
        of: &'static Kind,
        /// Most items.
        max: usize,
        /// No item twice.
        unique: bool,
    },
    /// An object with named fields.
    Object(&'static Shape),
    /// Objects by number, from `"1"` to this number.
    Numbered {
        /// What each of them is.
        of: &'static Shape,
        /// Greatest number.
        max: u32,
    },
    /// Vendor parameters by pack and name.
    Raw,
}

/// A rule over several fields of one object.
pub struct Rule {
    /// What it demands, for people.
    pub says: &'static str,
    /// The field to blame, when the object breaks it.
    pub broken_by: fn(&Map<String, Value>) -> Option<&'static str>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.says)
    }
}

/// Text of any content (but control characters), at most `max` characters.
pub(super) const fn text(max: usize) -> Kind {
    Kind::Text { format: Format::Plain, max }
}

/// Text of a form.
pub(super) const fn form(format: Format) -> Kind {
    Kind::Text { format, max: format.max() }
}

pub(super) const fn int(min: i64, max: i64) -> Kind {
    Kind::Int { min, max }
}

pub(super) const fn list(of: &'static Kind, max: usize) -> Kind {
    Kind::List { of, max, unique: false }
}

pub(super) const fn set(of: &'static Kind, max: usize) -> Kind {
    Kind::List { of, max, unique: true }
}

pub(super) const PORT: Kind = int(1, 65_535);
pub(super) const SECONDS: Kind = int(0, 31_536_000);
pub(super) const PERCENT: Kind = int(0, 100);
