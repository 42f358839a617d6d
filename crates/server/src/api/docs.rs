//! The description of the API: the OpenAPI document, and a page made of it for people, without anything from outside.

use std::sync::LazyLock;

use axum::{
    Json, Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    openapi,
    params::NoParams,
    problem::{KINDS, Problem},
};
use crate::app::App;

const STYLE: &str = include_str!("docs.css");
const SCRIPT: &str = include_str!("docs.js");

/// In the order in which a reader meets them.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The document and the page.
pub(super) fn router() -> Router<App> {
    Router::new().route("/api/v1/openapi.json", get(document)).route("/api/docs", get(page))
}

async fn document(_: NoParams) -> Json<&'static Value> {
    Json(openapi::document())
}

async fn page(_: NoParams) -> Result<Response, Problem> {
    static PAGE: LazyLock<String> = LazyLock::new(|| write_page(openapi::document()));
    // The page's own script runs and no other.
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let script = STANDARD.encode(Sha256::digest(SCRIPT));
        format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{script}'; frame-ancestors 'none'")
    });
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY.as_str())];
    Ok((headers, PAGE.as_str()).into_response())
}

fn write_page(document: &Value) -> String {
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>Offhook API</title>\
             <style>{STYLE}</style><header><h1>Offhook API</h1><input type=search id=find hidden placeholder=\"Search: device import, POST, account …\" \
             aria-label=\"Search this page\"><p id=found role=status></p></header>"
    );
    let tags = document["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    out.push_str("<nav aria-label=Contents>");
    for tag in tags {
        let name = escape(text(&tag["name"]));
        out.push_str(&format!("<a href=\"#{name}\">{name}</a>"));
    }
    out.push_str("<a href=\"#problems\">problems</a><a href=\"#schemas\">schemas</a></nav><main>");
    out.push_str(&format!("<p>{}</p>", prose(&document["info"]["description"])));
    out.push_str(
        "<p>Send <code>Authorization: Bearer TOKEN</code> with every call, as in <code>curl -H \"Authorization: Bearer $TOKEN\" \
         http://127.0.0.1:8666/api/v1/devices</code>. Each operation says which roles may call it. The same for machines: \
         <a href=\"/api/v1/openapi.json\">openapi.json</a>.</p>",
    );
    for tag in tags {
        write_tag(&mut out, document, tag);
    }
    write_problems(&mut out);
    write_schemas(&mut out, &document["components"]["schemas"]);
    out.push_str(&format!("</main><script>{SCRIPT}</script>"));
    out
}

fn write_tag(out: &mut String, document: &Value, tag: &Value) {
    let name = text(&tag["name"]);
    out.push_str(&format!("<section><h2 id=\"{0}\">{0}</h2><p>{1}</p>", escape(name), prose(&tag["description"])));
    let paths = document["paths"].as_object().into_iter().flatten();
    for (path, item) in paths {
        for method in METHODS {
            let operation = &item[method];
            if operation["tags"].as_array().is_some_and(|tags| tags.iter().any(|t| t == name)) {
                write_operation(out, method, path, operation, &document["components"]["schemas"]);
            }
        }
    }
    out.push_str("</section>");
}

fn write_operation(out: &mut String, method: &str, path: &str, operation: &Value, schemas: &Value) {
    let summary = prose(&operation["summary"]);
    let id = escape(text(&operation["operationId"]));
    out.push_str(&format!(
        "<details class=operation><summary><b class={method}>{}</b> <code>{}</code> <span>{summary}</span></summary><div id=\"{id}\">",
        method.to_uppercase(),
        escape(path)
    ));
    let description = prose(&operation["description"]);
    if !description.is_empty() {
        out.push_str(&format!("<p>{description}</p>"));
    }
    write_roles(out, operation);
    write_parameters(out, operation);
    for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        out.push_str(&format!("<h3>Body</h3><p><code>{}</code> {}", escape(media), kind(&content["schema"])));
        out.push_str(&format!(" {}</p>", prose(&operation["requestBody"]["description"])));
        write_named_fields(out, &content["schema"], schemas);
        write_example(out, &content["example"]);
    }
    write_answers(out, operation);
    out.push_str("</div></details>");
}

fn write_roles(out: &mut String, operation: &Value) {
    let roles = operation["security"].as_array().into_iter().flatten().filter_map(|a| a["token"][0].as_str());
    let roles: Vec<String> = roles.map(|role| format!("<span class=role>{}</span>", escape(role))).collect();
    let who = if roles.is_empty() { "anybody, without a token".to_owned() } else { roles.join(" ") };
    out.push_str(&format!("<p class=who>May be called by {who}</p>"));
}

fn write_parameters(out: &mut String, operation: &Value) {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if parameters.is_empty() {
        return;
    }
    out.push_str("<h3>Parameters</h3><table><tr><th>name<th>in<th>type<th>meaning</tr>");
    for parameter in parameters {
        let schema = &parameter["schema"];
        let (name, place) = (escape(text(&parameter["name"])), escape(text(&parameter["in"])));
        let mut about = kind(schema);
        for (field, word) in [("default", "default"), ("minimum", "from"), ("maximum", "to")] {
            if let Some(value) = schema.get(field) {
                about.push_str(&format!(" <span class=bound>{word} {}</span>", escape(&value.to_string())));
            }
        }
        let needed = if parameter["required"] == true { " <span class=bound>needed</span>" } else { "" };
        out.push_str(&format!("<tr><td><code>{name}</code>{needed}<td>{place}<td>{about}<td>{}</tr>", prose(&parameter["description"])));
    }
    out.push_str("</table>");
}

fn write_answers(out: &mut String, operation: &Value) {
    out.push_str("<h3>Answers</h3>");
    let mut problems = String::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let status = escape(status);
        if response["$ref"].is_string() {
            let kind = KINDS.iter().find(|kind| kind.status.as_str() == status);
            match kind {
                Some(kind) => {
                    problems.push_str(&format!(" <a href=\"#problem-{}\" title=\"{}\">{status}</a>", kind.name, escape(kind.title)))
                }
                None => problems.push_str(&format!(" {status}")),
            }
            continue;
        }
        let headers = response["headers"].as_object().into_iter().flatten();
        let headers: Vec<String> = headers.map(|(name, _)| format!("<code>{}</code>", escape(name))).collect();
        let headers = if headers.is_empty() { String::new() } else { format!(" <span class=bound>headers {}</span>", headers.join(" ")) };
        out.push_str(&format!("<p><b>{status}</b> {}{headers}</p>", prose(&response["description"])));
        for (media, content) in response["content"].as_object().into_iter().flatten() {
            out.push_str(&format!("<p><code>{}</code> {}</p>", escape(media), kind(&content["schema"])));
            write_example(out, &content["example"]);
        }
    }
    if !problems.is_empty() {
        out.push_str(&format!("<p>Otherwise:{problems}</p>"));
    }
}

/// The fields of a body, folded, those of what it is a list of too.
fn write_named_fields(out: &mut String, schema: &Value, schemas: &Value) {
    let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) else { return };
    out.push_str("<details><summary>fields</summary>");
    write_fields(out, &schemas[name], 0);
    out.push_str("</details>");
}

fn write_example(out: &mut String, example: &Value) {
    let shown = match example {
        Value::Null => return,
        Value::String(text) => text.clone(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    };
    let open = if shown.lines().count() < 24 { " open" } else { "" };
    out.push_str(&format!("<details{open}><summary>example</summary><pre>{}</pre></details>", escape(&shown)));
}

fn write_problems(out: &mut String) {
    out.push_str("<section><h2 id=problems>problems</h2><table><tr><th>type<th>status<th>meaning</tr>");
    for kind in KINDS {
        let (name, status) = (kind.name, kind.status.as_u16());
        let meaning = prose(&Value::from(format!("{}. {}", kind.title, kind.meaning)));
        out.push_str(&format!("<tr id=\"problem-{name}\"><td><code>{name}</code><td>{status}<td>{meaning}</tr>"));
    }
    out.push_str("</table></section>");
}

fn write_schemas(out: &mut String, schemas: &Value) {
    out.push_str("<section><h2 id=schemas>schemas</h2>");
    for (name, schema) in schemas.as_object().into_iter().flatten() {
        let name = escape(name);
        // The mark is inside, so that a link to it opens the fold.
        out.push_str(&format!(
            "<details class=operation><summary><code>{name}</code></summary><p id=\"schema-{name}\">{}</p>",
            prose(&schema["description"])
        ));
        write_fields(out, schema, 0);
        let example = schema.get("example").or_else(|| schema["examples"].get(0));
        if let Some(example) = example {
            let example = serde_json::to_string_pretty(example).unwrap_or_default();
            out.push_str(&format!("<pre>{}</pre>", escape(&example)));
        }
        out.push_str("</details>");
    }
    out.push_str("</section>");
}

/// The fields of a schema, those of objects within it too, down to a depth that no schema of ours reaches.
fn write_fields(out: &mut String, schema: &Value, depth: usize) {
    let no_fields = Map::new();
    let fields = schema["properties"].as_object().unwrap_or(&no_fields);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        match part["$ref"].as_str() {
            Some(_) => out.push_str(&format!("<p>and the fields of {}</p>", kind(part))),
            None => write_fields(out, part, depth + 1),
        }
    }
    if fields.is_empty() || depth > 12 {
        return;
    }
    out.push_str("<table>");
    for (name, field) in fields {
        out.push_str(&format!("<tr><td><code>{}</code><td>{}<td>{}", escape(name), kind(field), prose(&field["description"])));
        let below = within(field);
        if below["properties"].is_object() {
            out.push_str("<details><summary>fields</summary>");
            write_fields(out, below, depth + 1);
            out.push_str("</details>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</table>");
}

/// The object that a field is, or that each item of it is.
fn within(field: &Value) -> &Value {
    let named = field["patternProperties"].as_object().and_then(|p| p.values().next());
    [Some(&field["items"]), named, Some(&field["additionalProperties"])].into_iter().flatten().find(|v| v.is_object()).unwrap_or(field)
}

/// What a schema is, in a word or with a link.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
        let name = escape(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(parts) = schema[several].as_array() {
            return parts.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|v| format!("<code>{}</code>", escape(&v.to_string()))).collect::<Vec<_>>().join(" ");
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) => escape(name),
        Value::Array(names) => escape(&names.iter().map(text).collect::<Vec<_>>().join(" or ")),
        _ => String::new(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Prose with `code` in back quotes.
fn prose(value: &Value) -> String {
    let mut out = String::new();
    for (i, part) in text(value).split('`').enumerate() {
        if i % 2 == 1 {
            out.push_str(&format!("<code>{}</code>", escape(part)));
        } else {
            out.push_str(&escape(part));
        }
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
