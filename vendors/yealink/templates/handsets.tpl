# Handsets of the base
{% set handsets = settings.handsets or {} %}
{{ y.system("auto_provision.handset_configured.enable", "1") -}}
{{ y.given("base.pin_code", settings.dect.pin) -}}
{% for n in range(1, model.handsets + 1) %}
{% set handset = handsets[n ~ ""] %}
{# without a name of its own a handset shows that of the account with its number #}
{% set account = namespace(label=none) %}
{% for line in lines if line.n == n %}
{% set account.label = line.label or line.display_name or line.number or line.username %}
{% endfor %}
{{ y.put("handset." ~ n ~ ".name", handset.name or account.label) -}}
{% if not model.multi_cell %}
{% set incoming = handset.lines_in or [] %}
{{ y.put("handset." ~ n ~ ".incoming_lines", incoming|join(",")) -}}
{% set outgoing = incoming if not handset.line_out or handset.line_out in incoming else incoming + [handset.line_out] %}
{{ y.put("handset." ~ n ~ ".dial_out_lines", outgoing|join(",")) -}}
{{ y.put("handset." ~ n ~ ".dial_out_default_line", handset.line_out) -}}
{% elif handset and ((handset.lines_in and handset.lines_in != [n]) or (handset.line_out and handset.line_out != n)) %}
{{ note("handsets." ~ n, "not supported: a handset of such a system has the line of its own number") }}
{%- endif %}
{% endfor %}
{% for n in handsets if n|int > model.handsets %}
{{ note("handsets." ~ n, "not supported: this base has " ~ model.handsets ~ " handsets") }}
{%- endfor %}
