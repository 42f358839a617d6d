{# Keys of the phone, counted from 0, then those of the expansion modules in order; hard keys and soft keys stand among the settings. #}
{% import "key.tpl" as k with context %}
{% set line_keys = model.line_keys %}
{# a key that is not set is that of a line for as many as there are, and else nothing #}
{% for n in range(1, line_keys + 1) %}
{% set found = namespace(key=none) %}
{% for key in keys if key.n == n %}
{% set found.key = key %}
{% endfor %}
{% set line = lines[n - 1] %}
{% if found.key %}
{{ k.key(n - 1, found.key, "keys." ~ n) -}}
{% elif line %}
{{ s.key(n - 1, line.n, "", false, "keys." ~ n, "line") -}}
{% else %}
{{ s.key(n - 1, "active", "", false, "keys." ~ n, "none") -}}
{% endif %}
{% endfor %}
{% set kind = model.modules %}
{% for module in modules if kind.max and module.n <= kind.max %}
{% for n in range(1, kind["keys"] + 1) %}
{% set found = namespace(key=none) %}
{% for key in module["keys"] if key.n == n %}
{% set found.key = key %}
{% endfor %}
{% set index = line_keys + (module.n - 1) * kind["keys"] + n - 1 %}
{% set path = "modules." ~ module.n ~ ".keys." ~ n %}
{% if found.key %}
{{ k.key(index, found.key, path) -}}
{% else %}
{{ s.key(index, "active", "", false, path, "none") -}}
{% endif %}
{% endfor %}
{% endfor %}
