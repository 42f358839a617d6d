{# SIP<MAC>.cnf: everything that this phone is told, the secrets too. An override may replace the blocks. #}
{% import "macros.tpl" as p with context %}
# {{ model.name or "Cisco 7940, 7960" }} {{ device.mac }}
{% include "firmware.tpl" %}
{% block lines %}
{% set registers = namespace(any=false, off=none) %}
{% for n in range(1, model.accounts + 1) %}
{% set found = namespace(line=none) %}
{% for line in lines if line.n == n %}
{% set found.line = line %}
{% endfor %}
{% set line = found.line %}
{# without a user name there is nothing to register #}
{% set server = line.servers[0] if line.username else none %}
{% if server.host %}
{% if line.register is false %}
{% set registers.off = n %}
{% else %}
{% set registers.any = true %}
{% endif %}
{% endif %}
{# what is not used is emptied, so that a line that was taken away goes with its password #}
# Line {{ n }}
line{{ n }}_name: "{{ line.username or line.number or line.label }}"
line{{ n }}_authname: "{{ line.auth_username }}"
line{{ n }}_password: "{{ line.password }}"
line{{ n }}_shortname: "{{ (line.label or line.number or line.username)|clip(model.limits.label, "lines." ~ n ~ ".label") }}"
line{{ n }}_displayname: "{{ (line.display_name or line.label or line.username)|clip(model.limits.name, "lines." ~ n ~ ".display_name") }}"
proxy{{ n }}_address: "{{ server.host }}"
{% if server.host %}
proxy{{ n }}_port: {{ server.port or 5060 }}
{% endif %}
{% if server.host and line.registrar.host != server.host %}
{{ note("lines." ~ n ~ ".registrar", "not used: this phone registers with the first server") }}
{%- endif %}
{% if server.transport and server.transport != "udp" %}
{{ note("lines." ~ n ~ ".servers", "this phone knows UDP only") }}
{%- endif %}
{% endfor %}
proxy_register: {{ "1" if registers.any else "0" }}
{% if registers.any and registers.off %}
{{ note("lines." ~ registers.off ~ ".register", "all lines register, or none") }}
{%- endif %}
{% endblock %}
{% block phone %}
# Phone
phone_label: "{{ (settings.display.text or "")|clip(model.limits.label, "display.text") }}"
{% if settings.access.admin_password %}
phone_password: "{{ settings.access.admin_password }}"
{% endif %}
{% endblock %}
{% include "general.tpl" %}
