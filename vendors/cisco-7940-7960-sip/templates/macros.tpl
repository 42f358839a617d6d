{# One parameter per macro call; write `-}}` after a call, the macro ends its line itself.

   text    key: "value"       nothing when the value is not set; in the phone's own file an empty value, so that
                              what an earlier file said does not stay
   number  key: value         nothing when the value is not set #}
{% macro text(name, value) %}
{% if value is defined and value is not none %}
{{ name }}: "{{ value }}"
{% elif file.kind == "device" %}
{{ name }}: ""
{% endif %}
{% endmacro %}

{% macro number(name, value) %}
{% if value is defined and value is not none %}
{{ name }}: {{ value }}
{% endif %}
{% endmacro %}

{# off, on; in the phone's own file off and locked, on and locked when the user may not change it. #}
{% macro choice(name, value, path) %}
{% if value is defined and value is not none %}
{% set locked = file.kind == "device" and path in (settings.access.locked or []) %}
{{ name }}: {{ value|int + (2 if locked else 0) }}
{% endif %}
{% endmacro %}
