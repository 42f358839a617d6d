# Network
{% set net = settings.network %}
{% set nat = net.nat %}
{% set ip = net.ip %}
{% set vlan = net.vlan %}
{% set dot1x = net.dot1x %}
{% set syslog = settings.logging.syslog %}
{% if ip.mode %}
{{ y.system("network.internet_port.type", "2" if ip.mode == "static" else "0") -}}
{% endif %}
{% if ip.mode == "static" %}
{{ y.system("network.internet_port.ip", ip.address) -}}
{{ y.system("network.internet_port.mask", ip.mask) -}}
{{ y.system("network.internet_port.gateway", ip.gateway) -}}
{% endif %}
{% if net.dns %}
{% if ip.mode != "static" %}
{{ y.system("network.static_dns_enable", "1") -}}
{% endif %}
{{ y.system("network.primary_dns", net.dns[0]) -}}
{{ y.system("network.secondary_dns", net.dns[1]) -}}
{% endif %}
{% if net.ipv6 %}
{{ y.system("network.ip_address_mode", "0" if net.ipv6 == "off" else "2") -}}
{% if net.ipv6 in ("slaac", "dhcp") %}
{{ y.system("network.ipv6_internet_port.type", "0") -}}
{{ y.system("network.ipv6_icmp_v6.enable", "1" if net.ipv6 == "slaac" else "0") -}}
{% elif net.ipv6 == "static" %}
{{ note("network.ipv6", "set by hand: the address of the phone is not among the settings") }}
{%- endif %}
{% endif %}
{{ y.system("network.dhcp_host_name", net.hostname) -}}
{% if vlan.id is defined and vlan.id is not none %}
{{ y.system("network.vlan.internet_port_enable", "1" if vlan.id else "0") -}}
{% if vlan.id %}
{{ y.system("network.vlan.internet_port_vid", vlan.id) -}}
{{ y.system("network.vlan.internet_port_priority", vlan.priority) -}}
{% endif %}
{% endif %}
{% if vlan.pc_id is defined and vlan.pc_id is not none %}
{{ y.system("network.vlan.pc_port_enable", "1" if vlan.pc_id else "0") -}}
{% if vlan.pc_id %}
{{ y.system("network.vlan.pc_port_vid", vlan.pc_id) -}}
{{ y.system("network.vlan.pc_port_priority", vlan.pc_priority) -}}
{% endif %}
{% endif %}
{% if vlan.dhcp_option is defined and vlan.dhcp_option is not none %}
{{ y.system("network.vlan.dhcp_enable", "1" if vlan.dhcp_option else "0") -}}
{% if vlan.dhcp_option %}
{{ y.system("network.vlan.dhcp_option", vlan.dhcp_option) -}}
{% endif %}
{% endif %}
{{ y.system("network.pc_port.enable", net.pc_port|flag) -}}
{{ y.system("network.lldp.enable", net.lldp|flag) -}}
{{ y.system("network.cdp.enable", net.cdp|flag) -}}
{% if dot1x.mode %}
{{ y.system("network.802_1x.mode", lookup("dot1x", dot1x.mode, "network.dot1x.mode")) -}}
{{ y.system("network.802_1x.identity", dot1x.identity) -}}
{{ y.system("network.802_1x.anonymous_identity", dot1x.anonymous_identity) -}}
{% if complete %}
{{ y.system("network.802_1x.md5_password", dot1x.password) -}}
{% endif %}
{{ y.system("network.802_1x.root_cert_url", asset("network.dot1x.ca_certificate")) -}}
{{ y.system("network.802_1x.client_cert_url", asset("network.dot1x.client_certificate")) -}}
{% endif %}
{% if net.vpn.url %}
{{ y.system("network.vpn_enable", "1") -}}
{{ y.system("openvpn.url", net.vpn.url) -}}
{% endif %}
{# one wireless network of five; its key in the phone's own file alone #}
{% set wifi = net.wifi %}
{% if model.wifi or model.generic %}
{# a file without secrets does not know whether there is a key #}
{% set kind = wifi.security or (("wpa2_psk" if wifi.key else "open") if complete else none) %}
{% set protection = lookup("wifi", kind, "network.wifi.security") if wifi.ssid and kind else none %}
{% if protection %}
{{ y.system("wifi.enable", "1") -}}
{{ y.system("wifi.1.label", wifi.ssid) -}}
{{ y.system("wifi.1.ssid", wifi.ssid) -}}
{{ y.system("wifi.1.security_mode", protection.mode) -}}
{{ y.system("wifi.1.cipher_type", protection.cipher) -}}
{% if complete %}
{{ y.system("wifi.1.password", wifi.key) -}}
{% endif %}
{% endif %}
{% endif %}
{{ y.system("ice.enable", net.ice|flag) -}}
{% if nat.external_address %}
{{ y.system("network.static_nat.enable", "1") -}}
{{ y.system("network.static_nat.addr", nat.external_address) -}}
{% endif %}
{% if net.stun.host %}
{{ y.system("sip.nat_stun.enable", "1") -}}
{{ y.system("sip.nat_stun.server", net.stun.host) -}}
{{ y.system("sip.nat_stun.port", net.stun.port or 3478) -}}
{% endif %}
{% if net.port %}
{{ y.system("network.internet_port.speed_duplex", lookup("port_speeds", net.port, "network.port")) -}}
{% endif %}
{# per account before V80: accounts.tpl #}
{% set own_port = first_line("local_port") %}
{% set sip_port = own_port if own_port and own_port != "auto" else net.sip_port %}
{% if from_80 and sip_port %}
sip.listen_port = {{ sip_port }}
{% endif %}
{{ y.given("sip.tls_listen_port", net.tls_port) -}}
{# seconds, from 0.5 to 10 and from 2 to 40 #}
{% for name, ours, wanted, least, most in [("sip.timer_t1", "t1_ms", net.sip_timers.t1_ms, 500, 10000), ("sip.timer_t2", "t2_ms", net.sip_timers.t2_ms, 2000, 40000)] if wanted %}
{% set ms = [[wanted, least]|max, most]|min %}
{% if ms != wanted %}
{{ note("network.sip_timers." ~ ours, "the nearest that this phone takes is " ~ ms) }}
{%- endif %}
{{ name }} = {{ ms // 1000 if ms % 1000 == 0 else ms / 1000 }}
{% endfor %}
{{ y.system("network.port.min_rtpport", net.rtp_ports.min) -}}
{{ y.system("network.port.max_rtpport", net.rtp_ports.max) -}}
{{ y.system("network.qos.signaltos", net.sip_dscp) -}}
{{ y.system("network.qos.audiotos", net.rtp_dscp) -}}
{% if before_80 or base_station %}
{{ y.system("network.qos.rtptos", net.rtp_dscp) -}}
{% endif %}
{% if syslog.host %}
{% if from_80 %}
{{ y.system("syslog.enable", "1") -}}
{% endif %}
{% if before_80 or base_station %}
{{ y.system("syslog.mode", "1") -}}
{% endif %}
{{ y.system("syslog.server", syslog.host) -}}
{{ y.system("syslog.server_port", syslog.port or (6514 if syslog.protocol == "tls" else 514)) -}}
{% if syslog.protocol %}
{{ y.system("syslog.transport_type", lookup("transports", syslog.protocol, "logging.syslog.protocol")) -}}
{% endif %}
{% if syslog.level %}
{% set level = lookup("log_levels", syslog.level, "logging.syslog.level") %}
{{ y.system("syslog.level", level) -}}
{% if before_80 or base_station %}
{{ y.system("syslog.log_level", level) -}}
{% endif %}
{% endif %}
{{ y.system("syslog.prepend_mac_address.enable", "1") -}}
{% endif %}
