//! Examples: a schema that gives none gets one that is made of what is said about its fields and of the examples of others, so that every
//! body shows what it looks like and none of them grows old.

use serde_json::{Map, Value, json};

/// Schemas within each other; deeper ones are left empty.
const DEPTH: usize = 8;

/// Values of fields by their names, where nothing else tells one.
const USUAL: &[(&str, &str)] = &[
    ("mac", "00:15:65:aa:bb:cc"),
    ("ip", "10.0.0.9"),
    ("from", "10.0.0.9"),
    ("address", "10.0.0.9"),
    ("tenant", "default"),
    ("label", "Front desk"),
    ("location", "Hall"),
    ("vendor", "acme"),
    ("pack", "acme"),
    ("family", "acme"),
    ("model", "A10"),
    ("firmware", "1.2.3"),
    ("version", "1.2.3"),
    ("path", "/001565aabbcc.cfg"),
    ("user_agent", "Acme A10 1.2.3"),
    ("sha256", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ("method", "GET"),
    ("next_cursor", "WyJkZXZpY2VzIiwiMDE5MiJd"),
];

/// Gives every schema an example.
pub(super) fn fill(schemas: &mut Value) {
    let known = schemas.clone();
    let Some(all) = schemas.as_object_mut() else { return };
    let names: Vec<String> = all.keys().cloned().collect();
    for name in names {
        if shown(&known[&name]).is_some() || matches!(name.as_str(), "Settings" | "AccountValues") {
            continue;
        }
        let example = match name.strip_suffix("Patch") {
            // Of what may be written, one field: a patch names what it changes.
            Some(noun) => patch(&known[format!("{noun}Write")]),
            None => of(&name, "", &known[&name], &known, 0),
        };
        all[&name]["example"] = example;
    }
}

/// The example of a body: its own, that of its schema, or one that is made.
pub(super) fn of_content(content: &Value, schemas: &Value) -> Value {
    shown(content).or_else(|| shown(&content["schema"])).cloned().unwrap_or_else(|| of("", "", &content["schema"], schemas, 0))
}

fn shown(schema: &Value) -> Option<&Value> {
    schema.get("example").or_else(|| schema.get("examples")?.get(0))
}

fn patch(write: &Value) -> Value {
    let fields = shown(write).and_then(Value::as_object);
    let changed = fields.and_then(|f| ["label", "settings", "shared", "networks"].iter().find_map(|n| Some((*n, f.get(*n)?))));
    let changed = changed.or_else(|| fields.and_then(|f| f.iter().next_back().map(|(name, value)| (name.as_str(), value))));
    changed
        .map_or_else(|| json!({ "label": "Front desk" }), |(name, value)| Value::Object(Map::from_iter([(name.to_owned(), value.clone())])))
}

/// One of a schema. `noun` is the schema it stands in, `field` the field.
fn of(noun: &str, field: &str, schema: &Value, schemas: &Value, depth: usize) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
        let named = &schemas[name];
        return match shown(named) {
            Some(example) => example.clone(),
            None if depth > DEPTH || matches!(name, "Settings" | "AccountValues") => usual_document(name),
            None => of(name, field, named, schemas, depth + 1),
        };
    }
    if let Some(example) = shown(schema) {
        return example.clone();
    }
    if let Some(value) = schema["enum"].get(0).or_else(|| schema.get("const")).or_else(|| schema.get("default")) {
        return value.clone();
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(parts) = schema[several].as_array() {
            let part = parts.iter().find(|p| p["type"] != "null").unwrap_or(&Value::Null);
            return of(noun, field, part, schemas, depth + 1);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            if let Value::Object(fields) = of(noun, field, part, schemas, depth + 1) {
                whole.extend(fields);
            }
        }
        return Value::Object(whole);
    }
    match kind(schema) {
        "object" => object(noun, schema, schemas, depth),
        "array" if depth > DEPTH => json!([]),
        "array" => json!([of(noun, singular(field), &schema["items"], schemas, depth + 1)]),
        "integer" | "number" => number(field, schema),
        "boolean" => json!(false),
        "string" => json!(text(noun, field, schema)),
        _ => Value::Null,
    }
}

fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(name) => name,
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|n| *n != "null").unwrap_or_default(),
        _ if schema["properties"].is_object() => "object",
        _ => "",
    }
}

fn object(noun: &str, schema: &Value, schemas: &Value, depth: usize) -> Value {
    let mut whole = Map::new();
    if depth > DEPTH {
        return Value::Object(whole);
    }
    // What may be written shows itself in what is read.
    let written = noun.strip_suffix("View").map(|n| &schemas[format!("{n}Write")]).and_then(shown);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let value = match written.and_then(|w| w.get(name)) {
            Some(value) if name != "password" => value.clone(),
            _ => of(noun, name, field, schemas, depth + 1),
        };
        whole.insert(name.clone(), value);
    }
    if whole.is_empty() && schema["additionalProperties"].is_object() {
        let (name, value) = ("name", of(noun, "", &schema["additionalProperties"], schemas, depth + 1));
        whole.insert(name.to_owned(), value);
    }
    Value::Object(whole)
}

fn number(field: &str, schema: &Value) -> Value {
    let least = schema["minimum"].as_i64().unwrap_or(0);
    let usual = match field {
        "revision" | "line" | "at_once" => 1,
        "status" => 200,
        "size" | "bytes" => 4096,
        "took_us" => 850,
        _ => 2,
    };
    json!(usual.max(least))
}

fn text(noun: &str, field: &str, schema: &Value) -> String {
    match schema["format"].as_str() {
        Some("date-time") => return "2026-11-21T04:00:00.000Z".to_owned(),
        Some("uuid") => return "0192f0c1-8a5e-7cc3-b0a4-4d2f6e7a9b10".to_owned(),
        _ => {}
    }
    if let Some(first) = schema["pattern"].as_str().and_then(|p| p.strip_prefix("^(")?.split(['|', ')']).next()) {
        return first.to_owned();
    }
    if let Some((_, usual)) = USUAL.iter().find(|(name, _)| *name == field) {
        return (*usual).to_owned();
    }
    match field {
        "id" if !noun.is_empty() => "acme".to_owned(),
        "name" => "reception".to_owned(),
        // The first word in back quotes of its description is what it may be.
        _ => {
            let words = schema["description"].as_str().unwrap_or_default().split('`').nth(1);
            words.filter(|w| !w.contains(' ')).unwrap_or("text").to_owned()
        }
    }
}

fn singular(field: &str) -> &str {
    field.strip_suffix('s').unwrap_or(field)
}

fn usual_document(name: &str) -> Value {
    match name {
        "Settings" => json!({ "lines": { "1": { "account": "1001" } } }),
        "AccountValues" => json!({ "username": "1001", "password": "********" }),
        _ => json!({}),
    }
}
