# Keys
{% set line_keys = model.line_keys %}
{% set memory_keys = model.memory_keys %}
{% set all_keys = line_keys + memory_keys %}
{% for n in range(1, all_keys + 1) %}
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
{# expansion modules: all keys of those that are named; pages are counted through #}
{% set kind = model.modules %}
{% for module in modules if kind.max %}
{% set path = "modules." ~ module.n %}
{% if module.n > kind.max %}
{{ note(path, "not supported: this model takes " ~ kind.max ~ " modules") }}
{%- else %}
{% if module.model and kind.names and module.model not in kind.names %}
{{ note(path ~ ".model", "not supported: this model takes " ~ kind.names|join(" or ")) }}
{%- endif %}
{% for n in range(1, kind["keys"] + 1) if n != model.module_page_key %}
{% set found = namespace(key=none) %}
{% for key in module["keys"] if key.n == n %}
{% set found.key = key %}
{% endfor %}
{{ y.key("expansion_module." ~ module.n ~ ".key." ~ n, found.key, path ~ ".keys." ~ n) -}}
{% endfor %}
{% for key in module["keys"] if key.n > kind["keys"] or key.n == model.module_page_key %}
{{ note(path ~ ".keys." ~ key.n, "not supported: the module has no such key, or turns its page with it") }}
{%- endfor %}
{% endif %}
{% endfor %}
{# keys of the housing: soft keys, cursor, hold … #}
{% set programmable = settings.programmable_keys or {} %}
{% for name, number in tables.programmable_keys|items %}
{% if number in model.programmable %}
{{ y.key("programablekey." ~ number, programmable[name], "programmable_keys." ~ name) -}}
{% elif programmable[name] %}
{{ note("programmable_keys." ~ name, "not supported: this model has no such key") }}
{%- endif %}
{% endfor %}
{% for name in programmable if tables.programmable_keys[name] is not defined %}
{{ note("programmable_keys." ~ name, "not supported: this phone has no such key") }}
{%- endfor %}
{% include "soft_keys.tpl" %}
