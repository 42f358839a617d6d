{# The same as xml.tpl, for firmware that reads lines only: `name&:` may not be changed on the phone, `name$:` may, and is set each
   time. The index stands at the end of the name. #}
{% macro allowed(path) %}{% set locked = namespace(yes=false) %}{% for p in settings.access.locked or [] if path == p or path.startswith(p ~ ".") %}{% set locked.yes = true %}{% endfor %}{% if locked.yes %}&{% else %}${% endif %}{% endmacro %}

{% macro given(name, value, path="", idx="") %}
{% if value is defined and value is not none and value != "" %}
{{ name }}{{ idx }}{{ allowed(path) }}: {{ value }}
{% endif %}
{% endmacro %}

{% macro put(name, value, path="", idx="") %}
{% if complete or (value is defined and value is not none and value != "") %}
{{ name }}{{ idx }}{{ allowed(path) }}: {{ value }}
{% endif %}
{% endmacro %}

{% macro key(idx, context, label, locked, path, value) %}
{% if locked %}
fkey{{ idx }}&: {{ value }}
fkey_context{{ idx }}&: {{ context }}
{% else %}
fkey{{ idx }}{{ allowed(path) }}: {{ value }}
fkey_context{{ idx }}{{ allowed(path) }}: {{ context }}
{% endif %}
{% endmacro %}
