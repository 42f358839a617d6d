//! A device with rich settings, for the check: every part of the model that files are usually made of.

use offhook_core::settings::{Effective, Layer, LayerSource, Settings, built_in, compose};
use serde_json::{Map, Value, json};

use std::sync::Arc;

use crate::{Resources, models::Model};

/// Stands in every secret of the sample; a file without credentials must not hold it.
pub(super) const SECRET: &str = "Sv9xQz7k";

/// Settings for a model. `text` stands wherever people may write freely.
pub(super) fn settings(model: &Model, text: &str, pack: &str) -> Effective {
    let document = Settings::from_stored(document(model, text, pack)).unwrap_or_default();
    let layers = [layer(LayerSource::BuiltIn, built_in()), layer(LayerSource::Device, &document)];
    let mut effective = compose(&layers, &|_| None);
    effective.fill_generated(b"sample", "sample", &|_| None);
    effective
}

fn layer(source: LayerSource, settings: &Settings) -> Layer<'_> {
    Layer { source, settings, unset: &[] }
}

fn document(model: &Model, text: &str, pack: &str) -> Value {
    let lines: Map<String, Value> = (1..=model.accounts.clamp(1, 20)).map(|n| (n.to_string(), line(n, text))).collect();
    let types = ["line", "blf", "speed_dial", "park", "dtmf", "url", "directory", "multicast_listen", "none"];
    let keys: Map<String, Value> = (1..=(model.line_keys + model.memory_keys).min(60))
        .zip(types.iter().cycle())
        .map(|(n, kind)| (n.to_string(), json!({ "type": kind, "value": "201", "label": text, "line": 1 })))
        .collect();
    let mut out = json!({
        "lines": lines,
        "keys": keys,
        "network": {
            "hostname": "phone-1",
            "vlan": { "id": 20, "priority": 5, "pc_id": 30, "pc_priority": 0 },
            "lldp": true, "cdp": false, "stun": { "host": "stun.example.org", "port": 3478 },
            "nat": { "enabled": true, "keepalive_s": 30 }, "sip_dscp": 26, "rtp_dscp": 46, "rtp_ports": { "min": 16384, "max": 32766 },
            "dot1x": { "mode": "md5", "identity": "phone", "password": SECRET },
        },
        "time": { "zone": "Europe/Paris", "ntp": ["ntp1.example.org", "192.0.2.5"], "format_24h": true, "date_format": "DD/MM/YYYY", "dst": "auto" },
        "locale": { "language": "fr", "web_language": "en", "tones": "FR" },
        "access": { "admin_user": "admin", "admin_password": SECRET, "user_password": SECRET, "web": "https", "telnet": "off" },
        "security": { "trust_servers_only": true, "direct_ip_calls": false },
        "provisioning": {
            "url": "https://prov.example.org/p", "username": "prov", "password": SECRET,
            "resync": { "mode": "daily", "at": "03:30" }, "firmware": { "version": "1.2.3.4", "policy": "upgrade" },
        },
        "directory": {
            "phonebooks": [{ "name": text, "url": "http://pb.example.org/a.xml?x=1&y=2" }],
            "ldap": { "host": "ldap.example.org", "port": 389, "base": "dc=example,dc=org", "bind_dn": "cn=phone", "password": SECRET, "name_attrs": ["cn"], "number_attrs": ["telephoneNumber"] },
        },
        "features": { "pickup": "*8", "park": "*68", "dnd_on": "*78", "dnd_off": "*79" },
        "calls": { "dial_plan": [{ "match": "9xxxx.", "timeout_s": 3 }] },
        "display": { "text": text, "backlight_s": 60 },
        "paging": { "listen": [{ "address": "239.1.1.1", "port": 5555, "label": text }] },
        "services": { "url": "http://srv.example.org/?a=1&b=2" },
        "logging": { "syslog": { "host": "log.example.org", "port": 514 } },
        "action_urls": { "registered": "http://srv.example.org/r?m=${device.mac}" },
    });
    if let Some(modules) = &model.modules {
        let key = json!({ "type": "blf", "value": "202", "label": text, "line": 1 });
        out["modules"] = json!({ "1": { "model": modules.names.first().cloned().unwrap_or_default(), "keys": { "1": key } } });
    }
    out["raw"] = json!({ pack: { "offhook.check": "raw", "offhook.check.password": SECRET } });
    out
}

/// Stored things that the sample's settings may name.
pub(super) fn resources() -> Arc<Resources> {
    Arc::default()
}

fn line(n: u32, text: &str) -> Value {
    json!({
        "username": format!("10{n:02}"), "auth_username": format!("a10{n:02}"), "password": SECRET, "display_name": text, "label": text,
        "number": format!("10{n:02}"), "servers": [
            { "host": "pbx1.example.org", "port": 5060, "transport": "udp", "expires_s": 300 },
            { "host": "pbx2.example.org", "port": 5061, "transport": "tcp", "expires_s": 300 },
        ],
        "outbound_proxies": [{ "host": "proxy.example.org", "port": 5060 }], "failover": "successive", "srtp": "optional", "dtmf": "rfc2833",
        "codecs": ["g722", "pcma", "pcmu", "opus"], "voicemail": "*97", "mwi": "subscribe", "call_waiting": "on", "keepalive_s": 30, "rport": true,
        "caller_id_sources": ["pai", "from"], "auto_answer": "header", "anonymous": false,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use offhook_core::settings::Scope;

    #[test]
    fn the_sample_is_valid() {
        let model = Model { accounts: 3, line_keys: 12, ..Model::default() };
        Settings::validate(&document(&model, "Zoë \"x\"; #1 <&>", "acme"), Scope::Device).unwrap();
    }
}
