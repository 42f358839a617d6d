//! What stands for each parameter, and the body that each operation is called with. An operation that takes a body and has no row fails the
//! matrix.

/// How an operation is called.
#[derive(Clone, Copy, Default)]
pub struct Row {
    /// The media type of the bodies.
    pub kind: &'static str,
    /// Bodies, each good for a thing of the own tenant.
    pub bodies: &'static [&'static str],
    /// Parameters of the query.
    pub query: &'static [&'static str],
    /// For tokens for all tenants only.
    pub of_all: bool,
    /// Statuses of callers who may, beside good ones and 409.
    pub also: &'static [u16],
    /// Bodies that are more than an installer may write, by number.
    pub beyond_installers: &'static [usize],
    /// It writes nothing, though it is no GET; or tells of each line what became of it.
    pub harmless: bool,
}

/// What stands for a parameter of a path.
pub fn parameter(path: &str, name: &str) -> Option<&'static str> {
    Some(match name {
        "device" => "<device>",
        "profile" => "<profile>",
        "account" => "<account>",
        "asset" => "<asset>",
        "phonebook" => "<phonebook>",
        "upload" => "<upload>",
        "tenant" => "<tenant>",
        "job" => "<job>",
        "request" => "<request>",
        "id" if path.contains("/tokens/") => "<token>",
        "id" if path.contains("/audit/") => "<audit>",
        "map" => "<address_map>",
        "path" => "<file>",
        "scope" => "<scope>",
        "name" => "<template>",
        "pack" if path.contains("/templates/") => "cisco-7940-7960-sip",
        "pack" => "yealink",
        "firmware" => "T46S-66.86.0.15.rom",
        "revision" => "1",
        _ => return None,
    })
}

/// Another way to name the same, and what has to stand in the query then.
pub fn alternative(_path: &str, name: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match name {
        "device" => ("<mac>", None),
        "profile" => ("<profile_name>", Some("tenant=<tenant>")),
        "account" => ("<account_name>", Some("tenant=<tenant>")),
        "asset" => ("<asset_name>", Some("tenant=<tenant>")),
        "phonebook" => ("<phonebook_name>", Some("tenant=<tenant>")),
        "tenant" => ("<tenant_id>", None),
        _ => return None,
    })
}

const JSON: Row =
    Row { kind: "application/json", bodies: &[], query: &[], of_all: false, also: &[], beyond_installers: &[], harmless: false };
const BYTES: Row = Row { kind: "application/octet-stream", ..JSON };

/// The row of an operation; without a body there need be none.
pub fn row(method: &str, path: &str, has_body: bool) -> Option<Row> {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let json = |bodies| Row { bodies, ..JSON };
    Some(match (method, path) {
        ("POST", "/devices") => json(&[
            r#"{"mac": "<own.new_mac>", "tenant": "<tenant>", "model": "T46S", "label": "<own.label>"}"#,
            r#"{"mac": "<own.new_mac>", "tenant": "<own.tenant>", "model": "T46S", "profiles": ["<profile_name>"]}"#,
            r#"{"mac": "<own.new_mac>", "tenant": "<own.tenant>", "model": "T46S", "settings": {"display": {"logo": "<asset_name>"}}}"#,
            r#"{"mac": "<own.new_mac>", "tenant": "<own.tenant>", "model": "T46S",
                "settings": {"directory": {"phonebooks": [{"name": "<phonebook_name>"}]}}}"#,
        ]),
        ("PUT", "/devices/{device}") => {
            json(&[r#"{"mac": "<mac>", "model": "T46S", "label": "x"}"#, r#"{"mac": "<mac>", "model": "T46S", "tenant": "<tenant>"}"#])
        }
        ("PATCH", "/devices/{device}") => Row {
            beyond_installers: &[1],
            ..json(&[
                r#"{"label": "x", "profiles": ["<profile_name>"], "settings": {"lines": {"1": {"account": "<account_name>", "label": "y"}}}}"#,
                r#"{"settings": {"lines": {"1": {"display_name": "x"}}}}"#,
            ])
        },
        ("POST", "/devices/{device}/sync") => json(&[r#"{"action": "reload"}"#]),
        ("POST", "/devices:bulk") => {
            Row { harmless: true, ..json(&[r#"{"selector": {"tenant": "<tenant>"}, "action": {"sync": "reload"}, "dry_run": true}"#]) }
        }
        ("POST", "/devices:import") => Row {
            kind: "application/x-ndjson",
            harmless: true,
            ..json(&[r#"{"mac": "<own.new_mac>", "tenant": "<tenant>", "model": "T46S"}"#])
        },
        ("POST", "/import/macs") => {
            Row { kind: "text/plain", harmless: true, query: &["tenant=<tenant>"], ..json(&["<own.new_mac>,T46S,x"]) }
        }
        ("POST", "/profiles") => json(&[
            r#"{"name": "new", "tenant": "<tenant>"}"#,
            r#"{"name": "new", "tenant": "<own.tenant>", "parents": ["<profile_name>"]}"#,
        ]),
        ("PUT", "/profiles/{profile}") => json(&[r#"{"name": "<profile_name>", "tenant": "<tenant>", "label": "x"}"#]),
        ("PATCH", "/profiles/{profile}") => json(&[r#"{"label": "x"}"#, r#"{"tenant": "<tenant>", "label": "y"}"#]),
        ("GET", "/site") => Row { of_all: true, ..JSON },
        ("PUT" | "PATCH", "/site") => Row { of_all: true, ..json(&[r#"{"settings": {"display": {"contrast": 3}}}"#]) },
        ("GET", "/metrics") => Row { of_all: true, ..JSON },
        ("POST", "/tenants") => Row { of_all: true, ..json(&[r#"{"name": "new"}"#]) },
        ("PUT", "/tenants/{tenant}") => json(&[r#"{"networks": ["<network>"], "settings": {"display": {"contrast": 3}}}"#]),
        ("PATCH", "/tenants/{tenant}") => json(&[r#"{"settings": {"display": {"contrast": 3}}}"#]),
        ("DELETE", "/tenants/{tenant}") => Row { of_all: true, ..JSON },
        ("POST", "/accounts") => json(&[r#"{"tenant": "<tenant>", "username": "new", "password": "x"}"#]),
        ("PUT", "/accounts/{account}") => json(&[r#"{"tenant": "<tenant>", "name": "<account_name>", "password": "x"}"#]),
        ("PATCH", "/accounts/{account}") => json(&[r#"{"display_name": "x"}"#]),
        ("PUT", "/templates/{scope}/{pack}/{name}") => json(&[r#"{"source": "new"}"#]),
        ("POST", "/templates:check" | "/templates:apply") => {
            json(&[r#"{"changes": [{"scope": "<scope>", "pack": "cisco-7940-7960-sip", "name": "<template>", "source": "new"}]}"#])
        }
        ("POST", "/templates:copy") => Row {
            harmless: true,
            ..json(&[
                r#"{"from": {"pack": "cisco-7940-7960-sip", "scope": "<scope>"}, "to": {"pack": "cisco-7940-7960-sip", "scope": "tenant:<own.tenant>"}, "overwrite": true}"#,
            ])
        },
        ("POST", "/assets") => Row { query: &["name=new.png", "tenant=<tenant>"], bodies: &["text"], ..BYTES },
        ("PUT", "/assets/{asset}/contents") => Row { bodies: &["text"], ..BYTES },
        ("POST", "/phonebooks") => json(&[r#"{"name": "new", "tenant": "<tenant>"}"#]),
        ("PUT", "/phonebooks/{phonebook}") => json(&[r#"{"name": "<phonebook_name>", "tenant": "<tenant>"}"#]),
        ("PATCH", "/phonebooks/{phonebook}") => json(&[r#"{"label": "x"}"#]),
        ("POST", "/phonebooks/{phonebook}/import") => Row { bodies: &["name,number\nx,1\n"], ..BYTES },
        ("POST", "/firmware") => Row { of_all: true, query: &["name=T46S-66.86.0.16.rom", "pack=yealink"], bodies: &["x"], ..BYTES },
        ("DELETE", "/firmware/{firmware}") => Row { of_all: true, ..JSON },
        ("POST", "/firmware:fetch") => Row { of_all: true, also: &[404, 422], ..json(&[r#"{"pack": "yealink", "version": "0"}"#]) },
        ("POST", "/firmware:unpack") => Row { of_all: true, also: &[422], bodies: &["x"], ..BYTES },
        ("POST", "/firmware:assign") => json(&[r#"{"version": "1.2.3", "profile": "<profile_name>", "tenant": "<tenant>"}"#]),
        ("POST", "/firmware:unassign") => json(&[r#"{"profile": "<profile_name>", "tenant": "<tenant>"}"#]),
        ("POST", "/packs") => Row { of_all: true, also: &[422], query: &["dry_run=true"], bodies: &["x"], ..BYTES },
        ("POST", "/packs/{pack}/upgrade") => Row { of_all: true, also: &[409], ..JSON },
        ("DELETE", "/packs/{pack}") => Row { of_all: true, ..JSON },
        ("GET", "/packs/installable") => JSON,
        ("GET", "/backup") => Row { of_all: true, ..JSON },
        ("POST", "/restore") => Row { of_all: true, kind: "application/octet-stream", also: &[400, 422], bodies: &["x"], ..JSON },
        ("POST", "/simulate") => Row {
            harmless: true,
            ..json(&[
                r#"{"transport": "http", "path": "/<file>", "ip": "127.0.0.1", "headers": {"user-agent": "Yealink SIP-T46S 66.86.0.15 <mac>"}}"#,
                r#"{"transport": "http", "path": "/<file>", "ip": "<own.ip>", "headers": {"user-agent": "Yealink SIP-T46S 66.86.0.15 <mac>"}}"#,
                r#"{"transport": "http", "path": "/y000000000066.cfg", "ip": "<ip>", "use_learnt": true}"#,
                r#"{"transport": "tftp", "path": "<file>", "ip": "<ip>", "use_learnt": true}"#,
            ])
        },
        ("POST", "/address-maps") => json(&[r#"{"address": "198.51.100.1", "name": "pbx.example.com", "tenant": "<tenant>"}"#]),
        ("PUT", "/address-maps/{map}") => json(&[r#"{"address": "198.51.100.1", "name": "pbx.example.com", "tenant": "<tenant>"}"#]),
        ("PATCH", "/address-maps/{map}") => json(&[r#"{"name": "pbx.example.com"}"#]),
        ("GET", "/site/history" | "/site/history/{revision}") => Row { of_all: true, ..JSON },
        ("POST", "/site/history/{revision}/restore") => Row { of_all: true, ..JSON },
        ("GET", "/templates:history") => Row { query: &["scope=<scope>", "pack=cisco-7940-7960-sip", "name=<template>"], ..JSON },
        ("GET", "/templates:version") => {
            Row { query: &["scope=<scope>", "pack=cisco-7940-7960-sip", "name=<template>", "revision=1"], ..JSON }
        }
        ("POST", "/templates:restore") => {
            json(&[r#"{"scope": "<scope>", "pack": "cisco-7940-7960-sip", "name": "<template>", "revision": 1}"#])
        }
        ("POST", "/tokens") => json(&[r#"{"label": "new", "role": "operator", "tenants": ["<tenant>"]}"#]),
        _ if has_body => return None,
        _ => JSON,
    })
}
