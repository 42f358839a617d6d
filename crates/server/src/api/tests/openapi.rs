//! The OpenAPI document: a snapshot that a change must not pass by unnoticed, and what every operation owes.

use std::{collections::BTreeSet, path::PathBuf};

use serde_json::Value;

use crate::api::openapi::document;

#[test]
fn snapshot() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let now = format!("{}\n", serde_json::to_string_pretty(document()).unwrap());
    if std::env::var_os("OFFHOOK_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == now, "docs/openapi.json is not what the code says: look at the difference, then run the tests with OFFHOOK_BLESS=1");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = BTreeSet::new();
    collect(document, &mut references);
    assert!(references.len() > 30);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[test]
fn every_operation_is_described() {
    for (name, operation) in operations() {
        assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{name} has no summary");
        assert!(operation["tags"][0].is_string(), "{name} has no tag");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].as_str().is_some_and(|s| !s.is_empty()), "{name}: {} is not described", parameter["name"]);
        }
        let open = operation["security"].as_array().is_some_and(Vec::is_empty);
        assert_eq!(open, name.ends_with("healthz") || name.ends_with("readyz"), "{name}");
        assert_eq!(operation["responses"]["401"].is_null(), open, "{name}");
        let template: BTreeSet<&str> = name.split(['{', '}']).skip(1).step_by(2).collect();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let described: BTreeSet<&str> = parameters.filter(|p| p["in"] == "path").map(|p| p["name"].as_str().unwrap()).collect();
        assert_eq!(template, described, "{name}");
    }
}

#[test]
fn every_operation_shows_what_is_sent_and_answered() {
    let of = |reference: &Value| document().pointer(reference.as_str()?.trim_start_matches('#'));
    for (name, operation) in operations() {
        let (method, path) = name.split_once(' ').unwrap();
        let looks = path.ends_with("/simulate") || path.ends_with("check");
        for (media, body) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            assert!(
                ["application/octet-stream", "application/gzip"].contains(&media.as_str()) || !body["example"].is_null(),
                "{name}: {media} has no example"
            );
        }
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|s| s.starts_with('2')), "{name}");
        for (status, answer) in answers {
            let answer = of(&answer["$ref"]).unwrap_or(answer);
            assert!(answer["description"].as_str().is_some_and(|d| !d.is_empty()), "{name} {status} is not described");
            for (media, body) in answer["content"].as_object().into_iter().flatten() {
                assert!(!media.contains("json") || !body["example"].is_null(), "{name} {status}: {media} has no example");
            }
            if status.starts_with('2') && method != "GET" && !looks {
                assert!(answer["headers"]["Offhook-Dry-Run"].is_object(), "{name} {status}");
            }
            if status == "201" || status == "202" {
                assert!(answer["headers"]["Location"].is_object(), "{name} {status}");
            }
        }
        let mut owed = vec!["401", "500", "503"];
        if method != "GET" && !looks {
            owed.extend(["403", "409", "422"]);
        }
        if !operation["requestBody"].is_null() {
            owed.extend(["400", "413"]);
        }
        let open = operation["security"].as_array().is_some_and(Vec::is_empty);
        for status in owed.into_iter().filter(|_| !open) {
            assert!(answers.contains_key(status), "{name} does not tell of {status}");
        }
        let takes = |name: &str| operation["parameters"].as_array().into_iter().flatten().any(|p| p["name"] == name);
        if !open && method != "GET" && !looks {
            assert!(takes("dry_run"), "{name}");
            assert_eq!(takes("Idempotency-Key"), method == "POST", "{name}");
        }
        // Changes of templates hold their revisions in the body.
        let in_body = ["/templates:apply", "/templates:check"].iter().any(|p| path.ends_with(p));
        assert_eq!(answers.contains_key("412"), takes("If-Match") || in_body, "{name}");
        assert_eq!(answers.contains_key("304"), takes("If-None-Match"), "{name}");
    }
}

#[test]
fn operation_ids_are_unique() {
    let ids: Vec<String> = operations().map(|(_, o)| o["operationId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}

#[test]
fn the_settings_model_is_in_it() {
    let schemas = &document()["components"]["schemas"];
    assert!(schemas["Settings"]["properties"]["lines"].is_object());
    assert!(schemas["AccountValues"]["properties"]["password"].is_object());
    assert!(schemas["AccountValues"]["properties"].get("account").is_none());
}

/// `GET /path` and the operation.
fn operations() -> impl Iterator<Item = (String, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    })
}

fn collect(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                into.insert(reference.to_owned());
            }
            map.values().for_each(|v| collect(v, into));
        }
        Value::Array(items) => items.iter().for_each(|v| collect(v, into)),
        _ => {}
    }
}
