{# Asks for what is searched in one phone book; letters come by the keys. #}
<?xml version="1.0" encoding="ISO-8859-1"?>
<CiscoIPPhoneInput>
  <Title>{{ phonebook.label|clip(32) }}</Title>
  <Prompt>Name or number</Prompt>
  <URL>{{ server_for("cisco-7940-7960-sip/phonebook/" ~ phonebook.name ~ ".xml") }}</URL>
  <InputItem>
    <DisplayName>Search</DisplayName>
    <QueryStringParam>q</QueryStringParam>
    <DefaultValue></DefaultValue>
    <InputFlags>A</InputFlags>
  </InputItem>
</CiscoIPPhoneInput>
