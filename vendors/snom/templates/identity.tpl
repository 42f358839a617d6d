{# One identity: `n` its number, `line` the line whose values it has, `at` its server, `backup` the identity that stands in for it. #}
{% macro identity(n, line, at, backup, second=false) %}
{% set path = "lines." ~ line.n %}
{% set net = settings.network %}
{% set features = settings.features %}
{% set calls = settings.calls %}
{% set registrar = at if line.username else none %}
{% set proxy = line.outbound_proxies[0] if line.username else none %}
{% set by_dns = line.dns in ("srv", "naptr") %}
{% set host = registrar.host or "" %}
{# an IPv6 address stands in brackets #}
{% set address = ("[" ~ host ~ "]" if ":" in host and host.replace(":", "").isalnum() else host) ~ (":" ~ registrar.port if registrar.port and not by_dns else "") %}
{% set transport = registrar.transport or "udp" %}
{# a domain of its own, and every transport but UDP, goes by the outbound proxy #}
{% set way = proxy or (registrar if host and (transport != "udp" or (line.domain and line.domain != host)) else none) %}
{% set way_host = way.host or "" %}
{{ s.given("user_active", "on", path, n) -}}
{{ s.put("user_name", line.username, path ~ ".username", n) -}}
{{ s.put("user_pname", line.auth_username, path ~ ".auth_username", n) -}}
{{ s.put("user_pass", line.password, path ~ ".password", n) -}}
{{ s.put("user_realname", line.display_name, path ~ ".display_name", n) -}}
{{ s.put("user_idle_text", line.label or line.display_name or line.number or line.username, path ~ ".label", n) -}}
{% if not text_form %}
{{ s.put("user_idle_number", line.number, path ~ ".number", n) -}}
{% endif %}
{{ s.put("user_host", line.domain if host and line.domain else address, path ~ ".servers", n) -}}
{{ s.put("user_outbound", ("[" ~ way_host ~ "]" if ":" in way_host and way_host.replace(":", "").isalnum() else way_host) ~ (":" ~ way.port if way.port and not by_dns else "") ~ ";transport=" ~ transport if way_host else none, path ~ ".outbound_proxies", n) -}}
{% if not second and line.registrar.host and host and line.registrar.host != host %}
{{ note(path ~ ".registrar", "not used: this phone registers with the first server") }}
{%- endif %}
{% if not second and line.outbound_proxies and line.outbound_proxies|length > 1 %}
{{ note(path ~ ".outbound_proxies", "one at most: the others are left out") }}
{%- endif %}
{{ s.given("user_failover_identity", backup or "none", path ~ ".servers", n) -}}
{{ s.given("user_expiry", registrar.expires_s, path ~ ".servers", n) -}}
{{ s.given("user_server_type", lookup("server_types", line.pbx, path ~ ".pbx") if line.pbx else ("broadsoft" if line.shared == "sca" else none), path ~ ".pbx", n) -}}
{{ s.given("user_shared_line", ("off" if line.shared == "off" else "on") if line.shared else none, path ~ ".shared", n) -}}
{% if line.srtp %}
{{ s.given("user_srtp", "off" if line.srtp == "off" else "on", path ~ ".srtp", n) -}}
{{ s.given("user_savp", {"off": "off", "optional": "optional", "required": "mandatory"}[line.srtp], path ~ ".srtp", n) -}}
{% endif %}
{% if line.dtmf == "inband" %}
{{ note(path ~ ".dtmf", "not supported: this phone sends digits as RFC 2833 or SIP INFO") }}
{%- endif %}
{{ s.given("user_dtmf_info", {"rfc2833": "off", "auto": "off", "info": "sip_info_only", "rfc2833_and_info": "on"}[line.dtmf] if line.dtmf else none, path ~ ".dtmf", n) -}}
{% set codecs = namespace(list=[]) %}
{% for codec in line.codecs or [] %}
{% set known = tables.codecs[codec] %}
{% if not known %}
{{ note(path ~ ".codecs", codec ~ " is not supported by this model") }}
{%- endif %}
{% if known and known.name not in codecs.list|map(attribute="name")|list %}
{% set codecs.list = codecs.list + [known] %}
{% endif %}
{% endfor %}
{% if text_form %}
{# seven places #}
{% for codec in codecs.list[:7] %}
{{ s.given("codec" ~ loop.index ~ "_name", codec.old, path ~ ".codecs", n) -}}
{% endfor %}
{% elif codecs.list %}
{{ s.given("codec_priority_list", codecs.list|map(attribute="name")|join(",") ~ ",telephone-event", path ~ ".codecs", n) -}}
{% endif %}
{# a mailbox is what makes the phone subscribe #}
{{ s.put("user_mailbox", none if line.mwi in ("off", "unsolicited") or second else line.mailbox, path ~ ".mailbox", n) -}}
{{ s.given("call_waiting", {"off": "off", "on": "on", "visual": "visual", "tone": "ringer"}[line.call_waiting] if line.call_waiting else none, path ~ ".call_waiting", n) -}}
{% set answers = line.auto_answer or calls.auto_answer %}
{{ s.given("user_auto_connect", ("on" if answers == "on" else "off") if answers else none, path ~ ".auto_answer", n) -}}
{% if line.caller_id_sources %}
{{ s.given("contact_source_sip_priority", line.caller_id_sources|join(" ")|upper, path ~ ".caller_id_sources", n) -}}
{% endif %}
{% if line.blf_list_uri and not second %}
{{ s.given("user_event_list_subscription", "on", path ~ ".blf_list_uri", n) -}}
{{ s.given("user_event_list_uri", line.blf_list_uri, path ~ ".blf_list_uri", n) -}}
{% endif %}
{# a tone of the phone, or a file that it loads #}
{% set wanted = line.ringtone or settings.audio.ringtone %}
{% set tone = (settings.audio.ringtones or [])|selectattr("name", "equalto", wanted)|map(attribute="asset")|first or wanted %}
{% if tone in tables.ringtones.built_in %}
{{ s.given("user_ringer", tone, path ~ ".ringtone", n) -}}
{% elif tone %}
{% set melody = asset(tone, "lines.*.ringtone") %}
{{ s.given("user_ringer", "Custom" if melody else none, path ~ ".ringtone", n) -}}
{{ s.given("user_custom", melody, path ~ ".ringtone", n) -}}
{% endif %}
{# NAT #}
{{ s.put("stun_server", net.stun.host ~ (":" ~ net.stun.port if net.stun.port else "") if net.stun.host else none, "network.stun", n) -}}
{% if net.stun.host %}
{{ s.given("stun_binding_interval", net.nat.keepalive_s, "network.nat.keepalive_s", n) -}}
{% endif %}
{% set alive = line.keepalive_s if line.keepalive_s is defined else net.nat.keepalive_s %}
{{ s.put("keepalive_interval", alive or none, path ~ ".keepalive_s", n) -}}
{{ s.given("user_ice", net.ice|flag("on", "off"), "network.ice", n) -}}
{{ s.given("user_symmetrical_rtp", net.nat.enabled|flag("on", "off"), "network.nat.enabled", n) -}}
{# codes of the call server #}
{{ s.given("dnd_mode", calls.dnd|flag("on", "off"), "calls.dnd", n) -}}
{{ s.given("dnd_on_code", features.dnd_on, "features.dnd_on", n) -}}
{{ s.given("dnd_off_code", features.dnd_off, "features.dnd_off", n) -}}
{% for ours, theirs in (("forward_all", "all"), ("forward_busy", "busy"), ("forward_no_answer", "time")) if features[ours] %}
{{ s.given("fwd_" ~ theirs ~ "_on_code", features[ours], "features." ~ ours, n) -}}
{{ s.given("fwd_" ~ theirs ~ "_off_code", features.forward_cancel, "features.forward_cancel", n) -}}
{% endfor %}
{% endmacro %}
