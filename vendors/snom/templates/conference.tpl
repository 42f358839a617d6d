# {{ model.name }}-WiMi {{ device.mac }}
{# Only names that are known: an unknown one makes the telephone skip the rest of its module. #}
{% for n in range(1, model.accounts + 1) %}
{% set found = namespace(line=none) %}
{% for l in lines if l.n == n %}
{% set found.line = l %}
{% endfor %}
{% set line = found.line %}
{% set a = "sip_account." ~ n %}
{% set server = line.servers[0] if line.username else none %}
{% set backup = line.servers[1] if line.username else none %}
{% set proxy = line.outbound_proxies[0] if line.username else none %}
{{ a }}.sip_account_enable = {{ "1" if line else "0" }}
{% if line %}
{{ a }}.label = {{ line.label or line.display_name or line.number or line.username }}
{{ a }}.display_name = {{ line.display_name or line.label }}
{{ a }}.user_id = {{ line.username }}
{{ a }}.authentication_name = {{ line.auth_username }}
{{ a }}.authentication_access_password = {{ line.password }}
{% if server.host %}
{% set usual = 5061 if server.transport == "tls" else 5060 %}
{{ a }}.primary_sip_server_address = {{ line.domain or server.host }}
{{ a }}.primary_sip_server_port = {{ server.port or usual }}
{{ a }}.primary_registration_server_address = {{ server.host }}
{{ a }}.primary_registration_server_port = {{ server.port or usual }}
{% if server.expires_s %}
{{ a }}.primary_registration_expires = {{ server.expires_s }}
{% endif %}
{{ a }}.transport_mode = {{ server.transport or "udp" }}
{% if proxy.host %}
{{ a }}.primary_outbound_proxy_server_address = {{ proxy.host }}
{{ a }}.primary_outbound_proxy_server_port = {{ proxy.port or usual }}
{% endif %}
{% if backup.host %}
{{ a }}.backup_sip_server_address = {{ backup.host }}
{{ a }}.backup_sip_server_port = {{ backup.port or usual }}
{{ a }}.backup_registration_server_address = {{ backup.host }}
{{ a }}.backup_registration_server_port = {{ backup.port or usual }}
{% endif %}
{% endif %}
{% if line.srtp %}
{{ a }}.voice_encryption_enable = {{ "0" if line.srtp == "off" else "1" }}
{% endif %}
{% if line.dtmf %}
{% set way = {"rfc2833": "rfc2833", "info": "info", "inband": "inband", "auto": "auto"}[line.dtmf] %}
{% if way %}
{{ a }}.dtmf_transport_method = {{ way }}
{% else %}
{{ note("lines." ~ n ~ ".dtmf", "not supported by this model") }}
{%- endif %}
{% endif %}
{% set names = {"pcmu": "g711u", "pcma": "g711a", "g729": "g729a_b", "g726_32": "g726", "g722": "g722", "ilbc": "ilbc"} %}
{% set place = namespace(n=0) %}
{% for codec in line.codecs or [] %}
{% if names[codec] %}
{% set place.n = place.n + 1 %}
{{ a }}.codec_priority.{{ place.n }} = {{ names[codec] }}
{% else %}
{{ note("lines." ~ n ~ ".codecs", codec ~ " is not supported by this model") }}
{%- endif %}
{% endfor %}
{% if line.voicemail or settings.features.voicemail %}
{{ a }}.access_code_retrieve_voicemail = {{ line.voicemail or settings.features.voicemail }}
{% endif %}
{% if line.mwi %}
{{ a }}.mwi_enable = {{ "0" if line.mwi == "off" else "1" }}
{% endif %}
{% if line.local_port and line.local_port != "auto" %}
{{ a }}.local_sip_port = {{ line.local_port }}
{% endif %}
{% if settings.network.rtp_dscp is defined %}
{{ a }}.dscp = {{ settings.network.rtp_dscp }}
{% endif %}
{% endif %}
{% endfor %}
{% set time = settings.time %}
{% if time.ntp %}
time_date.ntp_server_addr = {{ time.ntp[0] }}
{% endif %}
{% if time.zone %}
time_date.selected_timezone = {{ time.zone }}
{% endif %}
{% set vlan = settings.network.vlan %}
{% if vlan.id is defined %}
network.vlan.wan.enable = {{ "1" if vlan.id else "0" }}
{% if vlan.id %}
network.vlan.wan.id = {{ vlan.id }}
network.vlan.wan.priority = {{ vlan.priority or 0 }}
{% endif %}
{% endif %}
{% if settings.network.lldp is defined %}
network.lldp_med.enable = {{ settings.network.lldp|flag }}
{% endif %}
{% if settings.access.admin_password %}
profile.admin.access_password = {{ settings.access.admin_password }}
{% endif %}
{% set provisioning = settings.provisioning %}
{% if provisioning.url %}
provisioning.server_address = {{ provisioning.url }}
{% endif %}
{% if provisioning.username %}
provisioning.server_username = {{ provisioning.username }}
{% endif %}
{% if provisioning.password %}
provisioning.server_access_password = {{ provisioning.password }}
{% endif %}
{% if provisioning.firmware.url %}
provisioning.firmware_url = {{ provisioning.firmware.url }}
{% endif %}
provisioning.remote_check_sync_enable = 1
