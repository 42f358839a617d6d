{# What a key does, in the phone's words: `value` gives them, `key` writes a key of the phone. #}

{# a number that a key watches: an address, and what picks its calls up #}
{% macro watched(key, line) %}{% set pickup = key.pickup or line.pickup_code or settings.features.pickup %}{{ key.value if "@" in key.value or not line.servers[0].host else "<sip:" ~ key.value ~ "@" ~ (line.domain or line.servers[0].host) ~ ">" }}{{ "|" ~ pickup if pickup else "" }}{% endmacro %}

{% macro value(key, path) %}
{%- set known = lookup("keys", key.type, path ~ ".type") if key.type != "custom" else none -%}
{%- set number = key.value or settings.features[known.feature or "none"] -%}
{%- if key.type == "custom" -%}
{{ key.vendor_type }}{{ " " ~ key.value if key.value else "" }}
{%- elif known and key.type == "blf" and key.value -%}
{%- set line = namespace(of=lines[0]) -%}
{%- for l in lines if l.n == key.line -%}{%- set line.of = l -%}{%- endfor -%}
blf {{ watched(key, line.of) }}
{%- elif known.word and number -%}
{{ known.word }} {{ number }}
{%- elif known.event -%}
keyevent {{ known.event }}
{%- elif known.value -%}
{{ note(path ~ ".value", "a key of this type needs a value: it is left out") }}none
{%- elif known.word -%}
{{ known.word }}
{%- else -%}
none
{%- endif -%}
{% endmacro %}

{% macro key(index, key, path) %}
{{ s.key(index, key.line or "active", key.label, key.locked, path, value(key, path)) -}}
{% endmacro %}
