{# SIP<MAC>.cnf: everything that this phone is told, the secrets too. An override may replace the blocks. #}
{% import "macros.tpl" as p with context %}
# {{ model.name }} {{ device.mac }}
{% include "firmware.tpl" %}
{% block lines %}
{% set registers = namespace(any=false) %}
{% for n in range(1, model.accounts + 1) %}
{% set found = namespace(line=none) %}
{% for line in lines if line.n == n %}
{% set found.line = line %}
{% endfor %}
{% set line = found.line or {} %}
{% set server = (line.servers or [{}])|first %}
{% if found.line and server.host and line.username and line.register is not false %}
{% set registers.any = true %}
{% endif %}
# Line {{ n }}
line{{ n }}_name: "{{ line.username or line.number or line.label }}"
{% if found.line %}
line{{ n }}_authname: "{{ line.auth_username }}"
line{{ n }}_password: "{{ line.password }}"
line{{ n }}_shortname: "{{ (line.label or line.number or line.username)|clip(model.limits.label, "lines." ~ n ~ ".label") }}"
line{{ n }}_displayname: "{{ (line.display_name or line.label or line.username)|clip(model.limits.name, "lines." ~ n ~ ".display_name") }}"
{% endif %}
proxy{{ n }}_address: "{{ server.host }}"
{{ p.number("proxy" ~ n ~ "_port", server.port) -}}
{% if server.transport and server.transport != "udp" %}
{{ note("lines." ~ n ~ ".servers", "this phone knows UDP only") }}
{%- endif %}
{% endfor %}
proxy_register: {{ "1" if registers.any else "0" }}
{% endblock %}
{% block phone %}
# Phone
phone_label: "{{ ((settings.display or {}).text or "")|clip(model.limits.label, "display.text") }}"
{{ p.text("phone_password", ((settings.access or {}).admin_password)) -}}
{% endblock %}
{% include "general.tpl" %}
