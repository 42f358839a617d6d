//! The fields of the settings model, each described once. How the description is read stands in [`super::field`].
//!
//! The model is neutral: a field says what a person wants of a phone, a pack says how its family writes it.

mod hardware;
mod keys;
mod line;
mod network;
mod phone;
mod server;

use std::sync::LazyLock;

use super::field::{Field, Kind, Shape, field, list};
use super::path::{Path, Segment};

pub(super) use line::{LINE, MAX_LINES};
pub(super) use server::PHONEBOOK;

/// The whole document.
pub(super) static SETTINGS: Shape = Shape {
    fields: &[
        field("protocol", Kind::Choice(&["sip", "sccp"]), "Protocol that the phone speaks with its call server.").default("sip"),
        field("call_managers", list(&Kind::Object(&server::HOST_PORT), 5), "Call managers of an SCCP phone, the first is tried first."),
        field("lines", Kind::Numbered { of: &LINE, max: MAX_LINES }, "Lines (SIP identities) of the phone."),
        field(
            "keys",
            Kind::Numbered { of: &keys::KEY, max: 500 },
            "Keys of the phone itself: line keys are counted first, then memory keys.",
        ),
        field("modules", Kind::Numbered { of: &keys::MODULE, max: 16 }, "Expansion modules, in the order in which they are plugged."),
        field("soft_keys", Kind::Numbered { of: &keys::SOFT_KEY, max: 100 }, "Soft keys under the display."),
        field("programmable_keys", Kind::Object(&keys::PROGRAMMABLE_KEYS), "What the fixed keys of the phone do, by the name of the key."),
        field("handsets", Kind::Numbered { of: &hardware::HANDSET, max: MAX_LINES }, "Cordless handsets of a DECT base."),
        field("dect", Kind::Object(&hardware::DECT), "DECT base or system."),
        field("ports", Kind::Numbered { of: &hardware::PORT_SHAPE, max: 256 }, "Analogue and ISDN ports of an adapter or gateway."),
        field("intercom", Kind::Object(&hardware::INTERCOM), "Door phones: buttons, relays, inputs, codes and video."),
        field("paging", Kind::Object(&hardware::PAGING), "Multicast paging."),
        field("network", Kind::Object(&network::NETWORK), "Network of the phone."),
        field("time", Kind::Object(&phone::TIME), "Clock, time zone and how times are shown."),
        field("locale", Kind::Object(&phone::LOCALE), "Languages and tones."),
        field("access", Kind::Object(&phone::ACCESS), "Who may use the menus, the web pages and the remote control of the phone."),
        field("security", Kind::Object(&network::SECURITY), "Whom the phone trusts."),
        field("provisioning", Kind::Object(&server::PROVISIONING), "How the phone gets its configuration and firmware."),
        field("directory", Kind::Object(&server::DIRECTORY), "Phone books."),
        field("features", Kind::Object(&phone::FEATURES), "Codes that are dialled to use features of the call server."),
        field("calls", Kind::Object(&phone::CALLS), "How calls are handled."),
        field("emergency", Kind::Object(&phone::EMERGENCY), "Emergency calls."),
        field("display", Kind::Object(&phone::DISPLAY), "Display of the phone."),
        field("audio", Kind::Object(&phone::AUDIO), "Ring tones, volumes and audio."),
        field("services", Kind::Object(&server::SERVICES), "Pages and applications that the phone loads."),
        field("logging", Kind::Object(&server::LOGGING), "Where the phone sends its log."),
        field("action_urls", Kind::Object(&server::ACTION_URLS), "URLs that the phone calls when something happens."),
        field(
            "raw",
            Kind::Raw,
            "Vendor parameters by pack and name, for what the model lacks. A value replaces what the template writes for that parameter, or is added. Names that hold pass, pwd, secret or key, and those that the pack lists, are secrets.",
        ),
    ],
    rules: &[],
};

/// The field that a path of names leads to, or the object that a number leads to: whether the path names
/// something that a document can hold. List items have no paths of their own, lists are replaced as a whole.
pub(super) fn names_setting(path: &Path) -> bool {
    let Some(names) = path.names() else { return false };
    let Some((first, rest)) = names.split_first() else { return false };
    SETTINGS.field(first).is_some_and(|field| leads_on(&field.kind, rest))
}

fn leads_on(kind: &Kind, names: &[&str]) -> bool {
    let Some((first, rest)) = names.split_first() else { return true };
    match kind {
        Kind::Object(shape) => shape.field(first).is_some_and(|field| leads_on(&field.kind, rest)),
        Kind::Numbered { of, max } => number(first, *max).is_some() && leads_on(&Kind::Object(of), rest),
        Kind::Raw => is_pack_id(first) && rest.len() <= 1,
        _ => false,
    }
}

/// A number of a numbered object: no sign, no leading zero, 1 to `max`.
pub(super) fn number(text: &str, max: u32) -> Option<u32> {
    let canonical = !text.starts_with('0') && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| canonical && (1..=max).contains(n))
}

/// The id of a pack: lower-case letters, digits, `.`, `_` and `-`.
pub(super) fn is_pack_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Every field of the model with its path; `N` stands for a number, `[]` for the items of a list, `PACK` and `NAME`
/// for those of `raw`.
pub fn field_paths() -> &'static [(String, &'static Field)] {
    static PATHS: LazyLock<Vec<(String, &'static Field)>> = LazyLock::new(|| {
        let mut paths = Vec::new();
        collect("", &SETTINGS, &mut paths);
        paths
    });
    &PATHS
}

fn collect(above: &str, shape: &'static Shape, paths: &mut Vec<(String, &'static Field)>) {
    for field in shape.fields {
        let path = if above.is_empty() { field.name.to_owned() } else { format!("{above}.{}", field.name) };
        paths.push((path.clone(), field));
        match &field.kind {
            Kind::Object(shape) => collect(&path, shape, paths),
            Kind::Numbered { of, .. } => collect(&format!("{path}.N"), of, paths),
            Kind::List { of: Kind::Object(shape), .. } => collect(&format!("{path}[]"), shape, paths),
            _ => {}
        }
    }
}

/// The description of the field at a path (list items too); `None` for numbered objects and raw parameters.
pub fn field_at(path: &Path) -> Option<&'static Field> {
    let mut kind = Kind::Object(&SETTINGS);
    let mut found = None;
    for segment in path.segments() {
        (kind, found) = match (kind, segment) {
            (Kind::Object(shape), Segment::Name(name)) => shape.field(name).map(|field| (field.kind, Some(field)))?,
            (Kind::Numbered { of, max }, Segment::Name(name)) => number(name, max).map(|_| (Kind::Object(of), None))?,
            (Kind::List { of, .. }, Segment::Item(_)) => (*of, found),
            _ => return None,
        };
    }
    found
}
