<?xml version="1.0" encoding="utf-8"?>
{# The settings themselves stand in the files of this list: the phone reads the lists first, then the files in order. #}
<setting-files>
{% if file.kind == "device" %}
{% if model.dect and image and image.complete and settings.provisioning.firmware.policy != "never" %}
  <file url="{{ server_for("snom" ~ model.name ~ "-" ~ device.MAC ~ "-firmware.xml") }}"/>
{% endif %}
{% set language = settings.locale.language or "" %}
{% set web = settings.locale.web_language or language %}
{# the phone has English in it #}
{% if not model.dect and language and language != "en" and language != "en-US" %}
  <file url="{{ server_for("snomlang/gui_lang.xml") }}"/>
{% endif %}
{% if not model.dect and web and web != "en" and web != "en-US" %}
  <file url="{{ server_for("snomlang/web_lang.xml") }}"/>
{% endif %}
{# phone books that the phone keeps, before its own settings #}
{% if not model.dect %}
{% for book in phonebooks() if book.stored and book.interval_s is number %}
  <file url="{{ server_for("snom/tbook/" ~ book.name ~ ".xml") }}"/>
{% endfor %}
{% endif %}
  <file url="{{ server_for(device.MAC ~ ".xml") }}"/>
{% else %}
  <file url="{{ server_for(file.name|replace(".htm", ".xml")) }}"/>
{% endif %}
</setting-files>
