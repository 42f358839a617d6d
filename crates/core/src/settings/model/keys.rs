//! Keys: those of the phone, of expansion modules, soft keys and the fixed keys.

use serde_json::{Map, Value};

use super::line::MAX_LINES;
use crate::settings::field::{Field, Kind, Rule, Shape, field, form, set, text};
use crate::settings::format::Format;

/// Every key type. `custom` writes the type of the vendor as it is.
const KEY_TYPE: Kind = Kind::Choice(&[
    "none",
    "line",
    "blf",
    "blf_list",
    "speed_dial",
    "park",
    "retrieve_park",
    "monitored_park",
    "pickup",
    "group_pickup",
    "intercom",
    "dtmf",
    "transfer",
    "conference",
    "dnd",
    "forward",
    "hold",
    "redial",
    "directory",
    "ldap",
    "voicemail",
    "paging",
    "multicast_listen",
    "url",
    "xml",
    "action",
    "menu",
    "record",
    "call_return",
    "group_listen",
    "private_hold",
    "prefix",
    "history",
    "lock",
    "presence",
    "mute",
    "headset",
    "agent",
    "hot_desk",
    "open_door",
    "shared_line",
    "meet_me",
    "sms",
    "status",
    "emergency",
    "paging_list",
    "mobile_line",
    "xml_group",
    "zero_touch",
    "acd_trace",
    "ptt",
    "ivr",
    "auto_answer",
    "call_forward_to",
    "custom",
]);

const TYPE: Field = field("type", KEY_TYPE, "What the key does. A later layer that changes it replaces the whole key.");
const VALUE: Field = field("value", form(Format::Target), "Number, address or URL that the key uses.");
const LABEL: Field = field("label", text(128), "Text beside the key.");
const VENDOR_TYPE: Field =
    field("vendor_type", text(64), "Type in the vendor's own words, for type custom; value, label and line are then written as they are.");
const LINE_NUMBER: Field = field("line", Kind::Int { min: 1, max: MAX_LINES as i64 }, "Number of the line that the key uses.");

const CUSTOM: &[Rule] =
    &[Rule { says: "type custom needs vendor_type, and no other type takes it", broken_by: custom_without_vendor_type }];

fn custom_without_vendor_type(key: &Map<String, Value>) -> Option<&'static str> {
    let custom = key.get("type").map(|kind| kind == "custom");
    let given = key.contains_key("vendor_type");
    match custom {
        Some(true) if !given => Some("vendor_type"),
        Some(false) if given => Some("vendor_type"),
        _ => None,
    }
}

pub(super) static KEY: Shape = Shape {
    fields: &[
        TYPE,
        VALUE,
        LABEL,
        LINE_NUMBER,
        field("pickup", form(Format::Word), "What is dialled to pick up a call that the key shows."),
        field("locked", Kind::Bool, "Whether the user of the phone may not change the key."),
        field("icon", form(Format::Asset), "Icon of the key: a stored file, or a name that the phone knows."),
        VENDOR_TYPE,
    ],
    rules: CUSTOM,
};

pub(super) static MODULE: Shape = Shape {
    fields: &[
        field("model", text(64), "Model of the module."),
        field("keys", Kind::Numbered { of: &KEY, max: 500 }, "Keys of the module."),
    ],
    rules: &[],
};

const STATE: Kind = Kind::Choice(&[
    "idle",
    "dial_tone",
    "dialing",
    "calling",
    "ringing",
    "connected",
    "held",
    "transferring",
    "conference",
    "busy",
    "failed",
]);

pub(super) static SOFT_KEY: Shape = Shape {
    fields: &[
        TYPE,
        VALUE,
        LABEL,
        LINE_NUMBER,
        field(
            "states",
            set(&STATE, 11),
            "States of the phone in which the key is shown: idle; dial_tone (off hook, nothing dialled); dialing; calling (the other side rings); ringing (this phone rings); connected; held; transferring; conference; busy; failed.",
        ),
        VENDOR_TYPE,
    ],
    rules: CUSTOM,
};

static PROGRAMMABLE_KEY: Shape = Shape { fields: &[TYPE, VALUE, LABEL, LINE_NUMBER, VENDOR_TYPE], rules: CUSTOM };

const fn key(name: &'static str, doc: &'static str) -> Field {
    field(name, Kind::Object(&PROGRAMMABLE_KEY), doc)
}

pub(super) static PROGRAMMABLE_KEYS: Shape = Shape {
    fields: &[
        key("soft_1", "First soft key of the idle screen, from the left."),
        key("soft_2", "Second soft key of the idle screen."),
        key("soft_3", "Third soft key of the idle screen."),
        key("soft_4", "Fourth soft key of the idle screen."),
        key("soft_5", "Fifth soft key of the idle screen."),
        key("soft_6", "Sixth soft key of the idle screen."),
        key("up", "Navigation key up."),
        key("down", "Navigation key down."),
        key("left", "Navigation key left."),
        key("right", "Navigation key right."),
        key("ok", "OK or centre key."),
        key("cancel", "Cancel key."),
        key("menu", "Menu or settings key."),
        key("home", "Home key."),
        key("conference", "Conference key."),
        key("hold", "Hold key."),
        key("transfer", "Transfer key."),
        key("redial", "Redial key."),
        key("message", "Message key."),
        key("directory", "Directory key."),
        key("history", "Call list key."),
        key("services", "Services key."),
        key("dnd", "Do not disturb key."),
        key("forward", "Forward key."),
        key("mute", "Mute key."),
        key("speaker", "Speaker key."),
        key("headset", "Headset key."),
        key("record", "Record key."),
        key("help", "Help key."),
    ],
    rules: &[],
};
