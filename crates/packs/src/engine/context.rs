//! What a template sees: settings, lines, keys, device, model, server, image, tables.

use offhook_core::{device::State, sighting::FileKind};
use serde_json::{Map, Value as Json, json};

use crate::{DeviceFacts, RenderInput, Route, image::ImageState, models::Model};

/// The context of one file. `settings` are already without secrets where the file may hold none; `raw` is what the file gets.
pub(crate) fn context(
    route: &Route,
    model: &Model,
    input: &RenderInput<'_>,
    settings: Json,
    raw: Json,
    image: Option<&ImageState>,
    phonebook: Option<Json>,
) -> Json {
    let kind = route.kind();
    let server = input.server;
    json!({
        "lines": lines(&settings, model),
        "keys": numbered(settings.get("keys")),
        "soft_keys": numbered(settings.get("soft_keys")),
        "modules": modules(&settings),
        "device": device(input.device, kind == FileKind::Device),
        "model": model.value,
        "tenant": { "name": input.tenant },
        "server": { "url": server.url, "host": server.host, "port": server.port, "scheme": server.scheme },
        "file": { "name": route.name, "path": route.path, "kind": kind.as_str() },
        "image": image.map(|i| json!({ "name": i.name, "files": i.files, "missing": i.missing, "complete": i.missing.is_empty() })),
        "raw": raw,
        "phonebook": phonebook,
        "settings": settings,
    })
}

/// Things with numbers as keys, in order of number, each with `n`.
fn numbered(things: Option<&Json>) -> Vec<Json> {
    let mut out: Vec<(u64, Json)> = Vec::new();
    for (number, thing) in things.and_then(Json::as_object).into_iter().flatten() {
        if let (Ok(n), Some(thing)) = (number.parse::<u64>(), thing.as_object()) {
            let mut thing = thing.clone();
            thing.insert("n".to_owned(), n.into());
            out.push((n, Json::Object(thing)));
        }
    }
    out.sort_by_key(|(n, _)| *n);
    out.into_iter().map(|(_, thing)| thing).collect()
}

fn lines(settings: &Json, model: &Model) -> Vec<Json> {
    let mut lines = numbered(settings.get("lines"));
    lines.retain(|l| {
        l.get("enabled") != Some(&Json::Bool(false)) && l.get("n").and_then(Json::as_u64).is_some_and(|n| n <= u64::from(model.accounts))
    });
    for line in lines.iter_mut().filter_map(Json::as_object_mut) {
        fall_back(line);
    }
    lines
}

/// What a line does not say follows from what it says.
fn fall_back(line: &mut Map<String, Json>) {
    let servers = match (line.get("servers"), line.get("registrar")) {
        (Some(Json::Array(list)), _) if !list.is_empty() => list.clone(),
        (_, Some(registrar)) => vec![registrar.clone()],
        _ => Vec::new(),
    };
    if let Some(first) = servers.first() {
        line.entry("registrar").or_insert_with(|| first.clone());
    }
    line.insert("servers".to_owned(), Json::Array(servers));
    for (field, from) in [("auth_username", "username"), ("mailbox", "number")] {
        if let (None, Some(value)) = (line.get(field), line.get(from).cloned()) {
            line.insert(field.to_owned(), value);
        }
    }
}

fn modules(settings: &Json) -> Vec<Json> {
    let mut modules = numbered(settings.get("modules"));
    for module in modules.iter_mut().filter_map(Json::as_object_mut) {
        let keys = numbered(module.get("keys"));
        module.insert("keys".to_owned(), Json::Array(keys));
    }
    modules
}

fn device(facts: &DeviceFacts, own: bool) -> Json {
    let mac = facts.mac.filter(|_| own);
    let text = |t: &str| if own { t.to_owned() } else { String::new() };
    json!({
        "id": text(&facts.id),
        "mac": mac.map(|m| m.to_string()).unwrap_or_default(),
        "mac_bare": mac.map(|m| m.bare()).unwrap_or_default(),
        "MAC": mac.map(|m| m.bare_upper()).unwrap_or_default(),
        "serial": text(facts.serial.as_deref().unwrap_or("")),
        "label": text(&facts.label),
        "location": text(&facts.location),
        "model": facts.model,
        "vendor": facts.vendor,
        "firmware": facts.firmware,
        "state": text(facts.state.unwrap_or(State::Ready).as_str()),
    })
}
