zone: {{ settings.time.zone }}
server: {{ server.url }}
