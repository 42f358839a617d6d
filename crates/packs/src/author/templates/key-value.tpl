# {{ model.name or "phone" }} of {{ tenant.name }}
{% for line in lines %}
account.{{ line.n }}.user = {{ line.username }}
account.{{ line.n }}.auth_user = {{ line.auth_username }}
account.{{ line.n }}.password = {{ line.password }}
account.{{ line.n }}.name = {{ line.display_name }}
account.{{ line.n }}.label = {{ line.label }}
account.{{ line.n }}.server = {{ line.servers[0].host }}
account.{{ line.n }}.port = {{ line.servers[0].port|default(5060) }}
{% endfor %}
time.ntp = {{ settings.time.ntp[0] }}
time.offset = {{ dst(settings.time.zone).offset_text }}
language = {{ lookup("locales", settings.locale.language, "locale.language") }}
admin.password = {{ settings.access.admin_password }}
