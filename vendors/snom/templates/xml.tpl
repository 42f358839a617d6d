{# One parameter per call, in XML; write `-}}` after a call, the macro ends its line itself. text.tpl has the same in lines.

   given  nothing when it is not set: for what the user of the phone may choose, and for what could cut the phone off
   put    empty in the phone's own file when it is not set, so that what was taken away does not stay in the phone
   key    a key of the phone or of an expansion module

   perm: R the user of the phone may not change it; empty: set each time, the user may change it until then. #}
{% macro allowed(path) %}{% set locked = namespace(yes=false) %}{% for p in settings.access.locked or [] if path == p or path.startswith(p ~ ".") %}{% set locked.yes = true %}{% endfor %}{{ "R" if locked.yes else "" }}{% endmacro %}

{% macro given(name, value, path="", idx="") %}
{% if value is defined and value is not none and value != "" %}
    <{{ name }}{% if idx != "" %} idx="{{ idx }}"{% endif %} perm="{{ allowed(path) }}">{{ value }}</{{ name }}>
{% endif %}
{% endmacro %}

{% macro put(name, value, path="", idx="") %}
{% if complete or (value is defined and value is not none and value != "") %}
    <{{ name }}{% if idx != "" %} idx="{{ idx }}"{% endif %} perm="{{ allowed(path) }}">{{ value }}</{{ name }}>
{% endif %}
{% endmacro %}

{% macro key(idx, context, label, locked, path, value) %}
    <fkey idx="{{ idx }}" context="{{ context }}" label="{{ label }}" perm="{{ "R" if locked else allowed(path) }}">{{ value }}</fkey>
{% endmacro %}
