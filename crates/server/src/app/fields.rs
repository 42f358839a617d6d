//! Reading a JSON document field by field, so that every fault is told at once, with its path, and no field that nobody
//! knows passes in silence.

use offhook_core::{
    Error, Fault, Result,
    settings::{Document, Model, Path, Scope, apply_merge_patch, validate_unset},
};
use serde_json::{Map, Value};

/// Text for people is at most this long.
const TEXT: usize = 255;
/// A name is at most this long.
const NAME: usize = 64;

/// A JSON object that is being read.
#[derive(Debug)]
pub struct Fields {
    map: Map<String, Value>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Fields {
    /// Of a document, which must be an object.
    pub fn of(document: Value) -> Result<Self> {
        match document {
            Value::Object(map) => Ok(Self { map, known: Vec::new(), faults: Vec::new() }),
            other => Err(Error::invalid("", format!("a JSON object is needed, not {}", kind(&other)))),
        }
    }

    /// Of what a patch (RFC 7396) makes of a document. The field `apart` is handed on as the patch has it.
    pub fn patched(base: Map<String, Value>, patch: Value, apart: &str) -> Result<Self> {
        let Self { map: patch, .. } = Self::of(patch)?;
        let mut fields = Self::of(Value::Object(base))?;
        for (name, value) in patch {
            match fields.map.get_mut(&name) {
                // A null stays a null here, so that a field that nobody knows is still told.
                Some(old) if value.is_object() && name != apart => apply_merge_patch(old, &value),
                _ => {
                    fields.map.insert(name, value);
                }
            }
        }
        Ok(fields)
    }

    /// A field that must be there and not `null`.
    pub fn require(&mut self, name: &'static str) {
        if self.map.get(name).is_none_or(Value::is_null) {
            self.fault(name, "is needed");
        }
    }

    /// The field as it stands, `null` too. It counts as known from now on.
    pub fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.map.remove(name)
    }

    /// The field as it stands, without taking it.
    pub fn peek(&self, name: &str) -> Option<&Value> {
        self.map.get(name)
    }

    /// Gives the field a value unless it has one that is not `null`.
    pub fn or_insert(&mut self, name: &str, value: &Value) {
        if self.map.get(name).is_none_or(Value::is_null) {
            self.map.insert(name.to_owned(), value.clone());
        }
    }

    /// What `read` makes of the field; a missing one and `null` are `None`. The fault says what is `allowed`.
    pub fn read<T>(&mut self, name: &'static str, allowed: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.take(name).filter(|v| !v.is_null())?;
        let read = read(&value);
        if read.is_none() {
            self.fault(name, format!("must be {allowed}"));
        }
        read
    }

    /// Text for people: no control characters, at most 255 characters.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let text = self.read(name, "text", as_text)?;
        match plain_text(&text, TEXT) {
            Ok(()) => Some(text),
            Err(why) => {
                self.fault(name, why);
                None
            }
        }
    }

    /// Text as [`Fields::text`], and not empty: `null` says that there is none.
    pub fn word(&mut self, name: &'static str) -> Option<String> {
        let text = self.text(name)?;
        if text.is_empty() {
            self.fault(name, "must not be empty: leave it out, or write null");
            return None;
        }
        Some(text)
    }

    /// A name that others refer to by: 1 to 64 characters, no control character, no `/`, no blank at an end, no id.
    pub fn name(&mut self, name: &'static str) -> Option<String> {
        let text = self.read(name, "text", as_text)?;
        match good_name(&text) {
            Ok(()) => Some(text),
            Err(why) => {
                self.fault(name, why);
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.read(name, "true or false", Value::as_bool)
    }

    /// A list of different texts, each checked; a fault names its place.
    pub fn texts(&mut self, name: &'static str, check: impl Fn(&str) -> Result<(), String>) -> Vec<String> {
        let Some(items) = self.read(name, "a list of texts", |v| v.as_array().cloned()) else { return Vec::new() };
        let mut texts: Vec<String> = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let place = format!("{name}[{i}]");
            match as_text(item) {
                None => self.fault(place, "must be text"),
                Some(text) if texts.contains(&text) => self.fault(place, format!("{text:?} stands in the list twice")),
                Some(text) => match check(&text) {
                    Ok(()) => texts.push(text),
                    Err(why) => self.fault(place, why),
                },
            }
        }
        texts
    }

    /// A settings document. A mask in it keeps the value of `old`; a missing one and `null` are empty.
    pub fn settings<M: Model>(&mut self, name: &'static str, old: Option<&Document<M>>, scope: Scope) -> Document<M> {
        let value = self.take(name).filter(|v| !v.is_null()).unwrap_or_else(|| Value::Object(Map::new()));
        let written = Document::write(&value, old, scope);
        self.settings_result(name, written)
    }

    /// What became of a settings document; its faults are told under the field, or as they are when it has no name.
    pub fn settings_result<M: Model>(
        &mut self,
        name: &str,
        result: Result<Document<M>, Vec<offhook_core::settings::Fault>>,
    ) -> Document<M> {
        result.unwrap_or_else(|faults| {
            self.merge(if name.is_empty() { whole(faults) } else { Error::under(name, faults) });
            Document::default()
        })
    }

    /// Setting paths that the layer takes away from lower ones.
    pub fn unset(&mut self) -> Vec<Path> {
        let paths = self.texts("unset", |_| Ok(()));
        validate_unset(&paths).unwrap_or_else(|faults| {
            self.merge(whole(faults));
            Vec::new()
        })
    }

    /// Fields that the server sets: passed over, so that what was read can be written back.
    pub fn pass_over(&mut self, names: &[&str]) {
        for name in names {
            self.map.remove(*name);
        }
    }

    /// Whether there was a fault already.
    pub fn has_fault(&self) -> bool {
        !self.faults.is_empty()
    }

    /// One more fault.
    pub fn fault(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Fault::new(field, message));
    }

    /// The faults of an error become faults of this document; any other error becomes one of the whole.
    pub fn merge(&mut self, error: Error) {
        match error {
            Error::Invalid(faults) => self.faults.extend(faults),
            other => self.fault("", other.to_string()),
        }
    }

    /// What is left: fields that nobody took.
    pub fn rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.map)
    }

    /// The faults so far and those of fields that nobody took; none: go on.
    pub fn check(mut self) -> Result<()> {
        let rest = self.rest();
        for name in rest.keys() {
            let known = self.known.join(", ");
            self.fault(name.chars().take(NAME).collect::<String>(), format!("there is no such field; allowed: {known}"));
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Error::Invalid(self.faults)) }
    }
}

/// Whether a text may be shown to people: no control characters (C0, DEL, C1, line and paragraph separator), at most
/// `longest` characters.
pub fn plain_text(text: &str, longest: usize) -> Result<(), String> {
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err("control characters are not allowed".to_owned());
    }
    if text.chars().count() > longest { Err(format!("at most {longest} characters are allowed")) } else { Ok(()) }
}

/// Whether a text may be the name of a profile, an account or a tag.
pub fn good_name(text: &str) -> Result<(), String> {
    plain_text(text, NAME)?;
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.trim() != text {
        return Err("must not begin or end with a blank".to_owned());
    }
    if text.contains('/') {
        return Err("must not contain /".to_owned());
    }
    if offhook_core::Id::parse(text).is_some() { Err("must not look like an id".to_owned()) } else { Ok(()) }
}

/// Faults whose paths are already those of the document.
fn whole(faults: Vec<offhook_core::settings::Fault>) -> Error {
    Error::Invalid(faults.into_iter().map(Fault::from).collect())
}

fn as_text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_at_once() {
        let mut fields = Fields::of(json!({"label": "a\nb", "name": "x/y", "shared": 1, "tags": ["a", "a", 3, ""], "colour": 1})).unwrap();
        assert_eq!((fields.text("label"), fields.name("name"), fields.flag("shared")), (None, None, None));
        assert_eq!(fields.texts("tags", good_name), ["a"]);
        let Err(Error::Invalid(faults)) = fields.check() else { panic!("no fault") };
        let fields: Vec<&str> = faults.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(fields, ["label", "name", "shared", "tags[1]", "tags[2]", "tags[3]", "colour"]);
        assert!(faults[6].message.contains("label, name, shared, tags"));
    }

    #[test]
    fn only_an_object_is_a_document() {
        assert!(matches!(Fields::of(json!([1])), Err(Error::Invalid(_))));
    }

    #[test]
    fn null_is_not_given() {
        let mut fields = Fields::of(json!({"label": null})).unwrap();
        assert_eq!(fields.text("label"), None);
        fields.check().unwrap();
    }
}
