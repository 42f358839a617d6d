//! What the phone talks to beside its call server: provisioning, directories, services, logs, action URLs.

use serde_json::{Map, Value};

use crate::settings::field::{Field, Kind, PORT, Rule, SECONDS, Shape, field, form, int, list, set, text};
use crate::settings::format::Format;
use crate::settings::generate::Alphabet;

const WORD: Kind = form(Format::Word);
const PASSWORD: Kind = text(128);
const URL: Kind = form(Format::Url);

/// A server.
pub(super) static HOST_PORT: Shape = Shape {
    fields: &[
        field("host", form(Format::Host), "Host name or address.").required(),
        field("port", PORT, "Port.").default("the protocol's"),
    ],
    rules: &[],
};

pub(super) static PROVISIONING: Shape = Shape {
    fields: &[
        field("url", URL, "Where the phone asks for its configuration; written into it only when set."),
        field("username", WORD, "User name that the phone gives there."),
        field("password", PASSWORD, "Password that the phone gives there.").generated(Alphabet::Keypad),
        field("resync", Kind::Object(&RESYNC), "When the phone reads its configuration again."),
        field("firmware", Kind::Object(&FIRMWARE), "Firmware of the phone."),
        field("assume_firmware", form(Format::Version), "Firmware that the phone is taken to have until it tells its own."),
        field("sync", Kind::Object(&SYNC), "How the phone is told to read its configuration again."),
        field("encryption", Kind::Object(&ENCRYPTION), "Encryption of configuration files."),
        field("pnp", Kind::Bool, "Whether the phone looks for a server by multicast (SIP PnP)."),
        field("redirect_lock", Kind::Bool, "Whether the phone leaves the maker's redirection service unasked."),
        field(
            "dhcp_options",
            set(&int(1, 254), 16),
            "DHCP options in which the phone looks for its server, first found wins; an empty list: none.",
        ),
        field(
            "uploads",
            set(&Kind::Choice(&["log", "call_log", "configuration", "directory", "core_dump", "screenshot"]), 6),
            "What the phone may upload.",
        ),
        field("retry_s", int(1, 86_400), "Time before a failed attempt is repeated.").unit("s"),
    ],
    rules: &[],
};

static RESYNC: Shape = Shape {
    fields: &[
        field(
            "mode",
            Kind::Choice(&["off", "boot", "interval", "daily", "weekly"]),
            "Never, at start, every so often, daily, or on certain days; all but off at start too.",
        ),
        field("every_s", int(60, 31_536_000), "Interval, for mode interval.").unit("s"),
        field("at", form(Format::TimeOfDay), "Local time, for modes daily and weekly."),
        field("days", set(&int(1, 7), 7), "Weekdays, for mode weekly: 1 Monday to 7 Sunday."),
        field("random_s", int(0, 86_400), "Each phone waits a random time up to this.").unit("s"),
    ],
    rules: &[],
};

static FIRMWARE: Shape = Shape {
    fields: &[
        field("version", form(Format::Version), "Version, or name of the image, that the phone shall have."),
        field("url", URL, "Where the phone loads it, when it is not this server."),
        field(
            "policy",
            Kind::Choice(&["never", "upgrade", "exact", "ask"]),
            "Never; only when the phone's is older; whenever it differs; or only when the user agrees.",
        ),
        field("window", form(Format::TimeSpan), "Local times between which the phone may change its firmware."),
    ],
    rules: &[],
};

static SYNC: Shape = Shape {
    fields: &[
        field("method", Kind::Choice(&["notify", "http", "none"]), "SIP NOTIFY, an HTTP request to the phone, or not at all."),
        field("event", WORD, "Event of the NOTIFY, when it is not the family's."),
    ],
    rules: &[],
};

static ENCRYPTION: Shape = Shape {
    fields: &[
        field("key_common", PASSWORD, "Key of files that several phones read.").secret(),
        field("key_device", PASSWORD, "Key of the device's own files.").generated(Alphabet::Keypad),
        field("only", Kind::Bool, "Whether the phone refuses plain files."),
    ],
    rules: &[],
};

pub(super) static DIRECTORY: Shape = Shape {
    fields: &[
        field("phonebooks", list(&Kind::Object(&PHONEBOOK), 32), "Phone books."),
        field("ldap", Kind::Object(&LDAP), "Directory that is asked by LDAP."),
    ],
    rules: &[],
};

/// An entry of `directory.phonebooks`.
pub(in crate::settings) static PHONEBOOK: Shape = Shape {
    fields: &[
        field("id", form(Format::Name), "Id of a phone book that this server holds."),
        field("name", text(128), "Name of a phone book that this server holds, or, with a URL, name in the phone's menu."),
        field("url", URL, "Phone book of another server."),
        field("user", WORD, "User name for that URL."),
        field("password", PASSWORD, "Password for that URL.").secret(),
        field("interval_s", SECONDS, "Interval of loading it again; 0 is only at start.").unit("s"),
    ],
    rules: &[Rule { says: "a phone book has an id, a name or a url", broken_by: nameless_phonebook }],
};

fn nameless_phonebook(book: &Map<String, Value>) -> Option<&'static str> {
    (!["id", "name", "url"].iter().any(|name| book.contains_key(*name))).then_some("name")
}

static LDAP: Shape = Shape {
    fields: &[
        field("host", form(Format::Host), "Host name or address."),
        field("port", PORT, "Port.").default("389, or 636 with ldaps"),
        field("tls", Kind::Choice(&["off", "starttls", "ldaps"]), "Encryption."),
        field("base", text(255), "Base of the search."),
        field("bind_dn", text(255), "Name with which the phone logs in."),
        field("password", PASSWORD, "Password with which it does.").secret(),
        field("name_filter", text(512), "Filter of a search by name; % is what was typed."),
        field("number_filter", text(512), "Filter of a search by number; % is what was typed."),
        field("name_attrs", list(&text(64), 16), "Attributes that hold names."),
        field("number_attrs", list(&text(64), 16), "Attributes that hold numbers."),
        field("display", text(255), "How an entry is shown; %cn stands for the attribute cn."),
        field("lookup_in", Kind::Bool, "Look up who calls."),
        field("lookup_out", Kind::Bool, "Look up who is called."),
        field("max_hits", int(1, 32_000), "Most entries of an answer."),
        field("version", int(2, 3), "Version of LDAP."),
    ],
    rules: &[],
};

pub(super) static SERVICES: Shape = Shape {
    fields: &[
        field("url", URL, "Page of the services key."),
        field("idle_url", URL, "Page that is shown when the phone is idle."),
        field("idle_timeout_s", SECONDS, "Time after which it is shown.").unit("s"),
        field("information_url", URL, "Page of the information key."),
        field("messages_url", URL, "Page of the messages key."),
        field("authentication_url", URL, "Page by which the phone checks who sends it commands."),
    ],
    rules: &[],
};

pub(super) static LOGGING: Shape = Shape { fields: &[field("syslog", Kind::Object(&SYSLOG), "Syslog server.")], rules: &[] };

static SYSLOG: Shape = Shape {
    fields: &[
        field("host", form(Format::Host), "Host name or address."),
        field("port", PORT, "Port.").default("514, or 6514 over TLS"),
        field(
            "level",
            Kind::Choice(&["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"]),
            "Least severity that is sent (RFC 5424 section 6.2.1).",
        ),
        field("protocol", Kind::Choice(&["udp", "tcp", "tls"]), "Transport.").default("udp"),
    ],
    rules: &[],
};

const fn event(name: &'static str, doc: &'static str) -> Field {
    field(name, form(Format::ActionUrl), doc)
}

pub(super) static ACTION_URLS: Shape = Shape {
    fields: &[
        event("setup_completed", "The phone has started."),
        event("registered", "A line has registered."),
        event("unregistered", "A line has gone."),
        event("register_failed", "A line could not register."),
        event("off_hook", "The receiver was lifted."),
        event("on_hook", "The receiver was put down."),
        event("incoming_call", "A call came."),
        event("outgoing_call", "A call was made."),
        event("call_established", "A call was answered."),
        event("call_terminated", "A call ended."),
        event("call_missed", "A call was missed."),
        event("call_rejected", "A call was refused."),
        event("call_forwarded", "A call was forwarded."),
        event("call_transferred", "A call was transferred."),
        event("hold", "A call was held."),
        event("unhold", "A held call was taken again."),
        event("mute", "The microphone was switched off."),
        event("unmute", "The microphone was switched on."),
        event("dnd_on", "Do not disturb was switched on."),
        event("dnd_off", "Do not disturb was switched off."),
        event("forward_on", "Forwarding was switched on."),
        event("forward_off", "Forwarding was switched off."),
        event("idle_to_busy", "The phone became busy."),
        event("busy_to_idle", "The phone became idle."),
        event("ip_changed", "The phone got another address."),
        event("log_on", "A user logged on at the phone."),
        event("log_off", "A user logged off at the phone."),
        event("input", "A contact of a door phone closed."),
        event("door_opened", "A door phone opened the door."),
    ],
    rules: &[],
};
