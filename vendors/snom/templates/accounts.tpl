{# Identities: the lines, then a second identity for the backup server of each, then the rest is switched off. #}
{% import "identity.tpl" as i with context %}
{% set taken = namespace(numbers=[], backups={}) %}
{% for line in lines %}
{% set taken.numbers = taken.numbers + [line.n] %}
{% endfor %}
{% for line in lines %}
{# the highest free number #}
{% set backup = namespace(n=none) %}
{% if line.username and line.servers[1] %}
{% for n in range(1, model.accounts + 1) if n not in taken.numbers %}
{% set backup.n = n %}
{% endfor %}
{% if backup.n is none %}
{{ note("lines." ~ line.n ~ ".servers", "the backup server needs an identity of its own, and none is free: it is left out") }}
{%- else %}
{% set taken.numbers = taken.numbers + [backup.n] %}
{% if line.failover == "successive" %}
{{ note("lines." ~ line.n ~ ".failover", "this phone registers with both servers at once") }}
{%- endif %}
{% endif %}
{% endif %}
{% if line.servers|length > 2 %}
{{ note("lines." ~ line.n ~ ".servers", "two at most: the others are left out") }}
{%- endif %}
{{ i.identity(line.n, line, line.servers[0], backup.n) -}}
{% if backup.n %}
{{ i.identity(backup.n, line, line.servers[1], none, true) -}}
{% endif %}
{% endfor %}
{% for n in range(1, model.accounts + 1) if n not in taken.numbers %}
{{ s.given("user_active", "off", "lines." ~ n, n) -}}
{% for name in ("user_name", "user_pname", "user_pass", "user_host", "user_outbound", "user_realname", "user_idle_text", "user_mailbox") %}
{{ s.put(name, "", "lines." ~ n, n) -}}
{% endfor %}
{% endfor %}
