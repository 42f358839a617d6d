{# name TAB file; the files are raw 8-bit mu-law of 8 kHz, 240 to 16080 bytes, a multiple of 240. #}
{% for ring in settings.audio.ringtones or [] %}
{{ ring.name }}	{{ (ring.asset or "").split("/")|last }}
{% endfor %}
