{# name TAB file; the files are raw 8-bit mu-law of 8 kHz, 240 to 16080 bytes, a multiple of 240. #}
{% for ring in settings.audio.ringtones or [] %}
{% set url = asset(ring.asset, "audio.ringtones") %}
{% if url and not url.startswith(server.url) %}
{{ note("audio.ringtones", "this phone fetches ring tones by TFTP from here alone: store " ~ ring.asset) }}
{%- elif url %}
{{ ring.name }}	{{ url.split("/")|last }}
{% endif %}
{% endfor %}
