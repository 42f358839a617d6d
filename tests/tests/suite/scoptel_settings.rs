//! Every tab of a template of a well-known provisioning system, SC-20 to SC-31: what is set in a profile stands in the files of every
//! family that can express it, by the vendor's own parameter; a family that cannot says so and writes nothing else.

use offhook_tests::{Server, clients::curl};
use serde_json::{Value, json};

/// What becomes of a setting in the files of a family.
struct Want {
    /// Texts that stand in the files, and did not before.
    has: &'static [&'static str],
    /// Setting paths of which the family says that it does not write them.
    not: &'static [&'static str],
}

fn has(has: &'static [&'static str]) -> Want {
    Want { has, not: &[] }
}

fn not(not: &'static [&'static str]) -> Want {
    Want { has: &[], not }
}

fn both(has: &'static [&'static str], not: &'static [&'static str]) -> Want {
    Want { has, not }
}

/// A setting, and what becomes of it on a 7960, a D785 and a T46S.
type Case = (Value, [Want; 3]);

const PHONES: [(&str, &str); 3] = [("00036B000001", "7960"), ("000413000001", "D785"), ("001565000001", "T46S")];

struct Bench {
    server: Server,
    before: Vec<(String, Vec<Value>)>,
}

impl Bench {
    fn new() -> Self {
        let server = Server::start();
        server.post("/accounts", &json!({ "name": "1001", "password": "pw-1001", "shared": true }));
        server.post("/profiles", &json!({ "name": "template" }));
        for (mac, model) in PHONES {
            let settings = json!({ "lines": { "1": { "account": "1001" } } });
            server.post("/devices", &json!({ "mac": mac, "model": model, "profiles": ["template"], "settings": settings }));
        }
        let mut bench = Self { server, before: Vec::new() };
        bench.before = PHONES.iter().map(|(mac, _)| (bench.files(mac), bench.notes(mac))).collect();
        bench
    }

    /// What a real client fetches of everything that is made for the phone.
    fn files(&self, mac: &str) -> String {
        let listed = self.server.get(&format!("/devices/{mac}/files"));
        let made =
            listed["items"].as_array().unwrap().iter().filter(|f| f["kind"] == "device" && f["size"].as_u64().is_some_and(|s| s > 0));
        let fetch = |f: &Value| {
            let answer = curl(&self.server.phone_url(f["path"].as_str().unwrap()), &[]);
            assert_eq!(answer.status, 200, "{f}");
            answer.text()
        };
        made.map(fetch).collect()
    }

    fn notes(&self, mac: &str) -> Vec<Value> {
        let explained = self.server.get(&format!("/devices/{mac}/settings?explain=true"));
        explained["notes"].as_array().unwrap().clone()
    }

    fn check(&self, cases: Vec<Case>) {
        for (settings, wants) in cases {
            self.server.put("/profiles/template", &json!({ "name": "template", "settings": settings }));
            for (((mac, model), (before, known)), want) in PHONES.iter().zip(&self.before).zip(wants) {
                let (now, notes) = (self.files(mac), self.notes(mac));
                for text in want.has {
                    assert!(
                        now.contains(text) && !before.contains(text),
                        "{model} {settings}: {text:?} is not what it wrote:\n{}",
                        new_lines(before, &now)
                    );
                }
                for path in want.not {
                    let says = |n: &&Value| n["path"] == *path && !known.contains(n);
                    let told =
                        notes.iter().find(says).unwrap_or_else(|| panic!("{model} {settings}: nothing is said of {path}: {notes:?}"));
                    let told = told["message"].as_str().unwrap();
                    let words = ["not supported", "must be set by hand", "this phone takes", "this phone knows", "the nearest"];
                    assert!(words.iter().any(|w| told.contains(w)), "{model} {path}: {told}");
                }
                if want.has.is_empty() {
                    assert_eq!(new_lines(before, &now), "", "{model} {settings}: it wrote something else");
                }
            }
        }
    }
}

fn new_lines(before: &str, now: &str) -> String {
    let old: Vec<&str> = before.lines().collect();
    now.lines().filter(|l| !old.contains(l)).collect::<Vec<_>>().join("\n")
}

#[test]
fn sc_20_general() {
    Bench::new().check(vec![
        (
            json!({ "provisioning": { "firmware": { "url": "http://fw.example:5555/tftpboot/fw.rom", "policy": "upgrade" } } }),
            [
                not(&["provisioning.firmware.url"]),
                has(&["<firmware_status perm=\"\">http://fw.example:5555/tftpboot/fw.rom</firmware_status>", "<update_policy perm=\"\">auto_update</update_policy>"]),
                has(&["static.firmware.url = http://fw.example:5555/tftpboot/fw.rom\n"]),
            ],
        ),
        (
            json!({ "provisioning": { "url": "http://prov.example:5555/tftpboot/" } }),
            [
                not(&["provisioning.url"]),
                has(&["<setting_server perm=\"\">http://prov.example:5555/tftpboot/</setting_server>"]),
                has(&["static.auto_provision.server.url = http://prov.example:5555/tftpboot/\n"]),
            ],
        ),
        (json!({ "provisioning": { "url": "tftp://192.0.2.1/" } }), [has(&["dyn_tftp_addr: \"192.0.2.1\""]), has(&["tftp://192.0.2.1/"]), has(&["tftp://192.0.2.1/\n"])]),
        (
            json!({ "provisioning": { "sync": { "method": "notify", "event": "check-sync" }, "resync": { "mode": "daily", "at": "03:00" } } }),
            [
                not(&["provisioning.sync.method", "provisioning.sync.event", "provisioning.resync.mode", "provisioning.resync.at"]),
                has(&["<prov_polling_mode perm=\"\">abs</prov_polling_mode>", "<prov_polling_time perm=\"\">03:00</prov_polling_time>"]),
                has(&["static.auto_provision.weekly.enable = 1\n", "static.auto_provision.weekly.begin_time = 03:00\n"]),
            ],
        ),
    ]);
}

/// The file must be in the store: until then no family is told to load it.
#[test]
fn sc_20_the_version_of_a_device_selects_the_syntax_and_firmware_must_be_stored() {
    let server = Server::start();
    for (mac, firmware) in [("001565000001", "28.73.0.50"), ("001565000002", "66.86.0.15")] {
        let settings = json!({ "lines": { "1": { "username": "u", "servers": [{ "host": "pbx.example" }] } }, "provisioning": { "assume_firmware": firmware } });
        server.post("/devices", &json!({ "mac": mac, "model": "T28P", "settings": settings }));
    }
    let file = |mac: &str| curl(&server.phone_url(&format!("/{mac}.cfg")), &[]).text();
    assert!(file("001565000001").contains("account.1.sip_server_host = pbx.example\n"), "before V80");
    assert!(!file("001565000002").contains("account.1.sip_server_host"), "after V80");
    server.patch(
        "/devices/001565000002",
        &json!({ "model": "T46S", "settings": { "provisioning": { "firmware": { "version": "66.86.0.15" } } } }),
    );
    let notes = server.get("/devices/001565000002/settings?explain=true")["notes"].to_string();
    assert!(notes.contains("not offered: not stored are T46S(T48S,T42S,T41S)-66.86.0.15.rom"), "{notes}");
    assert!(!file("001565000002").contains("firmware.url"));
}

#[test]
fn sc_21_server() {
    Bench::new().check(vec![
        (
            json!({ "lines": { "1": { "servers": [{ "host": "one.example", "port": 5070, "transport": "tcp", "expires_s": 600 }, { "host": "two.example", "port": 5080 }] } } }),
            [
                both(
                    &["proxy1_address: \"one.example\"", "proxy1_port: 5070", "proxy_backup: \"two.example\"", "proxy_backup_port: 5080", "timer_register_expires: 600"],
                    &["lines.1.servers"],
                ),
                has(&[
                    "<user_host idx=\"1\" perm=\"\">one.example:5070</user_host>",
                    "<user_outbound idx=\"1\" perm=\"\">one.example:5070;transport=tcp</user_outbound>",
                    "<user_expiry idx=\"1\" perm=\"\">600</user_expiry>",
                    ">two.example:5080</user_host>",
                ]),
                has(&[
                    "account.1.sip_server.1.address = one.example\n",
                    "account.1.sip_server.1.port = 5070\n",
                    "account.1.sip_server.1.transport_type = 1\n",
                    "account.1.sip_server.1.expires = 600\n",
                    "account.1.sip_server.2.address = two.example\n",
                    "account.1.sip_server.2.port = 5080\n",
                ]),
            ],
        ),
        (
            json!({ "lines": { "1": { "outbound_proxies": [{ "host": "proxy.example", "port": 5090 }] } } }),
            [
                has(&["outbound_proxy: \"proxy.example\"", "outbound_proxy_port: 5090"]),
                has(&["<user_outbound idx=\"1\" perm=\"\">proxy.example:5090;transport=udp</user_outbound>"]),
                has(&["account.1.outbound_proxy_enable = 1\n", "account.1.outbound_proxy.1.address = proxy.example\n", "account.1.outbound_proxy.1.port = 5090\n"]),
            ],
        ),
    ]);
}

#[test]
fn sc_22_network() {
    Bench::new().check(vec![
        (
            json!({ "network": { "nat": { "enabled": true, "rport": true, "keepalive_s": 25 } } }),
            [
                both(&["nat_enable: 1", "nat_received_processing: 1"], &["network.nat.keepalive_s"]),
                has(&[
                    "<enable_rport_rfc3581 perm=\"\">on<",
                    "<keepalive_interval idx=\"1\" perm=\"\">25<",
                    "<user_symmetrical_rtp idx=\"1\" perm=\"\">on<",
                ]),
                both(
                    &["account.1.nat.rport = 1\n", "account.1.nat.udp_update_enable = 1\n", "account.1.nat.udp_update_time = 25\n"],
                    &["network.nat.enabled"],
                ),
            ],
        ),
        (
            json!({ "network": { "stun": { "host": "stun.example", "port": 3479 } } }),
            [
                not(&["network.stun.host", "network.stun.port"]),
                has(&["<stun_server idx=\"1\" perm=\"\">stun.example:3479<"]),
                has(&[
                    "static.sip.nat_stun.enable = 1\n",
                    "static.sip.nat_stun.server = stun.example\n",
                    "static.sip.nat_stun.port = 3479\n",
                ]),
            ],
        ),
        (
            json!({ "network": { "lldp": true } }),
            [not(&["network.lldp"]), has(&["<lldp_enable perm=\"\">on<"]), has(&["static.network.lldp.enable = 1\n"])],
        ),
        (json!({ "network": { "cdp": true } }), [not(&["network.cdp"]), not(&["network.cdp"]), has(&["static.network.cdp.enable = 1\n"])]),
        (
            json!({ "network": { "vlan": { "id": 42, "priority": 5 } } }),
            [
                not(&["network.vlan.id", "network.vlan.priority"]),
                has(&["<vlan_id perm=\"\">42<", "<vlan_qos perm=\"\">5<"]),
                has(&[
                    "static.network.vlan.internet_port_enable = 1\n",
                    "static.network.vlan.internet_port_vid = 42\n",
                    "static.network.vlan.internet_port_priority = 5\n",
                ]),
            ],
        ),
        (
            json!({ "network": { "sip_dscp": 26, "rtp_dscp": 46 } }),
            [
                both(&["tos_media: 5"], &["network.sip_dscp"]),
                has(&["<signaling_tos perm=\"\">104<", "<codec_tos perm=\"\">184<"]),
                has(&["static.network.qos.signaltos = 26\n", "static.network.qos.audiotos = 46\n"]),
            ],
        ),
    ]);
}

#[test]
fn sc_23_date_and_time() {
    Bench::new().check(vec![
        (
            json!({ "time": { "zone": "Europe/Paris" } }),
            [
                has(&[
                    "time_zone: \"CET\"",
                    "dst_start_month: 3",
                    "dst_start_week_of_month: 8",
                    "dst_stop_month: 10",
                    "dst_auto_adjust: 1",
                ]),
                has(&["<timezone perm=\"\">FRA+1<"]),
                has(&[
                    "local_time.time_zone = +1\n",
                    "local_time.summer_time = 1\n",
                    "local_time.start_time = 3/5/7/2\n",
                    "local_time.end_time = 10/5/7/3\n",
                ]),
            ],
        ),
        (
            json!({ "time": { "zone": "Europe/Paris", "dst": "off" } }),
            [
                has(&["time_zone: \"CET\"", "dst_auto_adjust: 0"]),
                has(&["<utc_offset perm=\"\">3600<", "<dst perm=\"\"></dst>"]),
                has(&["local_time.time_zone = +1\n", "local_time.summer_time = 0\n"]),
            ],
        ),
        (
            json!({ "time": { "ntp": ["ntp.example"], "ntp_interval_s": 3600 } }),
            [
                both(&["sntp_server: \"ntp.example\"", "sntp_mode: unicast"], &["time.ntp_interval_s"]),
                has(&["<ntp_server perm=\"\">ntp.example<", "<ntp_refresh_timer perm=\"\">3600<"]),
                has(&["local_time.ntp_server1 = ntp.example\n", "local_time.interval = 3600\n"]),
            ],
        ),
        (
            json!({ "time": { "format_24h": false, "date_format": "DD/MM/YY" } }),
            [
                has(&["time_format_24hr: 0", "date_format: \"D/M/Y\""]),
                both(&["<time_24_format perm=\"\">off<", "<date_us_format perm=\"\">off<"], &["time.date_format"]),
                both(&["local_time.time_format = 0\n", "local_time.date_format = 3\n"], &["time.date_format"]),
            ],
        ),
    ]);
}

#[test]
fn sc_24_phone_options() {
    Bench::new().check(vec![
        (
            json!({ "locale": { "language": "fr" } }),
            [not(&["locale.language"]), has(&["<language perm=\"\">Français<", "<web_language perm=\"\">Français<"]), has(&["lang.gui = French\n", "lang.wui = French\n"])],
        ),
        (json!({ "locale": { "tones": "FR" } }), [not(&["locale.tones"]), has(&["<tone_scheme perm=\"\">FRA<"]), has(&["voice.tone.country = France\n"])]),
        (
            json!({ "locale": { "custom_tones": { "dial": "350+440", "busy": "480+620@500/500" } } }),
            [
                not(&["locale.custom_tones.dial", "locale.custom_tones.busy"]),
                not(&["locale.custom_tones.dial", "locale.custom_tones.busy"]),
                has(&["voice.tone.country = Custom\n", "voice.tone.dial = 350+440/0\n", "voice.tone.busy = 480+620/500,0/500\n"]),
            ],
        ),
        (
            json!({ "display": { "backlight_s": 60 }, "calls": { "auto_redial": true, "hold_reminder": true }, "lines": { "1": { "call_waiting": "off" } } }),
            [
                both(&["call_hold_ringback: 1", "call_waiting: 0"], &["calls.auto_redial", "display.backlight_s"]),
                has(&["<auto_redial perm=\"\">on<", "<holding_reminder perm=\"\">on<", "<dim_timer perm=\"\">60<", "<call_waiting idx=\"1\" perm=\"\">off<"]),
                has(&["call_waiting.enable = 0\n", "features.play_hold_tone.enable = 1\n", "auto_redial.enable = 1\n", "phone_setting.backlight_time = 60\n"]),
            ],
        ),
    ]);
}

#[test]
fn sc_25_dss_keys() {
    Bench::new().check(vec![
        (
            json!({ "features": { "enhanced_keys": true } }),
            [not(&["features.enhanced_keys"]), not(&["features.enhanced_keys"]), has(&["features.enhanced_dss_keys.enable = 1\n"])],
        ),
        (
            json!({ "calls": { "transfer": "attended" } }),
            [not(&["calls.transfer"]), has(&["<transfer_dialing_on_transfer perm=\"\">attended<"]), has(&["transfer.dsskey_deal_type = 1\n"])],
        ),
        // Key 1 is line 1 with an empty label; the others are watched, dialled, sent, opened.
        (
            json!({ "keys": { "1": { "type": "line", "line": 1 }, "2": { "type": "blf", "value": "1002", "label": "Anna", "line": 1 },
                              "3": { "type": "speed_dial", "value": "5550100", "label": "Fast", "line": 1 }, "4": { "type": "dtmf", "value": "*1" },
                              "5": { "type": "directory" }, "6": { "type": "record" } } }),
            [
                not(&["keys.1.type", "keys.2.type", "keys.2.value", "keys.3.type", "keys.4.type", "keys.5.type", "keys.6.type"]),
                has(&[">blf 1002<", "label=\"Anna\"", ">speed 5550100<", ">dtmf *1<", ">keyevent F_ADR_BOOK<", ">record<"]),
                has(&[
                    "linekey.1.type = 15\n", "linekey.1.line = 1\n", "linekey.2.type = 16\n", "linekey.2.value = 1002\n", "linekey.2.label = Anna\n", "linekey.3.type = 13\n",
                    "linekey.3.value = 5550100\n", "linekey.4.type = 11\n", "linekey.4.value = *1\n", "linekey.5.type = 61\n", "linekey.6.type = 25\n",
                ]),
            ],
        ),
        (
            json!({ "keys": { "2": { "type": "action", "value": "x" } } }),
            [not(&["keys.2.type"]), has(&[">url x<"]), not(&["keys.2.type"])],
        ),
        (
            json!({ "modules": { "1": { "model": "EXP40", "keys": { "2": { "type": "blf", "value": "1050", "label": "M", "line": 1 } } } } }),
            [
                not(&["modules.1"]),
                has(&["label=\"M\" perm=\"\">blf 1050<"]),
                has(&["expansion_module.1.key.2.type = 16\n", "expansion_module.1.key.2.value = 1050\n", "expansion_module.1.key.2.label = M\n"]),
            ],
        ),
        (json!({ "lines": { "1": { "max_calls": 8 } } }), [not(&["lines.1.max_calls"]), not(&["lines.1.max_calls"]), not(&["lines.1.max_calls"])]),
    ]);
}

#[test]
fn sc_26_programmable_keys() {
    Bench::new().check(vec![
        (
            json!({ "programmable_keys": { "transfer": { "type": "dnd" } } }),
            [
                not(&["programmable_keys.transfer.type"]),
                has(&["<dkey_transfer perm=\"\">keyevent F_DND<"]),
                has(&["programablekey.14.type = 5\n"]),
            ],
        ),
        (
            json!({ "programmable_keys": { "soft_1": { "type": "dnd" } } }),
            [
                not(&["programmable_keys.soft_1.type"]),
                has(&["<context_key idx=\"0\" perm=\"\">keyevent F_DND<"]),
                has(&["programablekey.1.type = 5\n"]),
            ],
        ),
        (
            json!({ "programmable_keys": { "soft_1": { "type": "redial" } } }),
            [
                not(&["programmable_keys.soft_1.type"]),
                has(&["<context_key idx=\"0\" perm=\"\">keyevent F_REDIAL<"]),
                not(&["programmable_keys.soft_1.type"]),
            ],
        ),
    ]);
}

#[test]
fn sc_27_security() {
    Bench::new().check(vec![
        (
            json!({ "access": { "admin_password": "adm1n4x", "user_password": "us3r4x" } }),
            [
                both(&["phone_password: \"adm1n4x\""], &["access.user_password"]),
                has(&["<webserver_admin_password perm=\"\">adm1n4x<", "<webserver_user_password perm=\"\">us3r4x<"]),
                has(&["static.security.user_password = admin:adm1n4x\n", "static.security.user_password = user:us3r4x\n"]),
            ],
        ),
        // Both are safe without being set; what the files say then is that.
        (
            json!({ "security": { "direct_ip_calls": true, "trust_servers_only": false } }),
            [
                not(&["security.direct_ip_calls", "security.trust_servers_only"]),
                both(&["<filter_registrar perm=\"\">off<"], &["security.direct_ip_calls"]),
                has(&["sip.trust_ctrl = 0\n", "features.direct_ip_call_enable = 1\n"]),
            ],
        ),
    ]);
    let bench = Bench::new();
    let [_, snom, yealink] = [0, 1, 2].map(|n| bench.before[n].0.clone());
    assert!(yealink.contains("sip.trust_ctrl = 1\n") && yealink.contains("features.direct_ip_call_enable = 0\n"), "{yealink}");
    assert!(snom.contains("<filter_registrar perm=\"\">on<"));
}

#[test]
fn sc_28_multicast_paging() {
    Bench::new().check(vec![(
        json!({ "paging": { "listen": [{ "address": "224.5.6.20", "port": 10008, "label": "All", "priority": 2 }], "priority_threshold": 3 } }),
        [
            not(&["paging.listen", "paging.priority_threshold"]),
            both(&["<multicast_listen perm=\"\">on<", "<mc_address idx=\"1\" perm=\"\">224.5.6.20:10008<"], &["paging.priority_threshold"]),
            has(&["multicast.listen_address.1.ip_address = 224.5.6.20:10008\n", "multicast.listen_address.1.label = All\n", "multicast.receive_priority.priority = 3\n"]),
        ],
    )]);
}

#[test]
fn sc_29_pbx_services() {
    Bench::new().check(vec![
        (
            json!({ "directory": { "phonebooks": [{ "name": "Company", "url": "http://dir.example/book?u=${line.1.username}" }] } }),
            [
                has(&["directory_url: \"http://dir.example/book?u=1001\""]),
                has(&["<dkey_directory perm=\"\">url http://dir.example/book?u=1001<"]),
                has(&[
                    "remote_phonebook.data.1.url = http://dir.example/book?u=1001\n",
                    "remote_phonebook.data.1.name = Company\n",
                    "features.remote_phonebook.enable = 1\n",
                ]),
            ],
        ),
        (
            json!({ "services": { "url": "http://svc.example/menu" } }),
            [has(&["services_url: \"http://svc.example/menu\""]), not(&["services.url"]), not(&["services.url"])],
        ),
    ]);
}

#[test]
fn sc_30_ldap() {
    Bench::new().check(vec![(
        json!({ "directory": { "ldap": { "host": "ldap.example", "port": 3890, "base": "dc=example", "name_filter": "(cn=%)", "number_filter": "(telephoneNumber=%)",
                                         "name_attrs": ["cn", "sn"], "number_attrs": ["telephoneNumber"], "display": "%cn", "max_hits": 20 } } }),
        [
            not(&[
                "directory.ldap.host", "directory.ldap.port", "directory.ldap.base", "directory.ldap.name_filter", "directory.ldap.number_filter", "directory.ldap.name_attrs",
                "directory.ldap.number_attrs", "directory.ldap.display", "directory.ldap.max_hits",
            ]),
            has(&[
                "<ldap_server perm=\"\">ldap.example<", "<ldap_port perm=\"\">3890<", "<ldap_base perm=\"\">dc=example<", "<ldap_search_filter perm=\"\">(cn=%)<",
                "<ldap_number_filter perm=\"\">(telephoneNumber=%)<", "<ldap_name_attributes perm=\"\">cn sn<", "<ldap_number_attributes perm=\"\">telephoneNumber<",
                "<ldap_display_name perm=\"\">%cn<", "<ldap_max_hits perm=\"\">20<",
            ]),
            has(&[
                "ldap.enable = 1\n", "ldap.host = ldap.example\n", "ldap.port = 3890\n", "ldap.base = dc=example\n", "ldap.name_filter = (cn=%)\n",
                "ldap.number_filter = (telephoneNumber=%)\n", "ldap.name_attr = cn sn\n", "ldap.numb_attr = telephoneNumber\n", "ldap.display_name = %cn\n", "ldap.max_hits = 20\n",
            ]),
        ],
    )]);
}

#[test]
fn sc_31_dial_plan_dtmf_and_firmware_policy() {
    Bench::new().check(vec![
        (
            json!({ "calls": { "dial_plan": [{ "match": "9(x.)", "replace": "$1" }, { "match": "911", "emergency": true }] } }),
            [
                has(&["dial_template: DIAL00036B000001", "<TEMPLATE MATCH=\"911\""]),
                not(&["calls.dial_plan"]),
                has(&["dialplan.replace.prefix.1 = 9(x.)\n", "dialplan.replace.replace.1 = $1\n", "dialplan.dialnow.rule.1 = 911\n"]),
            ],
        ),
        (
            json!({ "lines": { "1": { "dtmf": "info" } } }),
            [not(&["lines.*.dtmf"]), has(&["<user_dtmf_info idx=\"1\" perm=\"\">sip_info_only<"]), has(&["account.1.dtmf.type = 2\n"])],
        ),
        (
            json!({ "lines": { "1": { "dtmf": "rfc2833", "dtmf_payload": 97 } } }),
            [
                has(&["dtmf_outofband: avt", "dtmf_inband: 0", "dtmf_avt_payload: 97"]),
                both(&["<user_dtmf_info idx=\"1\" perm=\"\">off<"], &["lines.1.dtmf_payload"]),
                has(&["account.1.dtmf.type = 1\n", "account.1.dtmf.dtmf_payload = 97\n"]),
            ],
        ),
        (
            json!({ "provisioning": { "firmware": { "policy": "never" } } }),
            [not(&[]), has(&["<update_policy perm=\"\">never_update_firm<"]), not(&[])],
        ),
    ]);
}
