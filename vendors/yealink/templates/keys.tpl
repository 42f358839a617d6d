# Keys
{% set line_keys = model.line_keys %}
{% set memory_keys = model.memory_keys %}
{% for n in range(1, line_keys + memory_keys + 1) %}
{% set found = namespace(key=none) %}
{% for key in keys if key.n == n %}
{% set found.key = key %}
{% endfor %}
{% if n <= line_keys %}
{{ y.key("linekey." ~ n, found.key, "keys." ~ n) -}}
{% else %}
{{ y.key("memorykey." ~ (n - line_keys), found.key, "keys." ~ n, false) -}}
{% endif %}
{% endfor %}
{# expansion modules: all keys of those that are named #}
{% set kind = model.modules %}
{% for module in modules if kind.max and module.n <= kind.max %}
{% for n in range(1, kind["keys"] + 1) %}
{% set found = namespace(key=none) %}
{% for key in module["keys"] if key.n == n %}
{% set found.key = key %}
{% endfor %}
{{ y.key("expansion_module." ~ module.n ~ ".key." ~ n, found.key, "modules." ~ module.n ~ ".keys." ~ n) -}}
{% endfor %}
{% endfor %}
{# keys of the housing: soft keys, cursor, hold … #}
{% set programmable = settings.programmable_keys %}
{% for name, number in tables.programmable_keys|items if programmable[name] %}
{{ y.key("programablekey." ~ number, programmable[name], "programmable_keys." ~ name) -}}
{% endfor %}
{% for name in programmable if tables.programmable_keys[name] is not defined %}
{{ note("programmable_keys." ~ name, "not supported: this phone has no such key") }}
{%- endfor %}
