{# What both files say: everything but the lines and the secrets. #}
{% import "macros.tpl" as p with context %}
{% set net = settings.network %}
{% set nat = net.nat %}
{% set timers = net.sip_timers %}
{% set time = settings.time %}
{% set calls = settings.calls %}
{% set first = lines[0] %}
{% set servers = first.servers or [] %}
{% set backup = servers[1] %}
{% set outbound = first.outbound_proxies[0] %}
{% set emergency = settings.emergency.server %}
{# one value for all lines: that of the first; the others are told when they differ #}
{% for line in lines %}
{% if not loop.first and line.servers and (line.servers[0].expires_s != servers[0].expires_s or (line.servers|length > 1 and line.servers[1].host != backup.host)) %}
{{ note("lines." ~ line.n ~ ".servers", "expiry and backup server are the same for all lines here: those of line " ~ first.n) }}
{%- endif %}
{% if not loop.first and line.outbound_proxies and line.outbound_proxies != first.outbound_proxies %}
{{ note("lines." ~ line.n ~ ".outbound_proxies", "one outbound proxy for all lines here: that of line " ~ first.n) }}
{%- endif %}
{% endfor %}
# Registration, sound, network
{{ p.number("timer_register_expires", servers[0].expires_s) -}}
{{ p.text("outbound_proxy", outbound.host) -}}
{{ p.number("outbound_proxy_port", outbound.port or 5060 if outbound.host else none) -}}
{{ p.text("proxy_backup", backup.host) -}}
{{ p.number("proxy_backup_port", backup.port or 5060 if backup.host else none) -}}
{{ p.text("proxy_emergency", emergency.host) -}}
{{ p.number("proxy_emergency_port", emergency.port or 5060 if emergency.host else none) -}}
{{ p.text("messages_uri", first_line("voicemail")) -}}
{{ p.number("user_info", first_line("user_param")) -}}
{% set identity = first_line("send_identity") %}
{% if identity == "pai" %}
{{ note("lines.*.send_identity", "not supported: this phone sends Remote-Party-ID or nothing") }}
{%- elif identity %}
remote_party_id: {{ "1" if identity == "rpid" else "0" }}
{% endif %}
{% set codecs = first_line("codecs") or [] %}
{% set chosen = namespace(codec=none) %}
{% for codec in codecs if tables.codecs[codec] and not chosen.codec %}
{% set chosen.codec = tables.codecs[codec] %}
{% endfor %}
{% if codecs %}
preferred_codec: {{ chosen.codec or "none" }}
{% if codecs|length > 1 or not chosen.codec %}
{{ note("lines.*.codecs", "this phone knows pcmu, pcma and g729 and prefers one: " ~ (chosen.codec or "none")) }}
{%- endif %}
{% endif %}
{{ p.number("enable_vad", settings.audio.vad|flag) -}}
{% set dtmf = first_line("dtmf") %}
{% if dtmf == "info" %}
{{ note("lines.*.dtmf", "not supported: DTMF goes in RTP (RFC 2833) or in the sound") }}
{%- elif dtmf %}
dtmf_outofband: {{ "none" if dtmf == "inband" else "avt" }}
dtmf_inband: {{ "1" if dtmf in ("inband", "auto") else "0" }}
{% endif %}
{{ p.number("dtmf_avt_payload", first_line("dtmf_payload")) -}}
{{ p.number("nat_enable", nat.enabled|flag) -}}
{{ p.text("nat_address", nat.external_address) -}}
{{ p.number("nat_received_processing", nat.rport|flag) -}}
{% set own_port = first_line("local_port") %}
{{ p.number("voip_control_port", own_port if own_port and own_port != "auto" else net.sip_port) -}}
{{ p.number("start_media_port", net.rtp_ports.min) -}}
{{ p.number("end_media_port", net.rtp_ports.max) -}}
{% if net.rtp_dscp is defined and net.rtp_dscp is not none %}
{# the phone takes the IP precedence, 0 to 5: the upper three bits of the DSCP #}
tos_media: {{ [(net.rtp_dscp|int) // 8, 5]|min }}
{% endif %}
{% if net.port %}
{{ p.number("network_media_type", lookup("media_types", net.port, "network.port")) -}}
{% endif %}
{{ p.number("timer_t1", timers.t1_ms) -}}
{{ p.number("timer_t2", timers.t2_ms) -}}
{{ p.number("sip_retx", timers.retries) -}}
{{ p.number("sip_invite_retx", timers.invite_retries) -}}
{{ p.number("timer_invite_expires", timers.invite_expires_s) -}}
{% if net.http_proxy %}
{% set proxy = net.http_proxy.split("://")|last %}
http_proxy_addr: "{{ proxy.split(":")[0] }}"
http_proxy_port: {{ proxy.split(":")[1] or "80" }}
{% endif %}
{# time server, zone and daylight saving: the phone keeps no rules of its own #}
# Time
{% if time.ntp %}
sntp_mode: unicast
sntp_server: "{{ time.ntp[0] }}"
{% endif %}
{% set zone = dst(time.zone) if time.zone else none %}
{% if zone %}
{% set near = namespace(offset=none) %}
{% for offset in tables.timezones %}
{% if near.offset is none or (offset|int - zone.offset_min)|abs < (near.offset|int - zone.offset_min)|abs %}
{% set near.offset = offset %}
{% endif %}
{% endfor %}
{% if near.offset|int != zone.offset_min %}
{{ note("time.zone", "this phone has no zone of " ~ zone.offset_hhmm ~ ": the nearest is used") }}
{%- endif %}
{{ p.text("time_zone", tables.timezones[near.offset]) -}}
{% set saving = zone.has_dst and time.dst != "off" %}
{% if saving %}
dst_offset: {{ zone.save_min // 60 if zone.save_min % 60 == 0 else "%02d/%02d"|format(zone.save_min // 60, zone.save_min % 60) }}
{% for name, rule in [("start", zone.start), ("stop", zone.end)] %}
dst_{{ name }}_month: {{ rule.month }}
dst_{{ name }}_day: 0
{# 1 is Sunday here, and 8 the last week of the month #}
dst_{{ name }}_day_of_week: {{ rule.weekday1 }}
dst_{{ name }}_week_of_month: {{ 8 if rule.last else rule.week }}
dst_{{ name }}_time: {{ rule.hour if rule.minute == 0 else "%d:%02d"|format(rule.hour, rule.minute) }}
{% endfor %}
{% endif %}
dst_auto_adjust: {{ "1" if saving else "0" }}
{% endif %}
{{ p.number("time_format_24hr", time.format_24h|flag) -}}
{% if time.date_format %}
{{ p.text("date_format", time.date_format|nearest_format(tables.date_formats, "time.date_format")) -}}
{% endif %}
# Calls
{# a phone with a dial plan of its own has it in a file of its own #}
dial_template: {{ "DIAL" ~ device.MAC if file.kind == "device" and calls.dial_plan else "dialplan" }}
{{ p.number("autocomplete", calls.autocomplete|flag) -}}
{{ p.number("call_hold_ringback", calls.hold_reminder|flag) -}}
{% set lockable = ["calls.dnd", "calls.reject_anonymous", "lines." ~ (first.n or 1) ~ ".call_waiting", "lines." ~ (first.n or 1) ~ ".anonymous"] %}
{% for path in settings.access.locked or [] if path not in lockable %}
{{ note("access.locked", "not supported for " ~ path) }}
{%- endfor %}
{% set waiting = first_line("call_waiting") %}
{{ p.choice("call_waiting", "0" if waiting == "off" else ("1" if waiting else none), "lines." ~ (first.n or 1) ~ ".call_waiting") -}}
{{ p.choice("dnd_control", calls.dnd|flag, "calls.dnd") -}}
{{ p.choice("anonymous_call_block", calls.reject_anonymous|flag, "calls.reject_anonymous") -}}
{{ p.choice("callerid_blocking", first_line("anonymous")|flag, "lines." ~ (first.n or 1) ~ ".anonymous") -}}
# Services
{{ p.text("logo_url", asset("display.logo")) -}}
{{ p.text("services_url", settings.services.url) -}}
{# one that is elsewhere is opened itself; what is stored here has a search beside it #}
{% set books = phonebooks()|selectattr("url")|list %}
{% set menu = "DIR" ~ device.MAC if file.kind == "device" else "directory" %}
{{ p.text("directory_url", server_for("cisco-7940-7960-sip/" ~ menu ~ ".xml") if books|length > 1 or books[0].stored else books[0].url) -}}
# Access and update
{% set telnet = settings.access.telnet %}
{% if telnet %}
telnet_level: {{ {"off": 0, "on": 1, "privileged": 2}[telnet] }}
{% endif %}
{% set url = settings.provisioning.url or "" %}
{% set host = url[7:].split("/")[0].split(":")[0] if url.startswith("tftp://") else "" %}
{% if host and host[:1] in "0123456789" %}
dyn_tftp_addr: "{{ host }}"
{% elif url %}
{{ note("provisioning.url", "this phone takes tftp:// with an IPv4 address") }}
{%- endif %}
sync: 1
