//! What only some devices have: handsets and bases, ports, door phones, paging.

use super::line::{CODECS, HOTLINE, MAX_LINES};
use super::network::RANGE_MS;
use crate::settings::field::{Kind, PERCENT, PORT, Shape, field, form, int, list, set, text};
use crate::settings::format::Format;
use crate::settings::generate::Alphabet;

const LINE_NUMBER: Kind = Kind::Int { min: 1, max: MAX_LINES as i64 };
const WORD: Kind = form(Format::Word);
const PIN: Kind = Kind::Text { format: Format::Digits, max: 8 };

pub(super) static HANDSET: Shape = Shape {
    fields: &[
        field("name", text(64), "Name on the display of the handset."),
        field("ipui", Kind::Text { format: Format::Word, max: 16 }, "Identity (IPUI) of the handset that may take this place."),
        field("pin", PIN, "PIN with which this handset is registered.").generated(Alphabet::Digits),
        field("lines_in", set(&LINE_NUMBER, 256), "Lines whose calls ring on the handset."),
        field("line_out", LINE_NUMBER, "Line of calls that the handset makes."),
        field("language", form(Format::Language), "Language of the handset."),
        field("register", Kind::Bool, "Whether this place is open for a handset to register."),
    ],
    rules: &[],
};

pub(super) static DECT: Shape = Shape {
    fields: &[
        field("pin", PIN, "PIN of the base.").generated(Alphabet::Digits),
        field("window", Kind::Object(&WINDOW), "When handsets may register."),
        field("role", Kind::Choice(&["all_in_one", "manager", "base"]), "What this base does in a system of several."),
        field("bases", list(&Kind::Object(&BASE), 4000), "Bases of the system."),
        field("repeater", Kind::Bool, "Whether repeaters are in use."),
    ],
    rules: &[],
};

static WINDOW: Shape = Shape {
    fields: &[
        field("start", form(Format::TimeOfDay), "Local time at which registration opens.").default("when the configuration is read"),
        field("duration_s", int(1, 86_400), "How long it stays open.").unit("s"),
    ],
    rules: &[],
};

static BASE: Shape = Shape {
    fields: &[
        field("mac", form(Format::Mac), "MAC address of the base.").required(),
        field("name", text(64), "Name of the base."),
        field(
            "sync",
            int(0, 15),
            "Synchronisation level: 1 is the source of the others, each level follows the one above it; 0 by itself.",
        ),
    ],
    rules: &[],
};

pub(super) static PORT_SHAPE: Shape = Shape {
    fields: &[
        field("type", Kind::Choice(&["fxs", "fxo", "bri", "pri"]), "Kind of port. A later layer that changes it replaces the whole port."),
        field("line", LINE_NUMBER, "Line that the port belongs to."),
        field("hotline", Kind::Object(&HOTLINE), "Number that is called by lifting the receiver."),
        field("country", form(Format::Country), "Country whose electrical rules hold."),
        field("impedance", text(64), "Impedance, when it is not the country's: 600, 900 or the vendor's word for a complex one.").unit("Ω"),
        field("gain_rx_db", int(-30, 30), "Gain towards the telephone.").unit("dB"),
        field("gain_tx_db", int(-30, 30), "Gain from the telephone.").unit("dB"),
        field("caller_id", Kind::Choice(&["bellcore", "etsi", "dtmf", "v23"]), "How the caller's number is signalled."),
        field("flash_ms", Kind::Object(&RANGE_MS), "Length of a hook flash."),
        field("polarity_reversal", Kind::Bool, "Reverse the polarity when a call is answered and when it ends."),
        field("mwi", Kind::Choice(&["fsk", "stutter", "voltage"]), "How waiting messages are shown."),
        field("fax", Kind::Choice(&["t38", "passthrough", "off"]), "How fax is carried."),
        field("echo_cancel", Kind::Bool, "Echo cancellation."),
        field("hunt_group", int(0, 256), "Hunt group that the port belongs to; 0 is none."),
        field("fxo", Kind::Object(&FXO), "Calls from the public network."),
    ],
    rules: &[],
};

static FXO: Shape = Shape {
    fields: &[field("rings", int(0, 20), "Rings before a call is taken."), field("route_to", WORD, "Number that such calls go to.")],
    rules: &[],
};

pub(super) static INTERCOM: Shape = Shape {
    fields: &[
        field("buttons", Kind::Numbered { of: &BUTTON, max: 512 }, "Call buttons."),
        field("relays", Kind::Numbered { of: &RELAY, max: 32 }, "Relays (door openers)."),
        field("inputs", Kind::Numbered { of: &INPUT, max: 32 }, "Contacts."),
        field("codes", list(&Kind::Text { format: Format::Digits, max: 16 }, 1000), "Codes that open the door at the keypad.").secret(),
        field("rtsp", Kind::Object(&RTSP), "Login for the video stream."),
    ],
    rules: &[],
};

static BUTTON: Shape = Shape {
    fields: &[
        field("label", text(128), "Name of the button."),
        field("call", list(&WORD, 16), "Numbers that are called, the next one when nobody answers."),
        field("timeout_s", int(1, 600), "How long each is rung.").unit("s"),
    ],
    rules: &[],
};

static RELAY: Shape = Shape {
    fields: &[
        field("mode", Kind::Choice(&["pulse", "toggle"]), "Whether the relay falls back by itself."),
        field("pulse_s", int(1, 3600), "How long it stays switched.").unit("s"),
        field("code", Kind::Text { format: Format::Digits, max: 16 }, "Code that switches it during a call.").generated(Alphabet::Digits),
    ],
    rules: &[],
};

static INPUT: Shape = Shape {
    fields: &[field(
        "action",
        Kind::Choice(&["none", "call", "open_door", "alarm", "url"]),
        "What a closed contact does: nothing, call as the first button, open the door, raise the alarm, call the action URL input.",
    )],
    rules: &[],
};

static RTSP: Shape = Shape {
    fields: &[field("user", WORD, "User name."), field("password", text(128), "Password.").generated(Alphabet::Keypad)],
    rules: &[],
};

pub(super) static PAGING: Shape = Shape {
    fields: &[
        field("listen", list(&Kind::Object(&LISTEN), 64), "Groups that the phone plays."),
        field("send", list(&Kind::Object(&SEND), 64), "Groups that the phone can page."),
        field("priority_threshold", int(0, 64), "A page at least this important interrupts a call (1 is the most important); 0 none does."),
        field("barge", Kind::Bool, "Whether a page interrupts a call at all."),
    ],
    rules: &[],
};

static LISTEN: Shape = Shape {
    fields: &[
        field("address", form(Format::Ip), "Multicast address.").required(),
        field("port", PORT, "Port.").required(),
        field("label", text(128), "Name of the group."),
        field("priority", int(1, 64), "1 is the most important.").default("the place in the list"),
        field("codec", CODECS, "Codec."),
        field("volume", PERCENT, "Volume.").unit("%"),
        field("channel", int(0, 255), "Channel within the group."),
    ],
    rules: &[],
};

static SEND: Shape = Shape {
    fields: &[
        field("address", form(Format::Ip), "Multicast address.").required(),
        field("port", PORT, "Port.").required(),
        field("label", text(128), "Name of the group."),
        field("codec", CODECS, "Codec."),
        field("channel", int(0, 255), "Channel within the group."),
    ],
    rules: &[],
};
