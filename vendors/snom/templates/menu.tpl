<?xml version="1.0" encoding="utf-8"?>
{# The phone books of one phone, when it has several. #}
<SnomIPPhoneMenu>
  <Title>{{ tenant.name }}</Title>
{% for book in phonebooks() if book.url and not (book.stored and book.interval_s is number) %}
  <MenuItem>
    <Name>{{ book.label or book.name }}</Name>
    <URL>{{ book.url }}</URL>
  </MenuItem>
{% endfor %}
</SnomIPPhoneMenu>
