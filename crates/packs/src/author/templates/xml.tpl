<?xml version="1.0" encoding="utf-8"?>
<settings>
{% for line in lines %}
  <account{{ line.n }}_user>{{ line.username }}</account{{ line.n }}_user>
  <account{{ line.n }}_auth_user>{{ line.auth_username }}</account{{ line.n }}_auth_user>
  <account{{ line.n }}_password>{{ line.password }}</account{{ line.n }}_password>
  <account{{ line.n }}_name>{{ line.display_name }}</account{{ line.n }}_name>
  <account{{ line.n }}_label>{{ line.label }}</account{{ line.n }}_label>
  <account{{ line.n }}_server>{{ line.servers[0].host }}</account{{ line.n }}_server>
  <account{{ line.n }}_port>{{ line.servers[0].port|default(5060) }}</account{{ line.n }}_port>
{% endfor %}
  <ntp>{{ settings.time.ntp[0] }}</ntp>
  <offset>{{ dst(settings.time.zone).offset_text }}</offset>
  <language>{{ lookup("locales", settings.locale.language, "locale.language") }}</language>
  <admin_password>{{ settings.access.admin_password }}</admin_password>
</settings>
