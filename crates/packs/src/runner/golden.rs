//! `tests/<case>`: a device and its settings in, exact files out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
};

use offhook_core::{
    Mac,
    asset::AssetKind,
    device::State,
    request::{Request, Transport},
    settings::{AccountValues, Effective, Fault, Layer, LayerSource, Scope, Settings, VariableContext, built_in, compose, while_pending},
    sighting::FileKind,
};
use serde::Deserialize;

use super::{
    TestReport,
    stored::{self, CasePhonebook},
    toml_fault,
};
use crate::{
    Catalog, DeviceFacts, FirmwareShelf, Pack, RenderError, RenderInput, Route, ServerFacts,
    manifest::Source,
    pattern::{PathPattern, PathValues},
};

/// Derived passwords of golden files come of this key and this device.
const KEY: &[u8] = b"the key of golden files, no secret";
const DEVICE: &str = "00000000-0000-7000-8000-000000000001";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    firmware: Vec<String>,
    files: Option<Vec<String>>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    device: CaseDevice,
    #[serde(default)]
    server: CaseServer,
    #[serde(default)]
    site: toml::Table,
    #[serde(default)]
    tenant: toml::Table,
    #[serde(default)]
    profile: toml::Table,
    #[serde(default)]
    settings: toml::Table,
    #[serde(default)]
    accounts: BTreeMap<String, toml::Table>,
    #[serde(default)]
    assets: BTreeMap<String, AssetKind>,
    #[serde(default)]
    phonebooks: BTreeMap<String, CasePhonebook>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseDevice {
    mac: Option<Mac>,
    model: Option<String>,
    vendor: Option<String>,
    firmware: Option<String>,
    serial: Option<String>,
    #[serde(default)]
    label: String,
    #[serde(default)]
    location: String,
    state: Option<State>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseServer {
    url: String,
}

impl Default for CaseServer {
    fn default() -> Self {
        Self { url: "http://192.0.2.1:8667".to_owned() }
    }
}

struct Shelf(Vec<String>);

impl FirmwareShelf for Shelf {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|n| n.eq_ignore_ascii_case(name))
    }
}

pub(super) fn run(catalog: &Catalog, pack: &Arc<Pack>, tests: &Path, bless: bool, report: &mut TestReport) {
    let mut folders: Vec<_> = fs::read_dir(tests).into_iter().flatten().flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if let Err(message) = one(catalog, pack, &folder, &name, bless, report) {
            report.fail(&name, "case.toml", message);
        }
    }
}

fn one(catalog: &Catalog, pack: &Arc<Pack>, folder: &Path, name: &str, bless: bool, report: &mut TestReport) -> Result<(), String> {
    let text = fs::read_to_string(folder.join("case.toml")).map_err(|e| e.to_string())?;
    let case: Case = toml::from_str(&text).map_err(|e| toml_fault(&e, &text))?;
    let facts = facts(&case);
    let server = ServerFacts::new(&case.server.url);
    let layers = CaseLayers::new(&case)?;
    let own = layers.effective(pack, &facts, &server, true);
    let common = layers.effective(pack, &facts, &server, false);
    let shelf = Shelf(case.firmware.clone());
    let resources = stored::resources(&case.assets, &case.phonebooks);
    let pending = facts.state == Some(State::Pending);
    let mut made = BTreeSet::new();
    let render = |route: &Route| {
        let mut settings = if route.kind() == FileKind::Device { own.clone() } else { common.clone() };
        let encryption_key = route.encryption_key(&settings);
        if !route.credentials() || pending {
            settings.without_secrets(catalog.raw_secrets());
        }
        let input = RenderInput {
            device: &facts,
            tenant: "default",
            server: &server,
            settings: &settings,
            shelf: &shelf,
            resources: &resources,
            encryption_key,
            names: &Arc::default(),
            overlay: None,
        };
        pack.render(route, &input)
    };
    for file in &case.absent {
        match render(&route(catalog, pack, &facts, file)?) {
            Err(RenderError::Absent { .. }) => report.passed += 1,
            Err(e) => report.fail(name, file, e.to_string()),
            Ok(_) => report.fail(name, file, "must be absent, but was rendered"),
        }
    }
    let routes = match &case.files {
        Some(files) => files.iter().map(|f| route(catalog, pack, &facts, f)).collect::<Result<Vec<_>, _>>()?,
        None => pack.files_for(&facts).into_iter().filter(|r| r.source() != Source::None).collect(),
    };
    for route in &routes {
        match render(route) {
            Ok(rendered) => {
                compare(folder, name, &route.path, &rendered.bytes, bless, report);
                made.insert(route.path.to_lowercase());
            }
            Err(RenderError::Absent { .. }) if case.files.is_none() => {}
            Err(e) => report.fail(name, &route.path, e.to_string()),
        }
    }
    stale(&folder.join("expected"), "", name, &made, bless, report);
    Ok(())
}

fn facts(case: &Case) -> DeviceFacts {
    let device = &case.device;
    DeviceFacts {
        id: DEVICE.to_owned(),
        mac: device.mac,
        serial: device.serial.clone(),
        label: device.label.clone(),
        location: device.location.clone(),
        model: device.model.clone(),
        vendor: device.vendor.clone(),
        firmware: device.firmware.clone(),
        state: device.state,
    }
}

/// The route of a name that a phone asks for.
fn route(catalog: &Catalog, pack: &Arc<Pack>, facts: &DeviceFacts, file: &str) -> Result<Route, String> {
    let model = pack.model(facts.model.as_deref());
    let values = PathValues {
        mac: facts.mac,
        model: Some(&model.file_model),
        code: model.codes.first().copied(),
        serial: facts.serial.as_deref(),
        ..PathValues::default()
    };
    let path = PathPattern::parse(file)?.make(&values).ok_or_else(|| format!("{file:?} has a placeholder that the case does not tell"))?;
    let mut request = Request::new(Transport::Http, IpAddr::V4(Ipv4Addr::LOCALHOST));
    request.path = Some(path.clone());
    let found = catalog.identify(&request, None);
    found.routes.into_iter().find(|r| Arc::ptr_eq(&r.pack, pack)).ok_or_else(|| format!("{path:?} is no file of the pack"))
}

/// The validated layers of a case.
struct CaseLayers {
    site: Settings,
    tenant: Settings,
    profile: Settings,
    device: Settings,
    accounts: BTreeMap<String, AccountValues>,
}

impl CaseLayers {
    fn new(case: &Case) -> Result<Self, String> {
        let read = |place: &str, table: &toml::Table, scope| {
            let json = serde_json::to_value(table).map_err(|e| e.to_string())?;
            Settings::validate(&json, scope).map_err(|f| text(place, &f))
        };
        let mut accounts = BTreeMap::new();
        for (name, table) in &case.accounts {
            let json = serde_json::to_value(table).map_err(|e| e.to_string())?;
            let values = AccountValues::validate(&json, Scope::Account).map_err(|f| text(&format!("accounts.{name}"), &f))?;
            accounts.insert(name.clone(), values);
        }
        Ok(Self {
            site: read("site", &case.site, Scope::Site)?,
            tenant: read("tenant", &case.tenant, Scope::Tenant)?,
            profile: read("profile", &case.profile, Scope::Profile)?,
            device: read("settings", &case.settings, Scope::Device)?,
            accounts,
        })
    }

    fn effective(&self, pack: &Pack, facts: &DeviceFacts, server: &ServerFacts, own: bool) -> Effective {
        let mut layers = vec![
            layer(LayerSource::BuiltIn, built_in()),
            layer(LayerSource::Site, &self.site),
            layer(LayerSource::Tenant("default".into()), &self.tenant),
        ];
        if own {
            layers.push(layer(LayerSource::Profile("profile".into()), &self.profile));
            layers.push(layer(LayerSource::Device, &self.device));
        }
        let pending = facts.state == Some(State::Pending);
        let layers = if pending { while_pending(layers) } else { layers };
        let mut effective = compose(&layers, &|name| if pending { None } else { self.accounts.get(name) });
        effective.fill_generated(KEY, DEVICE, &|path| pack.generated(path));
        let variables = VariableContext {
            lines: effective.line_variables(),
            device_mac: facts.mac.map(|m| m.to_string()),
            device_label: Some(facts.label.clone()),
            device_location: Some(facts.location.clone()),
            device_model: facts.model.clone(),
            tenant_name: Some("default".to_owned()),
            server_host: Some(server.host.clone()),
            server_url: Some(server.url.clone()),
            call: pack.call_variables(),
        };
        effective.expand(&variables);
        effective
    }
}

fn layer(source: LayerSource, settings: &Settings) -> Layer<'_> {
    Layer { source, settings, unset: &[] }
}

fn text(place: &str, faults: &[Fault]) -> String {
    faults.iter().map(|f| format!("{place}.{}: {}", f.path, f.message)).collect::<Vec<_>>().join("; ")
}

fn compare(folder: &Path, case: &str, path: &str, bytes: &[u8], bless: bool, report: &mut TestReport) {
    let expected = folder.join("expected").join(path);
    let before = fs::read(&expected).ok();
    if before.as_deref() == Some(bytes) {
        report.passed += 1;
        return;
    }
    if bless {
        let written = expected.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&expected, bytes));
        match written {
            Ok(()) => report.written.push(format!("{case}/expected/{path}")),
            Err(e) => report.fail(case, path, e.to_string()),
        }
        return;
    }
    match before {
        Some(before) => report.fail(case, path, difference(&before, bytes)),
        None => report.fail(case, path, "was rendered, but there is no expected file (--bless writes it)"),
    }
}

/// The first line that differs.
fn difference(expected: &[u8], got: &[u8]) -> String {
    let lines = |bytes: &[u8]| {
        bytes.split_inclusive(|&b| b == b'\n').map(|l| String::from_utf8_lossy(l).escape_debug().to_string()).collect::<Vec<_>>()
    };
    let (expected, got) = (lines(expected), lines(got));
    let at = expected.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let shown = |lines: &[String]| lines.get(at).map_or_else(|| "the end of the file".to_owned(), |l| format!("\"{l}\""));
    format!("line {}: expected {}, got {}", at + 1, shown(&expected), shown(&got))
}

/// Expected files that nothing made.
fn stale(dir: &Path, below: &str, case: &str, made: &BTreeSet<String>, bless: bool, report: &mut TestReport) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            stale(&entry.path(), &format!("{path}/"), case, made, bless, report);
        } else if !made.contains(&path.to_lowercase()) {
            if bless && fs::remove_file(entry.path()).is_ok() {
                report.written.push(format!("{case}/expected/{path} (removed)"));
            } else {
                report.fail(case, path, "is stale: nothing made such a file");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown() {
        assert_eq!(difference(b"a\nb\n", b"a\nc\n"), "line 2: expected \"b\\n\", got \"c\\n\"");
        assert_eq!(difference(b"a\n", b"a\nb"), "line 2: expected the end of the file, got \"b\"");
    }
}
