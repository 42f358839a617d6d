//! The OpenAPI 3.1 document: made from the operations themselves; what is the same for all of them (errors, security) is
//! added here once.

use std::sync::LazyLock;

use offhook_core::token::Role;
use serde_json::{Map, Value, json};
use utoipa::openapi::{Info, OpenApi, Paths, Tag};

use super::{auth::DRY_RUN, idempotency, operations, roles};

mod examples;

/// What the API is called and its groups; the operations come to it.
pub(super) fn head() -> OpenApi {
    let mut info = Info::new("Offhook", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Provisions telephones. Every error is a problem document (RFC 9457). Lists answer `items` and `next_cursor`. Times are \
         RFC 3339 UTC, ids UUIDs, MAC addresses `aa:bb:cc:dd:ee:ff` (any usual spelling in). `PATCH` is a JSON merge patch \
         (RFC 7396). A secret is shown as `********`; a mask that is sent back keeps it."
            .to_owned(),
    );
    let mut api = OpenApi::new(info, Paths::new());
    let tags = [
        ("devices", "Phones, base stations, adapters and door phones"),
        ("profiles", "Settings that devices share"),
        ("site", "Settings under and over everything"),
        ("tenants", "Owners of devices, accounts and profiles"),
        ("accounts", "SIP identities that lines refer to"),
        ("address-maps", "Names that stand in files in place of addresses"),
        ("templates", "What files are made of: those of packs, and the overrides over them"),
        ("assets", "Files that settings refer to: logos, ring tones, certificates"),
        ("phonebooks", "Contacts that every family gets in its own form"),
        ("firmware", "Files that phones load to renew themselves"),
        ("packs", "Phone families: which are there, installing and removing"),
        ("backup", "Saving everything, and putting it back"),
        ("jobs", "Long work that somebody started"),
        ("requests", "What phones asked, and what became of it"),
        ("simulate", "What would become of a request"),
        ("tokens", "Who may call this API"),
        ("history", "What was deleted and can be brought back"),
        ("audit", "Who did what, when and from where"),
        ("settings", "The settings model"),
        ("health", "Health, readiness and metrics"),
    ];
    api.tags = Some(
        tags.map(|(name, description)| {
            let mut tag = Tag::new(name);
            tag.description = Some(description.to_owned());
            tag
        })
        .into(),
    );
    api
}

/// The whole document.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(build);
    &DOCUMENT
}

fn build() -> Value {
    let (_, api) = operations().split_for_parts();
    let mut document = serde_json::to_value(api).unwrap_or_default();
    finish_schemas(&mut document["components"]["schemas"]);
    document["components"]["securitySchemes"] = json!({
        "token": { "type": "http", "scheme": "bearer", "description": "A token made by `offhook token create`, or the first one in `<data_dir>/admin.token`. Each operation names the roles that may call it. A token for some tenants sees these and what is no tenant's; anything else does not exist for it." }
    });
    document["components"]["responses"] = problems();
    document["components"]["headers"] = headers();
    document["security"] = json!([{ "token": [] }]);
    let schemas = document["components"]["schemas"].clone();
    if let Some(paths) = document["paths"].as_object_mut() {
        let old = std::mem::take(paths);
        for (path, mut item) in old {
            finish_path(&path, &mut item, &schemas);
            // The router writes a rest of a path as {*path}; OpenAPI has one way to write a parameter.
            paths.insert(path.replace("{*", "{"), item);
        }
    }
    document
}

fn finish_schemas(schemas: &mut Value) {
    put_models(schemas);
    let Some(schemas) = schemas.as_object_mut() else { return };
    let patches: Vec<(String, Value)> = schemas.iter().filter_map(|(name, schema)| Some((patch_name(name)?, patch_of(schema)))).collect();
    for (name, schema) in schemas.iter_mut() {
        if let Some(item) = name.strip_prefix("List_") {
            schema["properties"]["items"]["items"] = json!({ "$ref": format!("#/components/schemas/{item}") });
        }
        if name.ends_with("View") || name.starts_with("List_") || name.ends_with("Answer") {
            require_all(name, schema);
        }
    }
    schemas.extend(patches);
    schemas.sort_keys();
    let mut whole = Value::Object(std::mem::take(schemas));
    examples::fill(&mut whole);
    if let Value::Object(filled) = whole {
        *schemas = filled;
    }
}

/// `ProfilePatch` for `ProfileWrite`.
fn patch_name(name: &str) -> Option<String> {
    name.strip_suffix("Write").filter(|noun| *noun != "Token").map(|noun| format!("{noun}Patch"))
}

/// What may be written, nothing of it needed: a merge patch names what it changes.
fn patch_of(schema: &Value) -> Value {
    let mut patch = schema.clone();
    if let Some(map) = patch.as_object_mut() {
        map.remove("required");
        map.insert("description".into(), "A merge patch (RFC 7396): what is named is changed, null removes.".into());
        map.remove("example");
    }
    patch
}

/// Fields that an answer has only when there is something to say; all others are always there, null or not.
const SOMETIMES: &[&str] = &["DeviceView.outdated_by", "EffectiveView.values", "AnswerView.body", "AnswerView.body_base64"];

fn require_all(name: &str, schema: &mut Value) {
    // What a profile matches is written as well as read: nothing of it is needed.
    if name == "MatchView" {
        return;
    }
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        parts.iter_mut().for_each(|part| require_all(name, part));
        return;
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let always = |field: &&String| !SOMETIMES.contains(&format!("{name}.{field}").as_str());
    let required: Vec<String> = properties.keys().filter(always).cloned().collect();
    schema["required"] = json!(required);
}

/// The settings model in place of its stand-ins.
fn put_models(schemas: &mut Value) {
    let mut settings = offhook_core::settings::json_schema("#/components/schemas/Settings");
    if let Some(map) = settings.as_object_mut() {
        map.remove("$schema");
    }
    readable(&mut settings);
    schemas["AccountValues"] = line_values(&settings);
    schemas["Settings"] = settings;
}

/// The model calls secrets write-only; here they are read too, as masks.
fn readable(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("writeOnly");
            map.values_mut().for_each(readable);
        }
        Value::Array(items) => items.iter_mut().for_each(readable),
        _ => {}
    }
}

/// The schema of a line, as a part of an account: with room for the account's own fields beside it.
fn line_values(settings: &Value) -> Value {
    let lines = &settings["properties"]["lines"];
    let by_pattern = lines["patternProperties"].as_object().and_then(|p| p.values().next());
    let line = by_pattern.unwrap_or(&lines["additionalProperties"]);
    let mut values = line.clone();
    if let Some(map) = values.as_object_mut() {
        map.remove("additionalProperties");
        if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
            for not_an_accounts in ["account", "local_port", "shared"] {
                properties.remove(not_an_accounts);
            }
        }
    }
    if values.is_object() { values } else { json!({ "type": "object" }) }
}

/// Responses that many operations share.
fn problems() -> Value {
    let response = |kind: &super::problem::Kind| {
        let fault = json!({ "field": "settings.lines.1.label", "message": "must be text" });
        let faults = if kind.status.as_u16() == 422 { json!([fault]) } else { json!([]) };
        let example = json!({ "type": format!("/api/docs#problem-{}", kind.name), "title": kind.title, "status": kind.status.as_u16(),
                              "detail": kind.meaning, "faults": faults });
        json!({
            "description": kind.meaning,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" }, "example": example } }
        })
    };
    let kinds = super::problem::KINDS.iter().map(|kind| (name_of(kind.status.as_u16()).to_owned(), response(kind)));
    let mut all: Map<String, Value> = kinds.collect();
    let unchanged = "The state that `If-None-Match` names is that of today.";
    all.insert(
        "NotModified".to_owned(),
        json!({ "description": unchanged, "headers": { "ETag": { "$ref": "#/components/headers/ETag" } } }),
    );
    Value::Object(all)
}

/// Headers of answers.
fn headers() -> Value {
    let header =
        |description: &str, example: &str| json!({ "description": description, "schema": { "type": "string" }, "example": example });
    json!({
        "ETag": header("The revision, in quotes; `If-Match` takes it.", "\"7\""),
        "Location": header("Where it is.", "/api/v1/devices/0192f0c1-8a5e-7cc3-b0a4-4d2f6e7a9b10"),
        DRY_RUN: header("`true`: it was only tried, nothing is written.", "true"),
        idempotency::REPLAYED: header("`true`: the first answer to this `Idempotency-Key`, given again.", "true"),
    })
}

fn name_of(status: u16) -> &'static str {
    match status {
        304 => "NotModified",
        400 => "Malformed",
        401 => "Unauthorized",
        403 => "Refused",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        412 => "Stale",
        413 => "TooLarge",
        415 => "UnsupportedMediaType",
        422 => "Invalid",
        503 => "Unavailable",
        507 => "Full",
        _ => "Internal",
    }
}

fn finish_path(path: &str, item: &mut Value, schemas: &Value) {
    let Some(operations) = item.as_object_mut() else { return };
    for (method, operation) in operations {
        name_operation(operation);
        finish_bodies(method, operation);
        if path == "/healthz" || path == "/readyz" {
            operation["security"] = json!([]);
            finish_answers(path, method, operation, schemas);
            continue;
        }
        let roles = roles::declared(operation);
        operation["security"] = roles::alternatives(&roles);
        add_parameters(path, method, operation, schemas);
        finish_parameters(operation);
        finish_answers(path, method, operation, schemas);
        for status in statuses(path, method, operation) {
            let name = name_of(status);
            operation["responses"][status.to_string()] = json!({ "$ref": format!("#/components/responses/{name}") });
        }
        if let Some(responses) = operation["responses"].as_object_mut() {
            responses.sort_keys();
        }
    }
}

/// Whether something is written: what only looks has another method, or says so by its name.
pub(super) fn writes(path: &str, method: &str) -> bool {
    method != "get" && !path.ends_with("/simulate") && !path.ends_with("check")
}

/// Whether the answer has a revision, which is its entity tag.
fn is_tagged(operation: &Value, schemas: &Value) -> bool {
    ["200", "201"].iter().any(|status| {
        let content = operation["responses"][*status]["content"].as_object().and_then(|c| c.values().next());
        let name = content.and_then(|c| c["schema"]["$ref"].as_str()).and_then(|r| r.rsplit('/').next());
        name.is_some_and(|name| has_field(&schemas[name], "revision"))
    })
}

fn has_field(schema: &Value, field: &str) -> bool {
    schema["properties"].get(field).is_some() || schema["allOf"].as_array().is_some_and(|parts| parts.iter().any(|p| has_field(p, field)))
}

/// Parameters that whole kinds of operations take.
fn add_parameters(path: &str, method: &str, operation: &mut Value, schemas: &Value) {
    let mut more = Vec::new();
    if writes(path, method) {
        more.push(json!({ "name": "dry_run", "in": "query", "required": false, "schema": { "type": "boolean", "default": false },
            "description": "Only try it: it is checked and answered as if it were done, and nothing is written, sent or fetched." }));
        if method == "post" {
            more.push(json!({ "name": idempotency::KEY, "in": "header", "required": false,
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
                "description": "A name of your choice for this request, such as a UUID. The same request under the same name is done once: whoever \
                    repeats it within a day gets the first answer again. Failures are not kept." }));
        }
    }
    if method == "get" && is_tagged(operation, schemas) {
        more.push(json!({ "name": "If-None-Match", "in": "header", "required": false,
            "schema": { "type": "string" },
            "description": "The ETag that is known: the answer is 304 when it is still that of today." }));
    }
    if more.is_empty() {
        return;
    }
    match operation.get_mut("parameters").and_then(Value::as_array_mut) {
        Some(parameters) => parameters.extend(more),
        None => operation["parameters"] = more.into(),
    }
}

/// Examples and headers of what is sent and answered.
fn finish_answers(path: &str, method: &str, operation: &mut Value, schemas: &Value) {
    let tagged = is_tagged(operation, schemas);
    if let Some(content) = operation.pointer_mut("/requestBody/content") {
        show(content, schemas);
    }
    for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        if let Some(content) = response.get_mut("content") {
            show(content, schemas);
        }
        if !status.starts_with('2') {
            continue;
        }
        let names = [
            ("ETag", tagged && status != "204" && status != "202"),
            ("Location", status == "201" || status == "202"),
            (DRY_RUN, writes(path, method)),
            (idempotency::REPLAYED, method == "post" && writes(path, method)),
        ];
        for (name, _) in names.iter().filter(|(_, has)| *has) {
            response["headers"][*name] = json!({ "$ref": format!("#/components/headers/{name}") });
        }
    }
}

/// Gives each media type an example that is JSON and has none.
fn show(content: &mut Value, schemas: &Value) {
    for (_, body) in content.as_object_mut().into_iter().flatten().filter(|(media, _)| media.contains("json")) {
        if body.get("example").is_none() {
            body["example"] = examples::of_content(body, schemas);
        }
    }
}

/// Handlers are named by their verbs; an id has the noun too: `devices_list`.
fn name_operation(operation: &mut Value) {
    let (tag, id) = (operation["tags"][0].as_str().unwrap_or_default(), operation["operationId"].as_str().unwrap_or_default());
    if tag != id {
        operation["operationId"] = format!("{tag}_{id}").into();
    }
}

/// A parameter is there or not; none is `null`.
fn finish_parameters(operation: &mut Value) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Value::Array(types)) = parameter.pointer("/schema/type") {
            let first = types.first().cloned().unwrap_or_default();
            parameter["schema"]["type"] = first;
        }
        // An empty one counts as not given.
        let pattern = parameter["schema"]["pattern"].as_str().filter(|_| parameter["in"] == "query");
        if let Some(pattern) = pattern.map(|p| p.trim_start_matches('^').trim_end_matches('$').to_owned()) {
            parameter["schema"]["pattern"] = format!("^({pattern})?$").into();
        }
        if parameter["in"] == "query"
            && let Some(schema) = parameter["schema"].as_object_mut()
        {
            schema.remove("format");
        }
        if parameter["in"] == "query" && ["$ref", "enum", "oneOf"].iter().any(|word| !parameter["schema"][word].is_null()) {
            parameter["schema"] = json!({ "anyOf": [parameter["schema"].take(), { "type": "string", "maxLength": 0 }] });
        }
        match parameter["name"].as_str() {
            Some("If-Match") => parameter["schema"]["pattern"] = "^(\"[0-9]{1,19}\"|\\*)$".into(),
            Some("Last-Event-ID" | "after") => parameter["schema"]["format"] = "uuid".into(),
            _ => {}
        }
    }
}

/// A patch has its own schema; bytes have none.
fn finish_bodies(method: &str, operation: &mut Value) {
    if method == "patch"
        && let Some(Value::String(reference)) = operation.pointer_mut("/requestBody/content/application~1merge-patch+json/schema/$ref")
        && let Some(noun) = reference.strip_suffix("Write")
    {
        *reference = format!("{noun}Patch");
    }
    for (place, media) in [("/requestBody/content", "application/octet-stream"), ("/responses/200/content", "*/*")] {
        if let Some(content) = operation.pointer_mut(place).and_then(|c| c.get_mut(media)) {
            *content = json!({});
        }
    }
}

/// Reading these may be a conflict: several tenants may have one of that name, or no index is configured.
const MAY_CONFLICT: &[&str] =
    &["/profiles/{", "/address-maps/{", "/assets/{", "/phonebooks/{", "/packs/installable", "/firmware/catalogue"];

/// The problems that an operation may answer, which follow from what it takes.
fn statuses(path: &str, method: &str, operation: &Value) -> Vec<u16> {
    let writes = writes(path, method);
    let has = |place: &str| operation["parameters"].as_array().is_some_and(|p| p.iter().any(|p| p["in"] == place));
    let takes = |name: &str| operation["parameters"].as_array().is_some_and(|p| p.iter().any(|p| p["name"] == name));
    let body = operation.get("requestBody").is_some();
    let reveals = path == "/api/v1/accounts/{account}"
        || path.contains("/files/")
        || path.ends_with("/contents")
        || path.ends_with("/settings")
        || path.ends_with("/simulate")
        || path.ends_with(":check");
    let not_for_all = operation["security"].as_array().is_some_and(|roles| roles.len() < Role::ALL.len());
    let of_no_tenant = path.ends_with("/site") || path == "/metrics";
    let mut statuses = vec![401, 422, 500, 503];
    for (status, when) in [
        (400, body || has("path") || has("header")),
        (403, writes || reveals || not_for_all || of_no_tenant),
        (404, has("path") || path.ends_with("/templates:restore") || path.ends_with("/firmware:unassign")),
        (409, writes || MAY_CONFLICT.iter().any(|p| path.contains(p))),
        (304, takes("If-None-Match")),
        (412, takes("If-Match") || path.ends_with("/templates:apply") || path.ends_with("/templates:check")),
        (413, body),
        (507, writes && method == "post"),
        (415, body && !["/firmware", "/assets", "/contents", "/import"].iter().any(|p| path.ends_with(p))),
    ] {
        if when {
            statuses.push(status);
        }
    }
    statuses
}
