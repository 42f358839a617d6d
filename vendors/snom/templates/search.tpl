<?xml version="1.0" encoding="utf-8"?>
{# What is typed goes to the phone book as q. #}
<SnomIPPhoneInput>
  <Title>{{ phonebook.label }}</Title>
  <Prompt>{{ phonebook.label }}</Prompt>
  <URL>{{ server_for("snom/phonebook/" ~ phonebook.name ~ ".xml") }}</URL>
  <InputItem>
    <DisplayName>{{ phonebook.label }}</DisplayName>
    <QueryStringParam>q</QueryStringParam>
    <DefaultValue/>
    <InputFlags>a</InputFlags>
  </InputItem>
</SnomIPPhoneInput>
