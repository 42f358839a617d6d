{# Soft keys by state: V81 and later, ten of them. #}
{% if last >= 81 %}
# Soft keys
{% for n in range(1, 11) %}
{% set found = namespace(key=none) %}
{% for key in soft_keys if key.n == n %}
{% set found.key = key %}
{% endfor %}
{{ y.soft_key(n, found.key) -}}
{% endfor %}
{% for key in soft_keys if key.n > 10 %}
{{ note("soft_keys." ~ key.n, "not supported: this phone has ten") }}
{%- endfor %}
{% elif soft_keys %}
{{ note("soft_keys", "not supported before V81") }}
{%- endif %}
