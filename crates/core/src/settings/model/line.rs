//! Lines: SIP identities, their servers and how they behave.

use super::server::HOST_PORT;
use crate::settings::Scope;
use crate::settings::field::{Kind, PORT, SECONDS, Shape, field, form, int, list, set, text};
use crate::settings::format::Format;
use crate::settings::generate::Alphabet;

/// Greatest number of a line, and of a handset.
pub(in crate::settings) const MAX_LINES: u32 = 4000;

pub(super) const CODECS: Kind = Kind::Choice(&[
    "pcmu", "pcma", "g722", "g729", "opus", "ilbc", "g726_16", "g726_24", "g726_32", "g726_40", "g723_53", "g723_63", "l16", "amr",
]);
pub(super) const AUTO_ANSWER: Kind = Kind::Choice(&["off", "on", "header"]);
const WORD: Kind = form(Format::Word);

/// One line. An account holds values of the same fields.
pub(in crate::settings) static LINE: Shape = Shape {
    fields: &[
        field("account", form(Format::Name), "Account that gives this line its values; values that stand here beside it win.")
            .not_in(&[Scope::Account]),
        field("username", WORD, "SIP user name."),
        field("auth_username", WORD, "User name for authentication.").default("username"),
        field("password", text(128), "SIP password.").generated(Alphabet::Keypad),
        field("display_name", text(128), "Name in the SIP From header."),
        field("label", text(128), "Text beside the key of the line."),
        field("number", WORD, "Number that people dial to reach this line."),
        field("domain", form(Format::Host), "SIP domain.").default("the host of the first server"),
        field("enabled", Kind::Bool, "Whether the line is in use.").default("true"),
        field("register", Kind::Bool, "Whether the line registers.").default("true"),
        field("servers", list(&Kind::Object(&SERVER), 8), "SIP servers: the first is the primary one, the others are its backups."),
        field("registrar", Kind::Object(&HOST_PORT), "Registrar, when it is not the first server."),
        field(
            "outbound_proxies",
            list(&Kind::Object(&HOST_PORT), 8),
            "Outbound proxies: the first is the primary one, the others are its backups.",
        ),
        field(
            "failover",
            Kind::Choice(&["successive", "concurrent"]),
            "Whether backups are registered when the primary fails, or all at once.",
        ),
        field("dns", Kind::Choice(&["a", "srv", "naptr"]), "How server names are looked up."),
        field("srtp", Kind::Choice(&["off", "optional", "required"]), "Encryption of the voice."),
        field("dtmf", Kind::Choice(&["rfc2833", "inband", "info", "auto", "rfc2833_and_info"]), "How digits are sent during a call."),
        field("dtmf_payload", int(96, 127), "RTP payload type of RFC 2833 digits."),
        field("codecs", set(&CODECS, 14), "Voice codecs, best first."),
        field("voicemail", WORD, "What is dialled to listen to messages."),
        field("mailbox", WORD, "User part of the subscription for the message lamp.").default("number"),
        field("mwi", Kind::Choice(&["off", "subscribe", "unsolicited"]), "How the message lamp is told."),
        field("local_port", Kind::PortOrAuto, "Local SIP port of this line.").not_in(&[Scope::Account]),
        field("shared", Kind::Choice(&["off", "sca", "bla"]), "Shared line: SCA (BroadSoft's way) or BLA (the draft's way).")
            .not_in(&[Scope::Account]),
        field("shared_user", WORD, "User name of the shared line."),
        field("caller_id_sources", set(&Kind::Choice(&["pai", "rpid", "from"]), 3), "Headers that tell who calls, first found wins."),
        field("call_waiting", Kind::Choice(&["off", "on", "visual", "tone"]), "A second call while one is held."),
        field("max_calls", int(1, 256), "Most calls at a time."),
        field("keys", int(0, 500), "How many line keys the line takes."),
        field(
            "auto_answer",
            AUTO_ANSWER,
            "Whether calls are answered by themselves: never, always, or when a header of the call asks for it.",
        ),
        field("ringtone", form(Format::Asset), "Ring tone: a name of audio.ringtones, a stored file, or one that the phone has."),
        field("anonymous", Kind::Bool, "Call without showing the own number."),
        field("alert_info", list(&Kind::Object(&ALERT_INFO), 32), "Ring tones by the Alert-Info header of the call, first match wins."),
        field("pickup_code", WORD, "What is dialled in front of a number to pick up its call."),
        field("blf_list_uri", WORD, "URI of the list of watched extensions (RFC 4662)."),
        field("hotline", Kind::Object(&HOTLINE), "Number that is called by lifting the receiver."),
        field(
            "role",
            Kind::Choice(&["phone", "page", "ring", "alert", "emergency", "door"]),
            "What a speaker or door device does with calls to this line.",
        ),
        field("session_timer", Kind::Object(&SESSION_TIMER), "Session timers (RFC 4028)."),
        field("keepalive_s", SECONDS, "Interval of messages that keep the way through a NAT open; 0 is off.").unit("s"),
        field("keepalive_method", Kind::Choice(&["crlf", "options", "notify"]), "What these messages are."),
        field("rport", Kind::Bool, "Ask for answers to the port that a request came from (RFC 3581)."),
        field("send_identity", Kind::Choice(&["none", "pai", "rpid"]), "Header in which the own identity is sent."),
        field(
            "dtmf_info",
            Kind::Choice(&["relay", "dtmf", "event"]),
            "Body of SIP INFO digits: application/dtmf-relay, application/dtmf, or telephone-event.",
        ),
        field("user_param", Kind::Choice(&["none", "phone", "ip"]), "The user= parameter of SIP URIs."),
        field("pbx", form(Format::Name), "Kind of call server, for families that ask for it; the pack knows the names."),
    ],
    rules: &[],
};

static SERVER: Shape = Shape {
    fields: &[
        field("host", form(Format::Host), "Host name or address.").required(),
        field("port", PORT, "Port.").default("5060, or 5061 over TLS"),
        field("transport", Kind::Choice(&["udp", "tcp", "tls"]), "Transport.").default("udp"),
        field("expires_s", int(1, 31_536_000), "How long a registration lasts.").unit("s"),
    ],
    rules: &[],
};

static ALERT_INFO: Shape = Shape {
    fields: &[field("match", text(255), "Text of the header.").required(), field("ringtone", form(Format::Asset), "Ring tone.").required()],
    rules: &[],
};

pub(super) static HOTLINE: Shape = Shape {
    fields: &[
        field("number", WORD, "Number that is called."),
        field("delay_s", int(0, 60), "Time before it is called; 0 is at once.").unit("s"),
    ],
    rules: &[],
};

static SESSION_TIMER: Shape = Shape {
    fields: &[
        field("enabled", Kind::Bool, "Whether session timers are used."),
        field("expires_s", int(90, 86_400), "Session interval (RFC 4028 allows 90 and more).").unit("s"),
        field("refresher", Kind::Choice(&["uac", "uas"]), "Who refreshes."),
    ],
    rules: &[],
};
