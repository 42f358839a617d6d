# Accounts
{% set net = settings.network %}
{% set nat = net.nat %}
{% set features = settings.features %}
{% set used = namespace(numbers=[]) %}
{% for line in lines %}
{% set used.numbers = used.numbers + [line.n] %}
{% set a = "account." ~ line.n %}
{% set path = "lines." ~ line.n %}
{# without a user name there is nothing to register #}
{% set servers = line.servers if line.username else [] %}
{% set server = servers[0] %}
{% set backup = servers[1] %}
{% set proxies = (line.outbound_proxies or []) if line.username else [] %}
{# the phone has one name for registrar and domain: a domain of its own makes the server the outbound proxy #}
{% set by_domain = server.host and line.domain and line.domain != server.host and not proxies %}
{% set proxy = proxies[0] if proxies else (server if by_domain else none) %}
{% set second = proxies[1] %}
{% set label = line.label or line.number or line.display_name or line.username %}
{{ a }}.enable = 1
{{ y.put(a ~ ".label", label) -}}
{{ y.put(a ~ ".display_name", line.display_name or label) -}}
{{ y.put(a ~ ".user_name", line.username) -}}
{{ y.put(a ~ ".auth_name", line.auth_username) -}}
{{ y.put(a ~ ".password", line.password) -}}
{% set host = line.domain if by_domain else server.host %}
{# a port that is not set is the usual one; 0 asks the DNS for it; beside a domain the proxy has it #}
{% set by_dns = line.dns in ("srv", "naptr") %}
{% set usual = 5061 if server.transport == "tls" else 5060 %}
{% set port = ("0" if by_dns and not server.port else (none if by_domain else server.port or usual)) if host else none %}
{% if before_80 %}
{{ y.put(a ~ ".sip_server_host", host) -}}
{{ y.put(a ~ ".sip_server_port", port) -}}
{{ y.put(a ~ ".expires", server.expires_s) -}}
{{ y.put(a ~ ".transport", "3" if by_dns else tables.transports[server.transport]) -}}
{% endif %}
{% for s in [1, 2] %}
{% set one = server if s == 1 else backup %}
{% set name = a ~ ".sip_server." ~ s %}
{{ y.put(name ~ ".address", host if s == 1 else one.host) -}}
{{ y.put(name ~ ".port", port if s == 1 else (one.port or (5061 if one.transport == "tls" else 5060) if one.host else none)) -}}
{% if from_80 %}
{{ y.put(name ~ ".transport_type", ("3" if by_dns else tables.transports[one.transport or "udp"]) if one.host else none) -}}
{% endif %}
{{ y.put(name ~ ".expires", one.expires_s) -}}
{% if from_80 %}
{{ y.put(name ~ ".register_on_enable", line.register|flag if one.host else none) -}}
{% endif %}
{% endfor %}
{% if before_80 and line.register is false %}
{{ note(path ~ ".register", "not supported before V80") }}
{%- endif %}
{% if server.host and line.registrar.host != server.host %}
{{ note(path ~ ".registrar", "not used: this phone registers with the first server") }}
{%- endif %}
{% if servers|length > 2 %}
{{ note(path ~ ".servers", "two at most: the others are left out") }}
{%- endif %}
{{ y.put(a ~ ".fallback.redundancy_type", {"concurrent": 0, "successive": 1}[line.failover] if line.failover else ("1" if backup.host else none)) -}}
{{ a }}.outbound_proxy_enable = {{ "1" if proxy.host else "0" }}
{{ y.put(a ~ ".outbound_proxy.1.address", proxy.host) -}}
{{ y.put(a ~ ".outbound_proxy.1.port", proxy.port or usual if proxy.host else none) -}}
{{ y.put(a ~ ".outbound_proxy.2.address", second.host) -}}
{{ y.put(a ~ ".outbound_proxy.2.port", second.port or usual if second.host else none) -}}
{% if before_80 %}
{{ y.put(a ~ ".outbound_host", proxy.host) -}}
{{ y.put(a ~ ".outbound_port", proxy.port or usual if proxy.host else none) -}}
{{ y.put(a ~ ".backup_outbound_host", second.host) -}}
{{ y.put(a ~ ".backup_outbound_port", second.port or usual if second.host else none) -}}
{% endif %}
{{ y.put(a ~ ".srtp_encryption", {"off": 0, "optional": 1, "required": 2}[line.srtp] if line.srtp else none) -}}
{{ y.put(a ~ ".dtmf.type", {"inband": 0, "rfc2833": 1, "auto": 1, "info": 2, "rfc2833_and_info": 3}[line.dtmf] if line.dtmf else none) -}}
{{ y.put(a ~ ".dtmf.info_type", {"relay": 1, "dtmf": 2, "event": 3}[line.dtmf_info] if line.dtmf_info else none) -}}
{{ y.put(a ~ ".dtmf.dtmf_payload", line.dtmf_payload) -}}
{% include "codecs.tpl" %}
{{ y.put("voice_mail.number." ~ line.n, line.voicemail or features.voicemail) -}}
{{ y.put(a ~ ".subscribe_mwi", ("1" if line.mwi == "subscribe" else "0") if line.mwi else none) -}}
{{ y.put(a ~ ".subscribe_mwi_to_vm", ("1" if line.voicemail and line.mailbox == line.voicemail else "0") if line.mwi == "subscribe" else none) -}}
{{ y.put(a ~ ".display_mwi.enable", ("0" if line.mwi == "off" else "1") if line.mwi else none) -}}
{{ y.put(a ~ ".shared_line", {"off": 0, "sca": 1, "bla": 3}[line.shared] if line.shared else none) -}}
{{ y.put(a ~ ".bla_number", line.shared_user) -}}
{% if not base_station %}
{{ y.put(a ~ ".number_of_linekey", line["keys"]) -}}
{% endif %}
{{ y.put(a ~ ".nat.nat_traversal", "1" if net.stun.host else none) -}}
{% if before_80 and net.stun.host %}
{{ a }}.nat.stun_server = {{ net.stun.host }}
{{ a }}.nat.stun_port = {{ net.stun.port or 3478 }}
{% endif %}
{% set alive = line.keepalive_s if line.keepalive_s is defined else nat.keepalive_s %}
{% set method = {"crlf": 1, "options": 2, "notify": 3}[line.keepalive_method or "crlf"] %}
{{ y.put(a ~ ".nat.udp_update_enable", (method if alive else "0") if alive is defined and alive is not none else none) -}}
{{ y.put(a ~ ".nat.udp_update_time", alive if alive else none) -}}
{{ y.put(a ~ ".nat.rport", (line.rport if line.rport is defined else nat.rport)|flag) -}}
{% if before_80 %}
{{ y.put(a ~ ".sip_listen_port", line.local_port if line.local_port != "auto" and line.local_port else net.sip_port) -}}
{% endif %}
{{ y.put(a ~ ".cid_source", lookup("caller_id", line.caller_id_sources|join(","), path ~ ".caller_id_sources") if line.caller_id_sources else none) -}}
{# a header of the call is obeyed whatever this says: features.intercom.allow, on at the factory #}
{% set answer = line.auto_answer or settings.calls.auto_answer %}
{{ y.given(a ~ ".auto_answer", ("1" if answer == "on" else "0") if answer else none) -}}
{{ y.given(a ~ ".ringtone.ring_type", y.ring_name(line.ringtone) if line.ringtone else none) -}}
{{ y.given(a ~ ".anonymous_call", line.anonymous|flag) -}}
{{ y.given(a ~ ".anonymous_call_oncode", features.anonymous_on) -}}
{{ y.given(a ~ ".anonymous_call_offcode", features.anonymous_off) -}}
{{ y.given(a ~ ".reject_anonymous_call", settings.calls.reject_anonymous|flag) -}}
{{ y.put(a ~ ".direct_pickup_code", line.pickup_code) -}}
{{ y.put(a ~ ".blf.blf_list_uri", line.blf_list_uri) -}}
{% set session = line.session_timer %}
{{ y.put(a ~ ".session_timer.enable", session.enabled|flag) -}}
{{ y.put(a ~ ".session_timer.expires", session.expires_s) -}}
{{ y.put(a ~ ".session_timer.refresher", {"uac": 0, "uas": 1}[session.refresher] if session.refresher else none) -}}
{{ y.put(a ~ ".enable_user_equal_phone", ("1" if line.user_param == "phone" else "0") if line.user_param else none) -}}
{% endfor %}
{# what is not used is switched off and forgotten, so that an account that was taken away goes with its password #}
{% for n in range(1, model.accounts + 1) if n not in used.numbers %}
account.{{ n }}.enable = 0
{% for name in ["label", "display_name", "user_name", "auth_name", "password"] %}
account.{{ n }}.{{ name }} = %NULL%
{% endfor %}
{% endfor %}
