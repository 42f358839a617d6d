{# For all phones, before SIP<MAC>.cnf, which wins. No secrets here: anybody may read it. #}
{% import "macros.tpl" as p with context %}
# All telephones; SIP<MAC>.cnf comes later and wins
{% include "firmware.tpl" %}
{% for n in range(1, 7) %}
{% set found = namespace(line=none) %}
{% for line in lines if line.n == n %}
{% set found.line = line %}
{% endfor %}
{% set server = found.line.servers[0] %}
proxy{{ n }}_address: "{{ server.host }}"
{{ p.number("proxy" ~ n ~ "_port", server.port) -}}
{% endfor %}
proxy_register: {{ "0" if first_line("register") is false else "1" }}
{% include "general.tpl" %}
