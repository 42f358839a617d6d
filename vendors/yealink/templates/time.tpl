# Time, language, tones
{% set time = settings.time %}
{% set locale = settings.locale %}
{{ y.given("local_time.ntp_server1", time.ntp[0]) -}}
{{ y.given("local_time.ntp_server2", time.ntp[1]) -}}
{{ y.given("local_time.interval", time.ntp_interval_s) -}}
{{ y.given("local_time.dhcp_time", time.dhcp_time|flag) -}}
{# the server of this file before the one of DHCP #}
{{ y.given("local_time.manual_ntp_srv_prior", "1" if time.ntp else none) -}}
{# the rule itself, so that the table of zones in the phone does not matter #}
{% set zone = dst(time.zone) if time.zone else none %}
{% set saving = zone and zone.has_dst and time.dst != "off" %}
{{ y.given("local_time.time_zone", zone.offset_text if zone else none) -}}
{{ y.given("local_time.summer_time", ("1" if saving else "0") if zone else none) -}}
{% if saving %}
local_time.dst_time_type = 1
{# month/week/weekday/hour; week 5 is the last, weekday 7 Sunday #}
local_time.start_time = {{ zone.start.month }}/{{ zone.start.week }}/{{ zone.start.weekday }}/{{ zone.start.hour }}
local_time.end_time = {{ zone.end.month }}/{{ zone.end.week }}/{{ zone.end.weekday }}/{{ zone.end.hour }}
local_time.offset_time = {{ zone.save_min }}
{% if zone.start.minute or zone.end.minute %}
{{ note("time.zone", "the change of daylight saving is set to the full hour before it") }}
{%- endif %}
{% endif %}
{% set hours = time.format_24h|flag %}
{% set date = time.date_format|nearest_format(tables.date_formats, "time.date_format") if time.date_format else none %}
{{ y.given("local_time.time_format", hours) -}}
{{ y.given("local_time.date_format", date) -}}
{% set language = locale.language or "" %}
{% set web = locale.web_language or language %}
{% if base_station %}
{# the handsets have their own, in numbers #}
{{ y.given("custom.handset.time_format", hours) -}}
{{ y.given("custom.handset.date_format", date) -}}
{{ y.given("custom.handset.language", lookup("handset_locales", language.split("-")[0], "locale.language") if language else none) -}}
{% else %}
{{ y.given("lang.gui", (tables.locales[language] or lookup("locales", language.split("-")[0], "locale.language")) if language else none) -}}
{% endif %}
{{ y.given("lang.wui", (tables.locales[web] or lookup("locales", web.split("-")[0], "locale.web_language")) if web else none) -}}
{% set custom = locale.custom_tones or {} %}
{{ y.given("voice.tone.country", "Custom" if custom else (lookup("tones", locale.tones, "locale.tones") if locale.tones else none)) -}}
{# ours: 480+620@500/500; the phone's: 480+620/500,0/500 where frequency 0 is silence and time 0 for ever #}
{% for name, tone in custom|items %}
{% set parameter = lookup("custom_tones", name, "locale.custom_tones." ~ name) %}
{% if parameter %}
{% set halves = tone.split("@") %}
{% if halves|length > 1 %}
{% set phases = namespace(text="") %}
{% for time_ms in halves[1].split("/") %}
{% set phases.text = phases.text ~ ("," if loop.index > 1 else "") ~ (halves[0] if loop.index is odd else "0") ~ "/" ~ time_ms %}
{% endfor %}
{{ parameter }} = {{ phases.text }}
{% else %}
{{ parameter }} = {{ tone }}/0
{% endif %}
{% endif %}
{% endfor %}
