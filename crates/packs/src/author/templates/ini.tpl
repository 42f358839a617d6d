; {{ model.name or "phone" }} of {{ tenant.name }}
{% for line in lines %}
[account{{ line.n }}]
user = {{ line.username }}
auth_user = {{ line.auth_username }}
password = {{ line.password }}
name = {{ line.display_name }}
label = {{ line.label }}
server = {{ line.servers[0].host }}
port = {{ line.servers[0].port|default(5060) }}
{% endfor %}
[time]
ntp = {{ settings.time.ntp[0] }}
offset = {{ dst(settings.time.zone).offset_text }}
[phone]
language = {{ lookup("locales", settings.locale.language, "locale.language") }}
admin_password = {{ settings.access.admin_password }}
