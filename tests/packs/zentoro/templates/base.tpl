model: {{ model.name }}
text: {{ settings.display.text }}
{% for line in lines %}
account{{ line.n }}.user: {{ line.username }}
account{{ line.n }}.password: {{ line.password }}
account{{ line.n }}.label: {{ line.label }}
account{{ line.n }}.server: {{ line.servers[0].host }}
{% endfor %}
