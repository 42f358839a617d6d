//! Network and trust.

use serde_json::{Map, Value};

use super::server::HOST_PORT;
use crate::settings::field::{Kind, PORT, Rule, SECONDS, Shape, field, form, int, list, text};
use crate::settings::format::Format;

const HOST: Kind = form(Format::Host);
const ON_OFF: Kind = Kind::Choice(&["on", "off"]);
const DSCP: Kind = int(0, 63);

const ORDERED: &[Rule] = &[Rule { says: "min is not above max", broken_by: min_above_max }];

fn min_above_max(range: &Map<String, Value>) -> Option<&'static str> {
    let (min, max) = (range.get("min")?.as_i64()?, range.get("max")?.as_i64()?);
    (min > max).then_some("min")
}

pub(super) static RANGE_MS: Shape = Shape {
    fields: &[field("min", int(10, 5000), "Shortest.").unit("ms"), field("max", int(10, 5000), "Longest.").unit("ms")],
    rules: ORDERED,
};

static PORT_RANGE: Shape = Shape { fields: &[field("min", PORT, "First port."), field("max", PORT, "Last port.")], rules: ORDERED };

pub(super) static NETWORK: Shape = Shape {
    fields: &[
        field("ip", Kind::Object(&IP), "IPv4 address of the phone."),
        field("ipv6", Kind::Choice(&["off", "slaac", "dhcp", "static"]), "How the phone gets an IPv6 address."),
        field("hostname", HOST, "Host name that the phone gives itself."),
        field("dns", list(&form(Format::Ip), 4), "Name servers."),
        field("vlan", Kind::Object(&VLAN), "Virtual networks."),
        field("pc_port", ON_OFF, "The second socket, for a computer."),
        field("lldp", Kind::Bool, "Learn the network's settings by LLDP."),
        field("cdp", Kind::Bool, "Learn the network's settings by CDP."),
        field("dot1x", Kind::Object(&DOT1X), "Login to the network (IEEE 802.1X)."),
        field("wifi", Kind::Object(&WIFI), "Wireless network."),
        field("vpn", Kind::Object(&VPN), "VPN of the phone."),
        field("stun", Kind::Object(&HOST_PORT), "STUN server."),
        field("ice", Kind::Bool, "Use ICE (RFC 8445)."),
        field("nat", Kind::Object(&NAT), "Phone behind a NAT."),
        field(
            "port",
            Kind::Choice(&["auto", "10h", "10f", "100h", "100f", "1000f"]),
            "Speed in Mbit/s and duplex (half, full) of the network socket.",
        ),
        field("sip_timers", Kind::Object(&SIP_TIMERS), "SIP timers (RFC 3261 section 17)."),
        field("sip_port", PORT, "Local SIP port."),
        field("tls_port", PORT, "Local SIP port for TLS."),
        field("rtp_ports", Kind::Object(&PORT_RANGE), "Local ports for voice."),
        field("sip_dscp", DSCP, "DSCP of signalling (RFC 2474)."),
        field("rtp_dscp", DSCP, "DSCP of voice (RFC 2474)."),
        field("http_proxy", form(Format::Proxy), "Proxy for the phone's own HTTP requests."),
    ],
    rules: &[],
};

static IP: Shape = Shape {
    fields: &[
        field("mode", Kind::Choice(&["dhcp", "static"]), "Where the address comes from.").default("dhcp"),
        field("address", form(Format::Ip), "Address."),
        field("mask", form(Format::Mask), "Network mask."),
        field("gateway", form(Format::Ip), "Router."),
    ],
    rules: &[],
};

static VLAN: Shape = Shape {
    fields: &[
        field("id", int(0, 4094), "VLAN of the phone; 0 is off."),
        field("priority", int(0, 7), "Priority (IEEE 802.1p) of the phone."),
        field("pc_id", int(0, 4094), "VLAN of the second socket; 0 is off."),
        field("pc_priority", int(0, 7), "Priority of the second socket."),
        field("dhcp_option", int(0, 254), "DHCP option that holds the VLAN; 0 is none."),
    ],
    rules: &[],
};

static DOT1X: Shape = Shape {
    fields: &[
        field("mode", Kind::Choice(&["off", "md5", "tls", "peap_mschapv2", "ttls_mschapv2", "peap_gtc", "ttls_gtc", "fast"]), "Method."),
        field("identity", text(128), "Identity."),
        field("anonymous_identity", text(128), "Identity outside the tunnel."),
        field("password", text(128), "Password.").secret(),
        field("ca_certificate", form(Format::Asset), "Certificate of the authority that signed the network's one."),
        field("client_certificate", form(Format::Asset), "Certificate of the phone."),
    ],
    rules: &[],
};

static WIFI: Shape = Shape {
    fields: &[
        field("ssid", text(32), "Name of the network."),
        field(
            "security",
            Kind::Choice(&["open", "wep", "wpa_psk", "wpa2_psk", "wpa3_sae", "wpa2_enterprise", "wpa3_enterprise"]),
            "How it is protected; enterprise forms log in with network.dot1x.",
        ),
        field("key", text(63), "Key.").secret(),
    ],
    rules: &[],
};

static VPN: Shape = Shape { fields: &[field("url", form(Format::Url), "Where the phone loads its VPN configuration.")], rules: &[] };

static NAT: Shape = Shape {
    fields: &[
        field("enabled", Kind::Bool, "Whether the phone works around a NAT."),
        field("rport", Kind::Bool, "Ask for answers to the port that a request came from (RFC 3581), on every line."),
        field("keepalive_s", SECONDS, "Interval of messages that keep the way open; 0 is off.").unit("s"),
        field("external_address", HOST, "Address that the outside sees."),
    ],
    rules: &[],
};

static SIP_TIMERS: Shape = Shape {
    fields: &[
        field("t1_ms", int(10, 10_000), "T1: estimated round trip.").unit("ms"),
        field("t2_ms", int(10, 60_000), "T2: greatest interval of retransmissions.").unit("ms"),
        field("retries", int(0, 100), "Retransmissions of requests other than INVITE."),
        field("invite_retries", int(0, 100), "Retransmissions of INVITE."),
        field("invite_expires_s", int(1, 3600), "How long a call rings.").unit("s"),
    ],
    rules: &[],
};

pub(super) static SECURITY: Shape = Shape {
    fields: &[
        field("trust_servers_only", Kind::Bool, "Take SIP requests only from the servers of the lines.").default("true"),
        field("direct_ip_calls", Kind::Bool, "Allow calls to and from IP addresses.").default("false"),
        field("tls", Kind::Object(&TLS), "TLS of the phone."),
        field("ca_certificates", list(&form(Format::Asset), 32), "Authorities that the phone trusts beside or instead of its own."),
        field("client_certificate", form(Format::Asset), "Certificate of the phone, when it is not the maker's."),
        field("notify_auth", Kind::Bool, "Ask for authentication of NOTIFY requests that make the phone reload."),
    ],
    rules: &[],
};

static TLS: Shape = Shape {
    fields: &[
        field("min", Kind::Choice(&["1.0", "1.1", "1.2", "1.3"]), "Oldest version that is allowed."),
        field(
            "verify",
            Kind::Choice(&["none", "builtin", "custom", "both"]),
            "Authorities by which servers are checked: none, the phone's own, those of ca_certificates, or both.",
        ),
        field("check_name", Kind::Bool, "Whether the name in the certificate must be the server's."),
    ],
    rules: &[],
};
