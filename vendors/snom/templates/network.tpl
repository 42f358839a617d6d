{# Network and log #}
{% set net = settings.network %}
{% set ip = net.ip %}
{% set vlan = net.vlan %}
{% set dot1x = net.dot1x %}
{% set syslog = settings.logging.syslog %}
{{ s.given("dhcp", ("off" if complete else none) if ip.mode == "static" else ("on" if ip.mode else none), "network.ip") -}}
{% if ip.mode == "static" and complete %}
{{ s.given("ip_adr", ip.address, "network.ip") -}}
{{ s.given("netmask", ip.mask, "network.ip") -}}
{{ s.given("gateway", ip.gateway, "network.ip") -}}
{% endif %}
{{ s.given("dns_server1", net.dns[0], "network.dns") -}}
{{ s.given("dns_server2", net.dns[1], "network.dns") -}}
{% if net.dns and net.dns|length > 2 %}
{{ note("network.dns", "two at most: the others are left out") }}
{%- endif %}
{{ s.given("phone_name", net.hostname if complete else none, "network.hostname") -}}
{# 0 is no VLAN, which here is nothing #}
{% if vlan.id is defined and vlan.id is not none %}
{{ s.put("vlan_id", vlan.id or "", "network.vlan") -}}
{{ s.put("vlan_qos", (vlan.priority or 0) if vlan.id else "", "network.vlan") -}}
{% endif %}
{% if vlan.pc_id is defined and vlan.pc_id is not none %}
{{ s.given("vlan_port_tagging", "on" if vlan.pc_id else "off", "network.vlan") -}}
{{ s.put("vlan_pc_id", vlan.pc_id or "", "network.vlan") -}}
{{ s.put("vlan_pc_priority", (vlan.pc_priority or 0) if vlan.pc_id else "", "network.vlan") -}}
{% endif %}
{{ s.given("lldp_enable", net.lldp|flag("on", "off"), "network.lldp") -}}
{% if dot1x.mode == "off" %}
{{ s.given("ieee8021x_eap_auth_method", "off", "network.dot1x") -}}
{% elif dot1x.mode == "md5" %}
{{ s.given("ieee8021x_eap_md5_username", dot1x.identity, "network.dot1x") -}}
{% if complete %}
{{ s.given("ieee8021x_eap_md5_password", dot1x.password, "network.dot1x") -}}
{% endif %}
{{ note("network.dot1x.mode", "user name and password are written; that they are used must be set by hand: web page of the phone, Advanced, QoS/Security") }}
{%- elif dot1x.mode %}
{{ note("network.dot1x.mode", "must be set by hand: web page of the phone, Advanced, QoS/Security") }}
{%- endif %}
{% set own_port = first_line("local_port") if complete else none %}
{{ s.given("network_id_port", own_port if own_port and own_port != "auto" else net.sip_port, "network.sip_port") -}}
{{ s.given("rtp_port_start", net.rtp_ports.min, "network.rtp_ports") -}}
{{ s.given("rtp_port_end", net.rtp_ports.max, "network.rtp_ports") -}}
{# the whole byte: the code point and two bits #}
{{ s.given("signaling_tos", net.sip_dscp * 4 if net.sip_dscp is defined and net.sip_dscp is not none else none, "network.sip_dscp") -}}
{{ s.given("codec_tos", net.rtp_dscp * 4 if net.rtp_dscp is defined and net.rtp_dscp is not none else none, "network.rtp_dscp") -}}
{{ s.given("http_proxy", net.http_proxy, "network.http_proxy") -}}
{{ s.given("sip_retry_t1", net.sip_timers.t1_ms, "network.sip_timers") -}}
{{ s.given("enable_rport_rfc3581", (net.nat.rport if net.nat.rport is defined else (first_line("rport") if complete else none))|flag("on", "off"), "network.nat.rport") -}}
{% if syslog.host %}
{{ s.given("syslog_server", syslog.host ~ (":" ~ syslog.port if syslog.port and syslog.port != 514 else ""), "logging.syslog") -}}
{% endif %}
{{ s.given("log_level", lookup("log_levels", syslog.level, "logging.syslog.level") if syslog.level else none, "logging.syslog") -}}
