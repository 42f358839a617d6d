<?xml version="1.0" encoding="utf-8"?>
{# Every language and where its words are; the phone loads those that its settings name. The files are the maker's, stored like
   firmware under these names. #}
{% set kind = file.name.split("_")[0] %}
{% set seen = namespace(files=[]) %}
<{{ kind }}-languages>
{% for tag, language in tables.languages|items %}
{% if language.file not in seen.files %}
{% set seen.files = seen.files + [language.file] %}
  <language url="{{ server_for("snomlang/" ~ kind ~ "_lang_" ~ language.file ~ ".xml") }}" name="{{ language.name }}"/>
{% endif %}
{% endfor %}
</{{ kind }}-languages>
