//! The model as JSON Schema (draft 2020-12).
//!
//! What a schema cannot say (forms of texts, rules over several fields) is said in the descriptions; validation is the
//! server's.

use serde_json::{Map, Value, json};

use super::field::{Field, Kind, Shape};
use super::format::Format;
use super::model::SETTINGS;

/// No control characters, no line ends U+2028 and U+2029.
const PLAIN: &str = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$";

/// The schema of a settings document. Secrets carry `writeOnly` and `x-secret`, units `x-unit`, defaults `x-default`;
/// `x-form` names the form of a text, `x-variables` that it may use variables. An object that stands in several places is
/// written out at the first one and referred to at the others; `at` is where the schema stands in its document (`#`, or
/// `#/components/schemas/Settings` …), so that these references hold there.
pub fn json_schema(at: &str) -> Value {
    let mut schema = Writer::default().object(&SETTINGS, false, at);
    let head = [
        ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
        ("title", json!("Settings")),
        ("description", json!("Settings of a site, a tenant, a profile or a device: a partial document.")),
    ];
    let mut whole: Map<String, Value> = head.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    whole.append(&mut schema);
    Value::Object(whole)
}

/// Writes schemas, and knows where each shape was written out.
#[derive(Default)]
struct Writer {
    /// Shape, whether it is an item of a list, JSON pointer.
    written: Vec<(&'static Shape, bool, String)>,
}

impl Writer {
    /// The schema of an object. In an item of a list the required fields are required.
    fn shape(&mut self, shape: &'static Shape, item: bool, at: &str) -> Map<String, Value> {
        let same = |(known, as_item, _): &&(&'static Shape, bool, String)| std::ptr::eq(*known, shape) && *as_item == item;
        if let Some((.., pointer)) = self.written.iter().find(same) {
            return map(json!({ "$ref": pointer }));
        }
        self.written.push((shape, item, at.to_owned()));
        self.object(shape, item, at)
    }

    fn object(&mut self, shape: &'static Shape, item: bool, at: &str) -> Map<String, Value> {
        let properties: Map<String, Value> = shape
            .fields
            .iter()
            .map(|field| (field.name.to_owned(), self.field(field, &format!("{at}/properties/{}", field.name))))
            .collect();
        let required: Vec<&str> = shape.fields.iter().filter(|field| item && field.required).map(|field| field.name).collect();
        let mut schema = map(json!({ "type": "object", "properties": properties, "additionalProperties": false }));
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if !shape.rules.is_empty() {
            let rules: Vec<&str> = shape.rules.iter().map(|rule| rule.says).collect();
            schema.insert("$comment".to_owned(), json!(rules.join("; ")));
        }
        schema
    }

    fn field(&mut self, field: &'static Field, at: &str) -> Value {
        let mut schema = map(json!({ "description": description(field) }));
        schema.append(&mut self.kind(&field.kind, field.secret, at));
        if field.secret {
            schema.insert("writeOnly".to_owned(), json!(true));
            schema.insert("x-secret".to_owned(), json!(true));
        }
        if let Some(alphabet) = field.generate {
            schema.insert("x-generate".to_owned(), json!(alphabet.characters()));
        }
        for (name, value) in [("x-unit", field.unit), ("x-default", field.default)] {
            if let Some(value) = value {
                schema.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(schema)
    }

    fn kind(&mut self, kind: &'static Kind, secret: bool, at: &str) -> Map<String, Value> {
        map(match kind {
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Int { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Kind::PortOrAuto => json!({ "anyOf": [
                { "const": "auto" },
                { "type": "integer", "minimum": 1, "maximum": 65_535, "description": "on a device only" },
            ] }),
            Kind::Choice(words) => json!({ "type": "string", "enum": words }),
            Kind::Text { format, max } => return text(*format, *max, secret),
            Kind::List { of, max, unique } => {
                let at = format!("{at}/items");
                let items = match of {
                    Kind::Object(item) => self.shape(item, true, &at),
                    other => self.kind(other, secret, &at),
                };
                json!({ "type": "array", "items": items, "maxItems": max, "uniqueItems": unique })
            }
            Kind::Object(below) => return self.shape(below, false, at),
            Kind::Numbered { of, max } => json!({
                "type": "object",
                "propertyNames": { "pattern": numbers(*max) },
                "additionalProperties": self.shape(of, false, &format!("{at}/additionalProperties")),
                "x-greatest-number": max,
            }),
            Kind::Raw => json!({
                "type": "object",
                "propertyNames": { "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$" },
                "additionalProperties": {
                    "type": "object",
                    "propertyNames": { "minLength": 1, "maxLength": 255, "pattern": PLAIN },
                    "additionalProperties": { "type": ["string", "number", "boolean"], "maxLength": 4096, "pattern": PLAIN },
                },
            }),
        })
    }
}

fn description(field: &Field) -> String {
    let mut text = field.doc.to_owned();
    if let Kind::Text { format, .. } = field.kind
        && format != Format::Plain
    {
        text.push_str(&format!(" Allowed: {}.", format.allows()));
    }
    if field.generate.is_some() {
        text.push_str(" \"generate\" lets the server derive one; writing it again gives another.");
    }
    for scope in field.not_in {
        text.push_str(&format!(" Not allowed in {}.", scope.name()));
    }
    text
}

fn text(format: Format, max: usize, secret: bool) -> Map<String, Value> {
    let mut schema = map(json!({ "type": "string", "maxLength": max, "pattern": PLAIN }));
    if format != Format::Plain {
        schema.insert("minLength".to_owned(), json!(1));
        schema.insert("x-form".to_owned(), json!(format!("{format:?}")));
    }
    if format.expands() || secret {
        schema.insert("x-variables".to_owned(), json!(true));
    }
    schema
}

/// Numbers without a leading zero, with as many digits as the greatest one.
fn numbers(max: u32) -> String {
    format!("^[1-9][0-9]{{0,{}}}$", max.to_string().len().saturating_sub(1))
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
