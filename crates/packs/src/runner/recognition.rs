//! `tests/identify.toml`: what inputs must tell, and what they must not.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
};

use offhook_core::{
    request::{Request, Transport},
    sighting::FileKind,
};
use serde::Deserialize;

use super::{TestReport, toml_fault};
use crate::Catalog;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    #[serde(default)]
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    user_agent: Option<String>,
    path: Option<String>,
    option60: Option<String>,
    certificate: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    query: Option<String>,
    vendor: Option<String>,
    model: Option<String>,
    version: Option<String>,
    mac: Option<String>,
    serial: Option<String>,
    uuid: Option<String>,
    kind: Option<FileKind>,
    #[serde(default)]
    credentials: bool,
}

const SUITE: &str = "identify.toml";

pub(super) fn run(catalog: &Catalog, file: &Path, report: &mut TestReport) {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return,
        Err(e) => return report.fail(SUITE, "", e.to_string()),
    };
    match toml::from_str::<Suite>(&text) {
        Ok(suite) => suite.case.iter().for_each(|case| one(catalog, case, report)),
        Err(e) => report.fail(SUITE, "", toml_fault(&e, &text)),
    }
}

fn request(case: &Case) -> Request {
    let mut request = Request::new(Transport::Http, IpAddr::V4(Ipv4Addr::LOCALHOST));
    let path = case.path.as_deref().map(|p| p.split_once('?').map_or((p, None), |(p, q)| (p, Some(q))));
    request.path = path.map(|(p, _)| decoded(p));
    request.query = case.query.clone().or_else(|| path.and_then(|(_, q)| q).map(str::to_owned));
    request.headers = case.headers.iter().map(|(n, v)| (n.to_lowercase(), v.clone())).collect();
    if let Some(agent) = &case.user_agent {
        request.headers.push(("user-agent".to_owned(), agent.clone()));
    }
    request.option60.clone_from(&case.option60);
    request.certificate_subject.clone_from(&case.certificate);
    request
}

/// Percent-decoded, as a listener gives it.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| first == b'%').and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok());
        bytes.push(hex.unwrap_or(first));
        rest = if hex.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn one(catalog: &Catalog, case: &Case, report: &mut TestReport) {
    let found = catalog.identify(&request(case), None);
    let sighting = &found.sighting;
    let mac = sighting.mac.map(|m| m.to_string());
    let label = [&case.user_agent, &case.path, &case.option60, &case.certificate, &case.query].into_iter().flatten().next();
    let label = label.map_or_else(|| format!("{:?}", case.headers), |l| l.escape_debug().to_string());
    let mut fields = vec![
        ("vendor", &case.vendor, &sighting.vendor),
        ("version", &case.version, &sighting.firmware),
        ("mac", &case.mac, &mac),
        ("serial", &case.serial, &sighting.serial),
        ("uuid", &case.uuid, &sighting.uuid),
    ];
    // A path tells people of a model; as a fact it counts only where the case says so.
    if case.path.is_none() || case.model.is_some() {
        fields.push(("model", &case.model, &sighting.model));
    }
    let failed = report.failures.len();
    for (field, wanted, got) in fields {
        let plain = |t: &Option<String>| t.as_deref().unwrap_or("").to_lowercase();
        if plain(wanted) != plain(got) {
            report.fail(SUITE, format!("{label}: {field}"), format!("must be {}, is {}", shown(wanted), shown(got)));
        }
    }
    if case.path.is_some() {
        let route = catalog.choose(sighting, &found.routes, None).route;
        let kind = route.as_ref().map_or(FileKind::Other, crate::Route::kind);
        let credentials = route.as_ref().is_some_and(crate::Route::credentials);
        let wanted = case.kind.unwrap_or(FileKind::Other);
        if kind != wanted {
            report.fail(SUITE, format!("{label}: kind"), format!("must be {}, is {}", wanted.as_str(), kind.as_str()));
        }
        if credentials != case.credentials {
            report.fail(SUITE, format!("{label}: credentials"), format!("must be {}, is {credentials}", case.credentials));
        }
    }
    report.passed += usize::from(report.failures.len() == failed);
}

fn shown(value: &Option<String>) -> String {
    value.as_ref().filter(|v| !v.is_empty()).map_or_else(|| "nothing".to_owned(), |v| format!("{v:?}"))
}
