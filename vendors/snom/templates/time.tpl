{# Time, languages, tones #}
{% set time = settings.time %}
{% set locale = settings.locale %}
{{ s.given("ntp_server", time.ntp[0], "time.ntp") -}}
{% if time.ntp and time.ntp|length > 1 %}
{{ note("time.ntp", "one server: the others are left out") }}
{%- endif %}
{{ s.given("ntp_refresh_timer", time.ntp_interval_s, "time.ntp_interval_s") -}}
{% if time.zone %}
{% set code = tables.zones[time.zone] if time.dst != "off" or not dst(time.zone).has_dst else none %}
{% if code %}
{{ s.given("timezone", code, "time.zone") -}}
{% else %}
{# an entry of the phone's table would win #}
{% set zone = dst(time.zone) %}
{% if zone %}
{{ s.put("timezone", "", "time.zone") -}}
{{ s.given("utc_offset", zone.offset_min * 60, "time.zone") -}}
{% if zone.has_dst and time.dst != "off" %}
{# seconds, then month.week.weekday of start and end: week 5 is the last, weekday 7 Sunday #}
{{ s.given("dst", "%d %02d.%02d.%02d %02d:%02d:00 %02d.%02d.%02d %02d:%02d:00"|format(zone.save_min * 60, zone.start.month, zone.start.week, zone.start.weekday, zone.start.hour, zone.start.minute, zone.end.month, zone.end.week, zone.end.weekday, zone.end.hour, zone.end.minute), "time.zone") -}}
{% else %}
{{ s.put("dst", "", "time.zone") -}}
{% endif %}
{% endif %}
{% endif %}
{% endif %}
{{ s.given("time_24_format", time.format_24h|flag("on", "off"), "time.format_24h") -}}
{{ s.given("date_us_format", time.date_format|nearest_format(tables.date_formats, "time.date_format") if time.date_format else none, "time.date_format") -}}
{% set language = locale.language or "" %}
{% set web = locale.web_language or language %}
{% set words = (tables.languages[language] or lookup("languages", language.split("-")[0], "locale.language")) if language else none %}
{% set web_words = (tables.languages[web] or lookup("languages", web.split("-")[0], "locale.web_language")) if web else none %}
{{ s.given("language", words.name, "locale.language") -}}
{{ s.given("web_language", web_words.name, "locale.web_language") -}}
{% if model.family == "D8" %}
{{ s.given("locale", words.locale, "locale.language") -}}
{% endif %}
{{ s.given("tone_scheme", lookup("tones", locale.tones, "locale.tones") if locale.tones else none, "locale.tones") -}}
