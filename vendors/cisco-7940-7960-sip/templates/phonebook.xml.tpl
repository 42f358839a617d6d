{# A page of a phone book, one entry for each number. With keys of our own the phone shows no others: all of them stand here. #}
{% import "xml.tpl" as x %}
<?xml version="1.0" encoding="ISO-8859-1"?>
<CiscoIPPhoneDirectory>
  <Title>{{ phonebook.label|clip(32) }}</Title>
  <Prompt>{{ "Page " ~ phonebook.page ~ " of " ~ phonebook.pages if phonebook.pages > 1 else (phonebook.total ~ " found" if phonebook.query else "Choose") }}</Prompt>
{% for contact in phonebook.contacts %}
{% for number in contact.numbers %}
  <DirectoryEntry>
    <Name>{{ (contact.name ~ (" (" ~ number.type ~ ")" if contact.numbers|length > 1 else ""))|clip(64) }}</Name>
    <Telephone>{{ number.number|replace(" ", "") }}</Telephone>
  </DirectoryEntry>
{% endfor %}
{% endfor %}
{% if phonebook.pages > 1 %}
{{ x.key("Dial", "SoftKey:Dial", 1) -}}
{{ x.key("Exit", "SoftKey:Exit", 2) -}}
{% if phonebook.previous %}
{{ x.key("Prev", phonebook.previous, 3) -}}
{% endif %}
{% if phonebook.next %}
{{ x.key("Next", phonebook.next, 4) -}}
{% endif %}
{% endif %}
</CiscoIPPhoneDirectory>
