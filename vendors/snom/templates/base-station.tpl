{# A DECT base: accounts of handsets, which name their server in a table of servers. #}
{% set net = settings.network %}
{% set time = settings.time %}
{% set locale = settings.locale %}
{% set access = settings.access %}
{% set ldap = settings.directory.ldap %}
{% set syslog = settings.logging.syslog %}
{% set dect = settings.dect %}
{{ s.given("http_user", access.admin_user or ("admin" if complete and access.admin_password else none)) -}}
{% if complete %}
{{ s.given("http_pass", access.admin_password) -}}
{% endif %}
{% if model.basic_login %}
{{ s.given("http_basic_user", access.user_user) -}}
{% if complete %}
{{ s.given("http_basic_pass", access.user_password) -}}
{% endif %}
{% elif access.user_user or access.user_password %}
{{ note("access.user_user", "not supported: this base has one login") }}
{%- endif %}
{{ s.given("setting_server", provisioning.url) -}}
{{ s.given("http_client_user", provisioning.username) -}}
{% if complete %}
{{ s.given("http_client_pass", provisioning.password) -}}
{% endif %}
{{ s.given("pnp_config", provisioning.pnp|flag("on", "off")) -}}
{% set ip = net.ip %}
{{ s.given("dhcp", ("off" if complete else none) if ip.mode == "static" else ("on" if ip.mode else none)) -}}
{% if ip.mode == "static" and complete %}
{{ s.given("ip_adr", ip.address) -}}
{{ s.given("netmask", ip.mask) -}}
{{ s.given("gateway", ip.gateway) -}}
{% endif %}
{{ s.given("dns_server1", net.dns[0]) -}}
{{ s.given("dns_server2", net.dns[1]) -}}
{{ s.given("phone_name", net.hostname if complete else none) -}}
{% if net.vlan.id is defined and net.vlan.id is not none %}
{{ s.put("vlan_id", net.vlan.id or "") -}}
{{ s.put("vlan_qos", (net.vlan.priority or 0) if net.vlan.id else "") -}}
{% endif %}
{{ s.given("lldp_enable", net.lldp|flag("on", "off")) -}}
{% set own_port = first_line("local_port") if complete else none %}
{{ s.given("network_id_port", own_port if own_port and own_port != "auto" else net.sip_port) -}}
{{ s.given("rtp_port_start", net.rtp_ports.min) -}}
{{ s.given("rtp_port_end", net.rtp_ports.max) -}}
{{ s.given("signaling_tos", net.sip_dscp * 4 if net.sip_dscp is defined and net.sip_dscp is not none else none) -}}
{{ s.given("codec_tos", net.rtp_dscp * 4 if net.rtp_dscp is defined and net.rtp_dscp is not none else none) -}}
{{ s.given("stun_server", net.stun.host ~ (":" ~ net.stun.port if net.stun.port else "") if net.stun.host else none) -}}
{% if syslog.host %}
{{ s.given("syslog_server", syslog.host ~ (":" ~ syslog.port if syslog.port and syslog.port != 514 else "")) -}}
{% endif %}
{{ s.given("log_level", lookup("log_levels", syslog.level, "logging.syslog.level") if syslog.level else none) -}}
{{ s.given("ntp_server", time.ntp[0]) -}}
{{ s.given("ntp_refresh_timer", time.ntp_interval_s) -}}
{% if time.zone %}
{% set code = tables.zones[time.zone] %}
{% if code %}
{{ s.given("timezone", code) -}}
{{ s.given("dst_enable", "off" if time.dst == "off" else "auto") -}}
{% else %}
{{ note("time.zone", "not supported: the base has no entry for this zone; set country and offset on its web page, Country") }}
{%- endif %}
{% endif %}
{% set language = locale.language or "" %}
{% set web = locale.web_language or language %}
{% set words = (tables.languages[language] or tables.languages[language.split("-")[0]]).dect if language else none %}
{% set web_words = (tables.languages[web] or tables.languages[web.split("-")[0]]).dect if web else none %}
{{ s.given("language", words) -}}
{{ s.given("web_language", web_words) -}}
{% if language and not words %}
{{ note("locale.language", "not supported by this model") }}
{%- endif %}
{{ s.given("tone_scheme", lookup("tones", locale.tones, "locale.tones") if locale.tones else none) -}}
{# one phone book, by its URL #}
{% set books = phonebooks()|selectattr("url")|list %}
{% if books %}
{{ s.given("phonebook_server_location", "3") -}}
{{ s.given("phonebook_location", books[0].url) -}}
{{ s.given("phonebook_reload_time", books[0].interval_s) -}}
{% if books|length > 1 %}
{{ note("directory.phonebooks", "one at most: " ~ (books|length - 1) ~ " left out") }}
{%- endif %}
{% if books[0].url|length > 120 %}
{{ note("directory.phonebooks", "bases refuse long URLs: keep this one short") }}
{%- endif %}
{% elif ldap.host %}
{{ s.given("ldap_server", ldap.host) -}}
{{ s.given("ldap_port", ldap.port or (636 if ldap.tls == "ldaps" else 389)) -}}
{{ s.given("ldap_base", ldap.base) -}}
{{ s.given("ldap_username", ldap.bind_dn) -}}
{% if complete %}
{{ s.given("ldap_password", ldap.password) -}}
{% endif %}
{{ s.given("ldap_search_filter", ldap.name_filter) -}}
{{ s.given("ldap_name_attributes", (ldap.name_attrs or [])|join(" ")) -}}
{{ s.given("ldap_number_attributes", (ldap.number_attrs or [])|join(" ")) -}}
{% if ldap.tls in ("starttls", "ldaps") %}
{{ note("directory.ldap.tls", "not supported by this model: nothing is encrypted") }}
{%- endif %}
{% endif %}
{% if complete %}
{{ s.given("ac_code", dect.pin) -}}
{# handsets that know the PIN register by themselves; the factory's PIN is no secret #}
{% set open = namespace(yes=dect.pin) %}
{% for number, handset in (settings.handsets or {})|items if handset.pin %}
{% set open.yes = true %}
{% endfor %}
{{ s.given("auto_dect_register", "on" if open.yes else "off") -}}
{% if model.multicell %}
{% set several = dect.role in ("manager", "base") or (dect.bases or [])|length > 1 %}
{{ s.given("network_sync_enable", "on" if several else "off") -}}
{% if several %}
{{ s.given("network_dect_auto_sync_tree_config", "on") -}}
{{ note("dect.bases", "bases of one system find each other by their chain number, 512 at the factory; names and levels are set on the web page of the base, Multicell") }}
{%- endif %}
{% endif %}
{# servers: each host once, ten at most #}
{% set table = namespace(servers=[], names=[]) %}
{% for line in lines if line.servers[0].host %}
{% set server = line.servers[0] %}
{% set proxy = line.outbound_proxies[0] %}
{% set name = server.host ~ " " ~ server.port ~ " " ~ server.transport ~ " " ~ line.domain ~ " " ~ proxy.host ~ " " ~ proxy.port %}
{% if name not in table.names %}
{% set table.names = table.names + [name] %}
{% set table.servers = table.servers + [{"line": line, "server": server, "proxy": proxy}] %}
{% endif %}
{% endfor %}
{% if table.servers|length > 10 %}
{{ note("lines", "ten servers at most: the lines of the others are left out") }}
{%- endif %}
{% for n in range(1, 11) %}
{% set entry = table.servers[n - 1] %}
{% set line = entry.line %}
{% set server = entry.server %}
{% set path = "lines." ~ line.n %}
{% set host = line.domain or server.host or "" %}
{% set way = entry.proxy if entry.proxy.host else (server if line.domain and line.domain != server.host else none) %}
{{ s.put("srv_sip_server_alias", host, "", n) -}}
{{ s.put("user_host", host ~ (":" ~ server.port if server.port and not line.domain and line.dns not in ("srv", "naptr") else "") if host else none, "", n) -}}
{{ s.put("user_outbound", way.host ~ (":" ~ way.port if way.port else "") if way.host else none, "", n) -}}
{% if entry %}
{{ s.given("srv_sip_transport", server.transport or "udp", "", n) -}}
{{ s.given("user_expiry", server.expires_s, "", n) -}}
{% if line.dtmf == "inband" %}
{{ note(path ~ ".dtmf", "not supported: this base sends digits as RFC 2833 or SIP INFO") }}
{%- endif %}
{{ s.given("user_dtmf_info", {"rfc2833": "off", "auto": "off", "info": "sip_info_only", "rfc2833_and_info": "on"}[line.dtmf] if line.dtmf else none, "", n) -}}
{{ s.given("srv_dtmf_payload_type", line.dtmf_payload, "", n) -}}
{{ s.given("user_srtp", ("off" if line.srtp == "off" else "on") if line.srtp else none, "", n) -}}
{% if line.srtp == "optional" %}
{{ note(path ~ ".srtp", "the base has on and off: it is on") }}
{%- endif %}
{{ s.given("timer_support", line.session_timer.enabled|flag("on", "off"), "", n) -}}
{{ s.given("session_timer", line.session_timer.expires_s, "", n) -}}
{% set codecs = namespace(list=[]) %}
{% for codec in line.codecs or [] %}
{% set known = tables.codecs[codec] %}
{% if not known %}
{{ note(path ~ ".codecs", codec ~ " is not supported by this model") }}
{%- endif %}
{% if known and known.name not in codecs.list %}
{% set codecs.list = codecs.list + [known.name] %}
{% endif %}
{% endfor %}
{% if codecs.list %}
{{ s.given("codec_priority_list", codecs.list|join(",") ~ ",telephone-event", "", n) -}}
{% endif %}
{% if line.servers|length > 1 %}
{{ note(path ~ ".servers", "a backup server comes from the DNS (SRV): the others are left out") }}
{%- endif %}
{% endif %}
{% endfor %}
{# accounts #}
{% set used = namespace(numbers=[]) %}
{% for line in lines %}
{% set used.numbers = used.numbers + [line.n] %}
{% set server = line.servers[0] %}
{% set proxy = line.outbound_proxies[0] %}
{% set name = server.host ~ " " ~ server.port ~ " " ~ server.transport ~ " " ~ line.domain ~ " " ~ proxy.host ~ " " ~ proxy.port %}
{% set place = namespace(n=none, handset=none, handsets=[]) %}
{% for known in table.names[:10] if known == name %}
{% set place.n = 1 %}
{% endfor %}
{% for known in table.names[:10] %}
{% if known == name %}
{% set place.n = loop.index %}
{% endif %}
{% endfor %}
{% for number, handset in (settings.handsets or {})|items if line.n in (handset.lines_in or []) %}
{% set place.handsets = place.handsets + [number|int] %}
{% endfor %}
{% set hs = place.handsets|sort|first or line.n %}
{% set handset = settings.handsets[hs ~ ""] %}
{% if place.handsets|length > 1 %}
{{ note("lines." ~ line.n, "a line belongs to one handset here: to number " ~ hs) }}
{%- endif %}
{{ s.given("user_active", "on" if place.n or not line.username else "off", "", line.n) -}}
{{ s.put("user_name", line.username, "", line.n) -}}
{{ s.put("user_pname", line.auth_username, "", line.n) -}}
{{ s.put("user_pass", line.password, "", line.n) -}}
{{ s.put("user_realname", line.display_name or line.label or line.number, "", line.n) -}}
{{ s.put("user_mailbox", none if line.mwi in ("off", "unsolicited") else line.mailbox, "", line.n) -}}
{{ s.put("user_mailnumber", line.voicemail or settings.features.voicemail, "", line.n) -}}
{{ s.put("subscr_sip_line_name", handset.name or line.label or line.number or line.username, "", line.n) -}}
{{ s.given("subscr_sip_hs_idx", hs, "", line.n) -}}
{{ s.given("subscr_sip_ua_data_server_id", place.n, "", line.n) -}}
{{ s.given("subscr_dect_ac_code", handset.pin or dect.pin, "", line.n) -}}
{{ s.given("subscr_dect_ipui", handset.ipui, "", line.n) -}}
{% endfor %}
{# a thousand places are too many to clear: those of one cell, or up to the last one in use #}
{% for n in range(1, [[model.accounts, 20]|min, used.numbers|max or 0]|max + 1) if n not in used.numbers %}
{{ s.given("user_active", "off", "", n) -}}
{% for name in ("user_name", "user_pname", "user_pass") %}
{{ s.put(name, "", "", n) -}}
{% endfor %}
{% endfor %}
{% endif %}
