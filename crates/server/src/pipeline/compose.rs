//! Step 5: which settings apply? The layers of a device, or of a common file, composed into effective settings with
//! variables expanded and passwords derived.

use offhook_core::{
    account::Account,
    address_map::AddressNames,
    configuration::{Configuration, LayerSelector},
    device::State,
    settings::{Effective, Layer, Variable, VariableContext, compose as merge, while_pending},
};
use offhook_packs::{Pack, Route, ServerFacts};
use offhook_store::{Serving, selector_of};
use serde_json::Value;

use super::Note;

/// What a file is made of.
pub struct Composed {
    /// The values, each with its layer.
    pub effective: Effective,
    /// The layers that hold something, lowest first.
    pub layers: Vec<String>,
    /// Variables that stand for nothing, and accounts that do not exist.
    pub notes: Vec<Note>,
}

/// The settings of a device.
pub fn of_device(configuration: &Configuration, serving: &Serving, pack: &Pack, server: &ServerFacts, key: &[u8]) -> Composed {
    let device = &serving.device;
    let names = configuration.address_maps.names(&device.tenant);
    let server = &*server.named(names);
    let selector = LayerSelector { pack: Some(pack.id().to_owned()), ..selector_of(device) };
    let pending = device.state == State::Pending;
    let layers = configuration.layers(&selector, Some((&device.settings, &device.unset)));
    let layers = if pending { while_pending(layers) } else { layers };
    let mut composed = composed(&layers, &|name| if pending { None } else { serving.accounts.get(name).map(AsRef::as_ref) });
    composed.effective.fill_local_ports(serving.auto_port.port_of(device.id));
    composed.effective.fill_generated(key, &device.id.to_string(), &|path| pack.generated(path));
    let mut context = VariableContext {
        lines: composed.effective.line_variables(),
        device_mac: device.mac.map(|m| m.to_string()),
        device_label: some_text(&device.label),
        device_location: some_text(&device.location),
        device_model: device.model.clone(),
        ..shared_variables(&device.tenant, pack, server)
    };
    context.call = pack.call_variables();
    expand(&mut composed, &context);
    name_addresses(&mut composed, names);
    composed.notes.extend(readable_keys(&composed.effective));
    composed
}

/// What selects the layers of a common or model file for such a requester: no assigned profiles; a model file is its model's, whoever
/// asks, and a number that several models share is the requester's if it is one of them.
pub fn family(route: &Route, requester: LayerSelector) -> LayerSelector {
    let pack = &route.pack;
    let own = pack.model(requester.model.as_deref());
    let named = match (&route.model, route.code) {
        (Some(name), _) if own.file_model.eq_ignore_ascii_case(name) => None,
        (Some(name), _) => pack.canonical_model(name),
        (None, Some(code)) if own.codes.contains(&code) => None,
        (None, Some(code)) => pack.models().find(|m| m.codes.contains(&code)).map(|m| m.name.as_str()),
        (None, None) => None,
    };
    let vendor = requester.vendor.or_else(|| Some(pack.vendor().to_owned()));
    let model = named.map(str::to_owned).or(requester.model);
    LayerSelector { pack: Some(pack.id().to_owned()), profiles: Vec::new(), vendor, model, ..requester }
}

/// The settings of a common or model file: what site, tenant and matching profiles say for such a requester. Values that are
/// each device's own have no place in it.
pub fn of_family(configuration: &Configuration, selector: &LayerSelector, pack: &Pack, server: &ServerFacts) -> Composed {
    let mut composed = composed(&configuration.layers(selector, None), &|_| None);
    composed.notes.clear();
    let names = configuration.address_maps.names(&selector.tenant);
    expand(&mut composed, &shared_variables(&selector.tenant, pack, &server.named(names)));
    name_addresses(&mut composed, names);
    composed
}

fn composed<'a>(layers: &[Layer<'a>], account: &dyn Fn(&str) -> Option<&'a Account>) -> Composed {
    let effective = merge(layers, &|name| account(name).map(|a| &a.values));
    let holding = layers.iter().filter(|l| !l.settings.is_empty() || !l.unset.is_empty());
    let unknown = effective.unknown_accounts().iter();
    let notes = unknown.map(|(path, name)| Note { path: path.to_string(), message: format!("there is no account {name:?}") }).collect();
    Composed { layers: holding.map(|l| l.source.to_string()).collect(), notes, effective }
}

fn shared_variables(tenant: &str, pack: &Pack, server: &ServerFacts) -> VariableContext {
    VariableContext {
        tenant_name: some_text(tenant),
        server_host: some_text(&server.host),
        server_url: some_text(&server.url),
        call: pack.call_variables(),
        ..VariableContext::default()
    }
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn expand(composed: &mut Composed, context: &VariableContext) {
    let missing = composed.effective.expand(context);
    composed.notes.extend(missing.into_iter().map(|(path, variable)| missing_note(path.to_string(), variable)));
}

/// Encrypted voice whose keys anybody on the way can read: SDES puts them into signalling (RFC 4568 section 7).
fn readable_keys(effective: &Effective) -> Vec<Note> {
    let mut notes = Vec::new();
    for line in effective.line_variables().into_keys() {
        let value = |field: &str| effective.value(&format!("lines.{line}.{field}"));
        let encrypts = matches!(value("srtp").and_then(Value::as_str), Some("optional" | "required"));
        let transport = |server: &Value| server.get("transport").and_then(Value::as_str).unwrap_or("udp").to_owned();
        let servers = value("servers").and_then(Value::as_array).into_iter().flatten();
        if let Some(plain) = servers.map(transport).find(|t| t != "tls").filter(|_| encrypts) {
            let why =
                format!("the voice is encrypted but its keys travel readable over {plain}: set transport to tls for lines.{line}.servers");
            notes.push(Note::new(format!("lines.{line}.srtp"), why));
        }
    }
    notes
}

/// Names take the place of addresses, and those that only an address can be are told.
fn name_addresses(composed: &mut Composed, names: &AddressNames) {
    composed.effective.name_addresses(names);
    let kept = composed.effective.addresses_kept(names).into_iter();
    composed.notes.extend(kept.map(|(path, address)| {
        Note::new(path.to_string(), format!("{address} stays, though it has an address map: only an address can stand here"))
    }));
}

fn missing_note(path: String, variable: Variable) -> Note {
    Note { path, message: format!("{variable} stands for nothing here") }
}
