<?xml version="1.0" encoding="utf-8"?>
{# A phone book that the phone keeps: it replaces what was there. #}
{% set count = namespace(n=0) %}
<settings>
  <tbook complete="true">
{% for contact in phonebook.contacts %}
{% for number in contact.numbers %}
    <item context="active" type="none" index="{{ count.n }}">
      <name>{{ contact.name }}{% if contact.numbers|length > 1 %} ({{ number.type }}){% endif %}</name>
      <number>{{ number.number }}</number>
    </item>
{% set count.n = count.n + 1 %}
{% endfor %}
{% endfor %}
  </tbook>
</settings>
