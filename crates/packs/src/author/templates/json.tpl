{
  "accounts": {
{% for line in lines %}
    "{{ line.n }}": {
      "user": {{ line.username|default("")|tojson }},
      "auth_user": {{ line.auth_username|default("")|tojson }},
      "password": {{ line.password|default("")|tojson }},
      "name": {{ line.display_name|default("")|tojson }},
      "label": {{ line.label|default("")|tojson }},
      "server": {{ line.servers[0].host|default("")|tojson }},
      "port": {{ line.servers[0].port|default(5060) }}
    }{% if not loop.last %},{% endif %}

{% endfor %}
  },
  "ntp": {{ settings.time.ntp[0]|default("")|tojson }},
  "offset": {{ dst(settings.time.zone).offset_text|default("")|tojson }},
  "language": {{ lookup("locales", settings.locale.language, "locale.language")|default("")|tojson }},
  "admin_password": {{ settings.access.admin_password|default("")|tojson }}
}
