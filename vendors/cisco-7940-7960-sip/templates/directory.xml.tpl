{# What the directory key opens when there is more than one phone book, or one that can be searched. #}
{% import "xml.tpl" as x %}
<?xml version="1.0" encoding="ISO-8859-1"?>
<CiscoIPPhoneMenu>
  <Title>{{ "Directory"|clip(32) }}</Title>
  <Prompt>Choose</Prompt>
{% for book in phonebooks() if book.url %}
{{ x.item(book.label or book.name, book.url) -}}
{% if book.stored %}
{{ x.item("Search " ~ (book.label or book.name), server_for("cisco-7940-7960-sip/search/" ~ book.name ~ ".xml")) -}}
{% endif %}
{% endfor %}
</CiscoIPPhoneMenu>
