{# Dial plan, for all phones or for one. The longest match wins here, whatever the order. #}
{% set plan = dial_plan("template") %}
{% set tag = first_line("user_param") %}
{% set user = {"phone": "Phone", "ip": "IP"}[tag] %}
<DIALTEMPLATE>
{% for rule in plan %}
  <TEMPLATE MATCH="{{ rule.match }}" Timeout="{{ rule.timeout_s if rule.timeout_s is not none else ("5" if rule.open else "0") }}"
{%- if user %} User="{{ user }}"{% endif %}
{%- if rule.replace %} Rewrite="{{ rule.replace }}"{% endif %}
{%- if rule.emergency and settings.emergency.server %} Route="emergency"{% elif rule.line %} Route="proxy{{ rule.line }}"{% endif %}/>
{% endfor %}
{% if plan|length > 100 %}
{{ note("calls.dial_plan", "makes " ~ plan|length ~ " lines; this phone reads 8 KB, about a hundred of them") }}
{%- endif %}
{% if plan|selectattr("match", "equalto", "*")|list|length == 0 %}
  <TEMPLATE MATCH="*" Timeout="5"{% if user %} User="{{ user }}"{% endif %}/>
{% endif %}
</DIALTEMPLATE>
