{# The codecs of one account, in order of preference; the others are off. `line` and `a` come from accounts.tpl. #}
{% set wanted = namespace(names=[]) %}
{% for codec in line.codecs or [] %}
{% if lookup("codecs", codec, path ~ ".codecs") %}
{% set wanted.names = wanted.names + [codec] %}
{% endif %}
{% endfor %}
{% if from_80 %}
{% for codec, it in tables.codecs|items %}
{% set place = namespace(n=0) %}
{% for name in wanted.names if name == codec %}
{% set place.n = 1 %}
{% endfor %}
{% if not line.codecs %}
{{ y.put(a ~ ".codec." ~ it.name ~ ".enable", none) -}}
{{ y.put(a ~ ".codec." ~ it.name ~ ".priority", none) -}}
{% elif place.n %}
{% for name in wanted.names if name == codec %}
{{ a }}.codec.{{ it.name }}.enable = 1
{% endfor %}
{% for name in wanted.names %}
{% if name == codec %}
{{ a }}.codec.{{ it.name }}.priority = {{ loop.index }}
{% endif %}
{% endfor %}
{% else %}
{{ a }}.codec.{{ it.name }}.enable = 0
{{ a }}.codec.{{ it.name }}.priority = 0
{% endif %}
{% endfor %}
{% endif %}
{# V7x numbers them: first the wanted ones in order, then the rest, off #}
{% if before_80 and line.codecs %}
{% set order = namespace(names=[], on=0) %}
{% for name in wanted.names if tables.codecs[name].old %}
{% set order.names = order.names + [name] %}
{% endfor %}
{% set order.on = order.names|length %}
{% for name in tables.codecs if tables.codecs[name].old and name not in wanted.names %}
{% set order.names = order.names + [name] %}
{% endfor %}
{% for name in order.names %}
{% set on = loop.index <= order.on %}
{{ a }}.codec.{{ loop.index }}.enable = {{ "1" if on else "0" }}
{{ a }}.codec.{{ loop.index }}.payload_type = {{ tables.codecs[name].old }}
{{ a }}.codec.{{ loop.index }}.priority = {{ loop.index if on else 0 }}
{{ a }}.codec.{{ loop.index }}.rtpmap = {{ tables.codecs[name].rtpmap }}
{% endfor %}
{% endif %}
