<?xml version="1.0" encoding="UTF-8"?>
{# The contacts that a phone keeps itself: one number of each kind. #}
<root_contact>
{% for contact in phonebook.contacts if contact.numbers %}
{% set first = namespace(work="", mobile="", other="") %}
{% for number in contact.numbers %}
{% if number.type == "work" and not first.work %}
{% set first.work = number.number %}
{% elif number.type == "mobile" and not first.mobile %}
{% set first.mobile = number.number %}
{% elif not first.other %}
{% set first.other = number.number %}
{% endif %}
{% endfor %}
  <contact display_name="{{ contact.name }}" office_number="{{ first.work }}" mobile_number="{{ first.mobile }}" other_number="{{ first.other }}"/>
{% endfor %}
</root_contact>
