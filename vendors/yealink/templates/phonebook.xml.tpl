<?xml version="1.0" encoding="UTF-8"?>
<YealinkIPPhoneDirectory>
  <Title>{{ phonebook.label }}</Title>
{% for contact in phonebook.contacts if contact.numbers %}
  <DirectoryEntry>
    <Name>{{ contact.name }}</Name>
{% for number in contact.numbers %}
    <Telephone>{{ number.number }}</Telephone>
{% endfor %}
  </DirectoryEntry>
{% endfor %}
</YealinkIPPhoneDirectory>
