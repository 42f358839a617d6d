{# What a key does, in the phone's words: `value` gives them, `key` writes a key of the phone. #}

{% macro value(key, path) %}
{%- set known = lookup("keys", key.type, path ~ ".type") if key.type != "custom" else none -%}
{%- set number = key.value or settings.features[known.feature or "none"] -%}
{%- if key.type == "custom" -%}
{{ key.vendor_type }}{{ " " ~ key.value if key.value else "" }}
{%- elif known and key.type == "blf" and key.value -%}
{#- what picks its calls up stands behind the number -#}
{%- set pickup = key.pickup or settings.lines[(key.line or lines[0].n or 1) ~ ""].pickup_code or settings.features.pickup -%}
blf {{ key.value }}{{ "|" ~ pickup if pickup else "" }}
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
