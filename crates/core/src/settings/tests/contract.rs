//! Every field of the settings table, written out by hand, is in the model; secrets are marked where it marks them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::settings::{field_paths, json_schema};

/// The table, expanded by hand: `a{b,c}` is `a`, `a.b`, `a.c`.
const FIELDS: &str = "
protocol call_managers call_managers[].host call_managers[].port
lines lines.N.account lines.N.username lines.N.auth_username lines.N.password lines.N.display_name lines.N.label lines.N.number
lines.N.domain lines.N.enabled lines.N.register lines.N.servers lines.N.servers[].host lines.N.servers[].port
lines.N.servers[].transport lines.N.servers[].expires_s lines.N.registrar.host lines.N.registrar.port
lines.N.outbound_proxies[].host lines.N.outbound_proxies[].port lines.N.failover lines.N.dns lines.N.srtp lines.N.dtmf
lines.N.dtmf_payload lines.N.codecs lines.N.voicemail lines.N.mailbox lines.N.mwi lines.N.local_port lines.N.shared
lines.N.shared_user lines.N.caller_id_sources lines.N.call_waiting lines.N.max_calls lines.N.keys lines.N.auto_answer
lines.N.ringtone lines.N.anonymous lines.N.alert_info[].match lines.N.alert_info[].ringtone lines.N.pickup_code
lines.N.blf_list_uri lines.N.hotline.number lines.N.hotline.delay_s lines.N.role lines.N.session_timer.enabled
lines.N.session_timer.expires_s lines.N.session_timer.refresher lines.N.keepalive_s lines.N.keepalive_method lines.N.rport
lines.N.send_identity lines.N.dtmf_info lines.N.user_param lines.N.pbx
keys.N.type keys.N.value keys.N.label keys.N.line keys.N.pickup keys.N.locked keys.N.icon keys.N.vendor_type
modules.N.model modules.N.keys modules.N.keys.N.type modules.N.keys.N.value modules.N.keys.N.label modules.N.keys.N.line
modules.N.keys.N.pickup modules.N.keys.N.locked modules.N.keys.N.icon modules.N.keys.N.vendor_type
soft_keys.N.type soft_keys.N.value soft_keys.N.label soft_keys.N.states
programmable_keys.soft_1.type programmable_keys.soft_1.value programmable_keys.soft_1.label
handsets.N.name handsets.N.ipui handsets.N.pin handsets.N.lines_in handsets.N.line_out handsets.N.language handsets.N.register
dect.pin dect.window.start dect.window.duration_s dect.role dect.bases[].mac dect.bases[].name dect.bases[].sync dect.repeater
ports.N.type ports.N.line ports.N.hotline.number ports.N.hotline.delay_s ports.N.country ports.N.impedance ports.N.gain_rx_db
ports.N.gain_tx_db ports.N.caller_id ports.N.flash_ms.min ports.N.flash_ms.max ports.N.polarity_reversal ports.N.mwi ports.N.fax
ports.N.echo_cancel ports.N.hunt_group ports.N.fxo.rings ports.N.fxo.route_to
intercom.buttons.N.label intercom.buttons.N.call intercom.buttons.N.timeout_s intercom.relays.N.mode intercom.relays.N.pulse_s
intercom.relays.N.code intercom.inputs.N.action intercom.codes intercom.rtsp.user intercom.rtsp.password
paging.listen[].address paging.listen[].port paging.listen[].label paging.listen[].priority paging.listen[].codec
paging.listen[].volume paging.listen[].channel paging.send[].address paging.send[].port paging.send[].label paging.send[].codec
paging.send[].channel paging.priority_threshold paging.barge
network.ip.mode network.ip.address network.ip.mask network.ip.gateway network.ipv6 network.hostname network.dns network.vlan.id
network.vlan.priority network.vlan.pc_id network.vlan.pc_priority network.vlan.dhcp_option network.pc_port network.lldp network.cdp
network.dot1x.mode network.dot1x.identity network.dot1x.anonymous_identity network.dot1x.password network.dot1x.ca_certificate
network.dot1x.client_certificate network.wifi.ssid network.wifi.security network.wifi.key network.vpn.url network.stun.host
network.stun.port network.ice network.nat.enabled network.nat.rport network.nat.keepalive_s network.nat.external_address network.port
network.sip_timers.t1_ms network.sip_timers.t2_ms network.sip_timers.retries network.sip_timers.invite_retries
network.sip_timers.invite_expires_s network.sip_port network.tls_port network.rtp_ports.min network.rtp_ports.max network.sip_dscp
network.rtp_dscp network.http_proxy
time.zone time.ntp time.ntp_interval_s time.dhcp_time time.dst time.format_24h time.date_format
locale.language locale.web_language locale.tones locale.custom_tones.dial locale.custom_tones.busy locale.custom_tones.ringback
locale.custom_tones.congestion
access.admin_user access.admin_password access.user_user access.user_password access.menu_pin access.web access.web_ports
access.web_allow access.ssh access.telnet access.lock_menus access.locked access.remote_control.hosts access.remote_control.user
access.remote_control.password
security.trust_servers_only security.direct_ip_calls security.tls.min security.tls.verify security.tls.check_name
security.ca_certificates security.client_certificate security.notify_auth
provisioning.url provisioning.username provisioning.password provisioning.resync.mode provisioning.resync.every_s
provisioning.resync.at provisioning.resync.days provisioning.resync.random_s provisioning.firmware.version provisioning.firmware.url
provisioning.firmware.policy provisioning.firmware.window provisioning.assume_firmware provisioning.sync.method provisioning.sync.event
provisioning.encryption.key_common provisioning.encryption.key_device provisioning.encryption.only provisioning.pnp
provisioning.redirect_lock provisioning.dhcp_options provisioning.uploads provisioning.retry_s
directory.phonebooks[].id directory.phonebooks[].name directory.phonebooks[].url directory.phonebooks[].user
directory.phonebooks[].password directory.phonebooks[].interval_s directory.ldap.host directory.ldap.port directory.ldap.tls
directory.ldap.base directory.ldap.bind_dn directory.ldap.password directory.ldap.name_filter directory.ldap.number_filter
directory.ldap.name_attrs directory.ldap.number_attrs directory.ldap.display directory.ldap.lookup_in directory.ldap.lookup_out
directory.ldap.max_hits directory.ldap.version
features.dnd_on features.dnd_off features.forward_all features.forward_busy features.forward_no_answer features.forward_cancel
features.pickup features.group_pickup features.park features.retrieve features.voicemail features.intercom features.record_on
features.record_off features.anonymous_on features.anonymous_off features.agent_in features.agent_out features.enhanced_keys
calls.dial_plan[].match calls.dial_plan[].replace calls.dial_plan[].timeout_s calls.dial_plan[].line calls.dial_plan[].emergency
calls.auto_answer calls.transfer calls.hold_reminder calls.auto_redial calls.dnd calls.reject_anonymous calls.autocomplete
emergency.numbers emergency.location emergency.server.host emergency.server.port
display.text display.logo display.wallpaper display.backlight_s display.screensaver_s display.contrast
audio.ringtone audio.ringtones[].name audio.ringtones[].asset audio.volumes.ringer audio.volumes.handset audio.volumes.headset
audio.volumes.speaker audio.headset audio.sidetone audio.vad
services.url services.idle_url services.idle_timeout_s services.information_url services.messages_url services.authentication_url
logging.syslog.host logging.syslog.port logging.syslog.level logging.syslog.protocol
action_urls.registered action_urls.incoming_call
raw
";

/// Those that the table marks with a star.
const SECRETS: &str = "
lines.N.password handsets.N.pin dect.pin intercom.relays.N.code intercom.codes intercom.rtsp.password network.dot1x.password
network.wifi.key access.admin_password access.user_password access.menu_pin access.remote_control.password provisioning.password
provisioning.encryption.key_common provisioning.encryption.key_device directory.phonebooks[].password directory.ldap.password
";

#[test]
fn every_field_of_the_table_is_in_the_model() {
    let known: BTreeSet<&str> = field_paths().iter().map(|(path, _)| path.as_str()).collect();
    let missing: Vec<&str> = FIELDS.split_whitespace().filter(|path| !known.contains(path)).collect();
    assert!(missing.is_empty(), "not in the model: {missing:?}");
}

#[test]
fn every_field_of_the_table_is_in_the_schema() {
    let schema = json_schema("#");
    let missing: Vec<&str> = FIELDS.split_whitespace().filter(|path| in_schema(&schema, path).is_none()).collect();
    assert!(missing.is_empty(), "not in the schema: {missing:?}");
}

fn in_schema<'a>(schema: &'a Value, path: &str) -> Option<&'a Value> {
    let followed = |at: &'a Value| match at.get("$ref") {
        Some(pointer) => schema.pointer(pointer.as_str()?.strip_prefix('#')?),
        None => Some(at),
    };
    path.split('.').try_fold(schema, |at, name| {
        let at = followed(at)?;
        match name.strip_suffix("[]") {
            Some(name) => at.get("properties")?.get(name)?.get("items"),
            None if name == "N" => at.get("additionalProperties"),
            None => at.get("properties")?.get(name),
        }
    })
}

#[test]
fn secrets_are_those_of_the_table() {
    let marked: BTreeSet<&str> = field_paths().iter().filter(|(_, field)| field.secret).map(|(path, _)| path.as_str()).collect();
    let expected: BTreeSet<&str> = SECRETS.split_whitespace().collect();
    assert_eq!(marked, expected);
    for path in expected {
        assert_eq!(in_schema(&json_schema("#"), path).unwrap()["writeOnly"], true, "{path}");
    }
}

#[test]
fn key_types_are_those_of_the_table() {
    let types = "none line blf blf_list speed_dial park retrieve_park monitored_park pickup group_pickup intercom dtmf transfer conference
        dnd forward hold redial directory ldap voicemail paging multicast_listen url xml action menu record call_return group_listen
        private_hold prefix history lock presence mute headset agent hot_desk open_door shared_line meet_me sms status emergency
        paging_list mobile_line xml_group zero_touch acd_trace ptt ivr auto_answer call_forward_to custom";
    let schema = json_schema("#");
    let known: Vec<&str> =
        in_schema(&schema, "keys.N.type").unwrap()["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(known, types.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn every_field_and_rule_is_documented() {
    for (path, field) in field_paths() {
        assert!(field.doc.len() > 3 && field.doc.ends_with('.'), "{path}: {:?}", field.doc);
        assert!(field.generate.is_none() || (field.secret && !path.contains("[]")), "{path}: what is in a list is not derived");
    }
    let mut paths: Vec<&str> = field_paths().iter().map(|(path, _)| path.as_str()).collect();
    let all = paths.len();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), all, "a field stands twice");
}

#[test]
fn references_of_the_schema_hold_where_it_stands() {
    let document = serde_json::json!({ "components": { "schemas": { "Settings": json_schema("#/components/schemas/Settings") } } });
    let mut open = vec![&document];
    let mut references = 0;
    while let Some(value) = open.pop() {
        if let Some(pointer) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(pointer.strip_prefix('#').unwrap()).is_some(), "{pointer}");
            references += 1;
        }
        match value {
            Value::Object(members) => open.extend(members.values()),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(references > 10);
}
