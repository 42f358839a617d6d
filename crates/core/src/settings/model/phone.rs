//! The phone as its user meets it: clock, language, access, calls, display, audio.

use serde_json::{Map, Value};

use super::line::{AUTO_ANSWER, MAX_LINES};
use super::server::HOST_PORT;
use crate::settings::field::{Kind, PERCENT, PORT, Rule, SECONDS, Shape, field, form, int, list, set, text};
use crate::settings::format::{Format, captures, greatest_reference};
use crate::settings::generate::Alphabet;

const WORD: Kind = form(Format::Word);
const PASSWORD: Kind = text(128);

pub(super) static TIME: Shape = Shape {
    fields: &[
        field("zone", form(Format::Zone), "Time zone; daylight saving follows from it."),
        field("ntp", list(&form(Format::Host), 4), "Time servers."),
        field("ntp_interval_s", int(15, 2_592_000), "Interval of asking them.").unit("s"),
        field("dhcp_time", Kind::Bool, "Take time server and offset from DHCP when it gives them."),
        field("dst", Kind::Choice(&["auto", "off"]), "Daylight saving as the zone says, or none.").default("auto"),
        field("format_24h", Kind::Bool, "Show 24 hours."),
        field("date_format", form(Format::Date), "How dates are shown; a phone that has not exactly this form uses its nearest."),
    ],
    rules: &[],
};

pub(super) static LOCALE: Shape = Shape {
    fields: &[
        field("language", form(Format::Language), "Language of the phone."),
        field("web_language", form(Format::Language), "Language of the phone's web pages.").default("language"),
        field("tones", form(Format::Country), "Country whose tones are played."),
        field("custom_tones", Kind::Object(&TONES), "Tones that differ from the country's."),
    ],
    rules: &[],
};

const TONE: Kind = form(Format::Tone);

static TONES: Shape = Shape {
    fields: &[
        field("dial", TONE, "Dial tone."),
        field("second_dial", TONE, "Second dial tone."),
        field("stutter", TONE, "Dial tone while messages wait."),
        field("ringback", TONE, "The other side rings."),
        field("busy", TONE, "Busy."),
        field("congestion", TONE, "No way to the other side."),
        field("call_waiting", TONE, "A second call waits."),
        field("confirmation", TONE, "A feature was switched."),
        field("info", TONE, "Number not in use."),
        field("howler", TONE, "Receiver left off the hook."),
        field("record", TONE, "The call is recorded."),
        field("message", TONE, "A message came."),
        field("auto_answer", TONE, "A call was answered by itself."),
    ],
    rules: &[],
};

pub(super) static ACCESS: Shape = Shape {
    fields: &[
        field("admin_user", WORD, "User name of the phone's administrator."),
        field("admin_password", PASSWORD, "Password of the phone's administrator.")
            .generated(Alphabet::Keypad)
            .default("generated for each device"),
        field("user_user", WORD, "User name of the phone's user."),
        field("user_password", PASSWORD, "Password of the phone's user.").generated(Alphabet::Keypad),
        field("menu_pin", Kind::Text { format: Format::Digits, max: 16 }, "PIN that unlocks the menus.").generated(Alphabet::Digits),
        field("web", Kind::Choice(&["off", "http", "https", "both"]), "Web pages of the phone.").default("https where the family can"),
        field("web_ports", Kind::Object(&WEB_PORTS), "Ports of the web pages."),
        field("web_allow", list(&form(Format::Network), 32), "Addresses and networks that may load them."),
        field("ssh", Kind::Bool, "SSH login to the phone."),
        field("telnet", Kind::Choice(&["off", "on", "privileged"]), "Telnet login to the phone.").default("off"),
        field("lock_menus", Kind::Bool, "Whether menus need the PIN or the administrator's password."),
        field("locked", set(&form(Format::SettingPath), 256), "Settings that the user of the phone may not change."),
        field("remote_control", Kind::Object(&REMOTE_CONTROL), "Control of the phone over HTTP (action URIs, pushed pages)."),
    ],
    rules: &[],
};

static WEB_PORTS: Shape = Shape {
    fields: &[field("http", PORT, "Port for HTTP.").default("80"), field("https", PORT, "Port for HTTPS.").default("443")],
    rules: &[],
};

static REMOTE_CONTROL: Shape = Shape {
    fields: &[
        field("hosts", list(&form(Format::Host), 32), "Hosts that may control the phone; an empty list: none."),
        field("user", WORD, "User name."),
        field("password", PASSWORD, "Password.").generated(Alphabet::Keypad),
    ],
    rules: &[],
};

pub(super) static FEATURES: Shape = Shape {
    fields: &[
        field("dnd_on", WORD, "Switches do not disturb on."),
        field("dnd_off", WORD, "Switches do not disturb off."),
        field("forward_all", WORD, "Forwards every call."),
        field("forward_busy", WORD, "Forwards calls when busy."),
        field("forward_no_answer", WORD, "Forwards calls that nobody answers."),
        field("forward_cancel", WORD, "Ends forwarding."),
        field("pickup", WORD, "Picks up a call that rings at another phone."),
        field("group_pickup", WORD, "Picks up a call that rings in the group."),
        field("park", WORD, "Parks a call."),
        field("retrieve", WORD, "Takes a parked call."),
        field("voicemail", WORD, "Listens to messages."),
        field("intercom", WORD, "In front of a number: calls it with automatic answer."),
        field("record_on", WORD, "Starts to record."),
        field("record_off", WORD, "Stops to record."),
        field("anonymous_on", WORD, "Hides the own number."),
        field("anonymous_off", WORD, "Shows the own number."),
        field("agent_in", WORD, "Logs an agent in."),
        field("agent_out", WORD, "Logs an agent out."),
        field("enhanced_keys", Kind::Bool, "Allow keys and soft keys with a vendor's macro language."),
    ],
    rules: &[],
};

pub(super) static CALLS: Shape = Shape {
    fields: &[
        field("dial_plan", list(&Kind::Object(&DIAL_RULE), 256), "Dial plan, first match wins."),
        field("auto_answer", AUTO_ANSWER, "Whether calls are answered by themselves, on lines that do not say it."),
        field("transfer", Kind::Choice(&["attended", "blind", "new_call"]), "What the transfer key does first."),
        field("hold_reminder", Kind::Bool, "Remind of a held call with a tone."),
        field("auto_redial", Kind::Bool, "Call again when the other side was busy."),
        field("dnd", Kind::Bool, "Do not disturb."),
        field("reject_anonymous", Kind::Bool, "Refuse calls without a number."),
        field("autocomplete", Kind::Bool, "Complete numbers while they are dialled."),
    ],
    rules: &[],
};

static DIAL_RULE: Shape = Shape {
    fields: &[
        field(
            "match",
            form(Format::DialMatch),
            "What is dialled: digits, *, #, x any digit, [1-5], ( ) a capture, a comma for a second dial tone, a final dot for any more.",
        )
        .required(),
        field("replace", form(Format::DialReplace), "What is sent instead; $1 to $9 are the captures."),
        field("timeout_s", int(0, 60), "Time without a further digit after which it is sent; 0 is at once.").unit("s"),
        field("line", Kind::Int { min: 1, max: MAX_LINES as i64 }, "Line that is used."),
        field("emergency", Kind::Bool, "Whether this is an emergency number."),
    ],
    rules: &[Rule { says: "replace refers only to captures that match has", broken_by: unknown_capture }],
};

fn unknown_capture(rule: &Map<String, Value>) -> Option<&'static str> {
    let matched = captures(rule.get("match")?.as_str()?)?;
    (greatest_reference(rule.get("replace")?.as_str()?) > matched).then_some("replace")
}

pub(super) static EMERGENCY: Shape = Shape {
    fields: &[
        field("numbers", set(&WORD, 32), "Emergency numbers, which can be called from a locked phone."),
        field("location", text(1024), "Where the phone is, as it is told to those who answer."),
        field("server", Kind::Object(&HOST_PORT), "Server that emergency calls go to."),
    ],
    rules: &[],
};

pub(super) static DISPLAY: Shape = Shape {
    fields: &[
        field("text", text(128), "Text of the idle screen."),
        field("logo", form(Format::Asset), "Logo of the idle screen."),
        field("wallpaper", form(Format::Asset), "Background."),
        field("backlight_s", SECONDS, "Time after which the light goes out; 0 is never.").unit("s"),
        field("screensaver_s", SECONDS, "Time after which the screen saver comes; 0 is never.").unit("s"),
        field("contrast", PERCENT, "Contrast.").unit("%"),
    ],
    rules: &[],
};

pub(super) static AUDIO: Shape = Shape {
    fields: &[
        field("ringtone", form(Format::Asset), "Ring tone: a name of audio.ringtones, a stored file, or one that the phone has."),
        field("ringtones", list(&Kind::Object(&RINGTONE), 64), "Ring tones that the phone loads."),
        field("volumes", Kind::Object(&VOLUMES), "Volumes at start."),
        field("headset", Kind::Bool, "Whether calls use the headset first."),
        field("sidetone", PERCENT, "How loud one hears oneself; 0 is off.").unit("%"),
        field("vad", Kind::Bool, "Send nothing while nobody speaks (voice activity detection)."),
    ],
    rules: &[],
};

static RINGTONE: Shape = Shape {
    fields: &[field("name", text(64), "Name in the phone's menu.").required(), field("asset", form(Format::Asset), "The file.").required()],
    rules: &[],
};

static VOLUMES: Shape = Shape {
    fields: &[
        field("ringer", PERCENT, "Ringer.").unit("%"),
        field("handset", PERCENT, "Handset.").unit("%"),
        field("headset", PERCENT, "Headset.").unit("%"),
        field("speaker", PERCENT, "Speaker.").unit("%"),
    ],
    rules: &[],
};
