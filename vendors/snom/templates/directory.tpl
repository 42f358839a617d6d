<?xml version="1.0" encoding="utf-8"?>
<SnomIPPhoneDirectory>
  <Title>{{ phonebook.label }}{% if phonebook.pages > 1 %} {{ phonebook.page }}/{{ phonebook.pages }}{% endif %}</Title>
  <Prompt>{{ phonebook.query or phonebook.label }}</Prompt>
{# an entry has one number #}
{% for contact in phonebook.contacts %}
{% for number in contact.numbers %}
  <DirectoryEntry>
    <Name>{{ contact.name }}{% if contact.numbers|length > 1 %} ({{ number.type }}){% endif %}</Name>
    <Telephone>{{ number.number }}</Telephone>
  </DirectoryEntry>
{% endfor %}
{% endfor %}
{% if phonebook.previous %}
  <SoftKeyItem>
    <Name>F1</Name>
    <Label>&lt;</Label>
    <URL>{{ phonebook.previous }}</URL>
  </SoftKeyItem>
{% endif %}
{% if phonebook.next %}
  <SoftKeyItem>
    <Name>F2</Name>
    <Label>&gt;</Label>
    <URL>{{ phonebook.next }}</URL>
  </SoftKeyItem>
{% endif %}
  <SoftKeyItem>
    <Name>F4</Name>
    <Label>ABC</Label>
    <URL>{{ server_for("snom/search/" ~ phonebook.name ~ ".xml") }}</URL>
  </SoftKeyItem>
</SnomIPPhoneDirectory>
