//! The check of a pack that can be loaded: files of every model rendered, read back, and looked at.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use offhook_core::{Mac, settings::Effective};

use super::{CheckReport, sample};
use crate::{
    DeviceFacts, FirmwareShelf, Pack, RenderError, RenderInput, Route, ServerFacts, charset,
    manifest::Source,
    models::{Model, fault},
    variant,
};

/// A text in which each sign means something to some format, and its plain counterpart of the same kind.
const HOSTILE: &str = "Zoë \"O'N\"; #1 = <b>&amp;]]> -->\\ : ,";
pub(super) const PLAIN: &str = "Zoe ONeill";

struct Everything;

impl FirmwareShelf for Everything {
    fn has(&self, _name: &str) -> bool {
        true
    }
}

pub(super) fn check(pack: &Arc<Pack>) -> CheckReport {
    let mut report = CheckReport::default();
    let mut seen = BTreeSet::new();
    let models: Vec<&Model> = std::iter::once(&pack.models.generic).chain(&pack.models.list).collect();
    for model in models {
        report.models += 1;
        let settings = [PLAIN, HOSTILE].map(|text| sample::settings(model, text, pack.id()));
        for (route, firmware) in routes(pack, model) {
            report.files += 1;
            for (place, message) in faults(pack, model, (&route, firmware.as_deref()), &settings) {
                let file = pack.files()[route.file].name.clone();
                // The same fault for every model is told once.
                if seen.insert((file.clone(), place.clone(), message.clone())) {
                    let name = if model.name.is_empty() { "generic model" } else { &model.name };
                    report.faults.push(fault(pack.id(), &place, format!("file {file:?}, {name}"), message));
                }
            }
        }
    }
    for (pattern, _) in pack.head.by_hand.iter().filter(|(_, text)| text.trim().is_empty()) {
        report.faults.push(fault(pack.id(), "vendor.toml", format!("by_hand.{pattern:?}"), "says nothing".to_owned()));
    }
    report
}

pub(super) fn facts(model: &Model, firmware: Option<&str>) -> DeviceFacts {
    DeviceFacts {
        id: "check".to_owned(),
        mac: Mac::new([2, 0, 0x5e, 0xaa, 0xbb, 0xcc]),
        serial: Some("SN0001".to_owned()),
        label: HOSTILE.to_owned(),
        model: Some(model.name.clone()).filter(|n| !n.is_empty()),
        firmware: firmware.map(str::to_owned),
        ..DeviceFacts::default()
    }
}

/// Every file of a model, in each of its forms: with a firmware that has that form.
fn routes(pack: &Arc<Pack>, model: &Model) -> Vec<(Route, Option<String>)> {
    let mut routes = pack.files_for(&facts(model, None));
    routes.retain(|r| matches!(r.source(), Source::Template | Source::Static));
    let forms = |r: &Route| variant::firmwares(&pack.files()[r.file]);
    routes.into_iter().flat_map(|r| forms(&r).into_iter().map(move |f| (r.clone(), f))).collect()
}

/// (file of the pack, message)
fn faults(pack: &Arc<Pack>, model: &Model, route: (&Route, Option<&str>), [plain, hostile]: &[Effective; 2]) -> Vec<(String, String)> {
    let spec = &*variant::form(&pack.files()[route.0.file], model, route.1);
    let (plain, hostile) = match (render(pack, model, route, plain), render(pack, model, route, hostile)) {
        (Ok(plain), Ok(hostile)) => (plain, hostile),
        (Err(RenderError::Absent { .. }), _) if spec.needs_image || spec.optional => return Vec::new(),
        (Err(e), _) | (_, Err(e)) => return vec![error(&e)],
    };
    let Some(format) = spec.format.as_ref().and_then(|f| pack.formats.get(f)) else { return Vec::new() };
    let mut out = Vec::new();
    let mut names = Vec::new();
    for (bytes, template) in [&plain, &hostile] {
        let place = format!("templates/{template}");
        let text = charset::decode(bytes, spec.charset.unwrap_or(pack.head.charset));
        if !spec.credentials && text.contains(sample::SECRET) {
            out.push((place.clone(), "holds a secret, but the file is not marked with credentials = true".to_owned()));
        }
        if format.first_line.as_deref().is_some_and(|first| text.lines().next() != Some(first)) {
            out.push((place.clone(), "does not begin with the first_line of its format".to_owned()));
        }
        match format.parse(&text) {
            Ok(parameters) => {
                let mut seen = HashSet::new();
                for p in parameters.iter().filter(|p| !format.repeats(&p.name)) {
                    if !seen.insert(p.name.as_str()) {
                        out.push((place.clone(), format!("{} stands twice (again in line {} of the file)", p.name, p.line)));
                    }
                }
                names.push(parameters.into_iter().map(|p| p.name).collect::<Vec<_>>());
            }
            Err((line, message)) => out.push((place, format!("line {line} of the file {message}"))),
        }
    }
    if let [a, b] = names.as_slice()
        && let Some(name) = a.iter().zip(b).find(|(a, b)| a != b).map(|(_, b)| b).or_else(|| b.get(a.len()))
    {
        out.push((
            format!("templates/{}", hostile.1),
            format!("{name}: other parameters are written when a text holds signs of the syntax"),
        ));
    }
    out
}

/// The parameters of every file that can be read back, by the file's name in the manifest.
pub(super) fn parameters(pack: &Arc<Pack>, model: &Model) -> BTreeMap<String, BTreeMap<String, String>> {
    let settings = sample::settings(model, PLAIN, pack.id());
    let mut out = BTreeMap::new();
    for (route, firmware) in routes(pack, model) {
        let spec = &pack.files()[route.file];
        let Some(format) = spec.format.as_ref().and_then(|f| pack.formats.get(f)) else { continue };
        let Ok((bytes, _)) = render(pack, model, (&route, firmware.as_deref()), &settings) else { continue };
        let text = charset::decode(&bytes, spec.charset.unwrap_or(pack.head.charset));
        let Ok(parameters) = format.parse(&text) else { continue };
        out.insert(spec.name.clone(), parameters.into_iter().map(|p| (p.name, p.value)).collect());
    }
    out
}

fn error(e: &RenderError) -> (String, String) {
    match e {
        RenderError::Template { template, .. } => (format!("templates/{template}"), e.to_string()),
        _ => ("vendor.toml".to_owned(), e.to_string()),
    }
}

fn render(
    pack: &Arc<Pack>,
    model: &Model,
    (route, firmware): (&Route, Option<&str>),
    settings: &Effective,
) -> Result<(Vec<u8>, String), RenderError> {
    let server = ServerFacts::new("http://192.0.2.1:8667");
    let input = RenderInput {
        device: &facts(model, firmware),
        tenant: "default",
        server: &server,
        settings,
        shelf: &Everything,
        resources: &sample::resources(),
        encryption_key: None,
        names: &Arc::default(),
        overlay: None,
    };
    pack.render(route, &input).map(|r| (r.bytes, r.template))
}
