{# Telephone: directories, paging, display, sound, action URLs #}
{% set features = settings.features %}
{% set calls = settings.calls %}
{% set display = settings.display %}
{% set audio = settings.audio %}
{% set volumes = audio.volumes %}
{% set directory = settings.directory %}
{% set ldap = directory.ldap %}
{{ s.given("auto_redial", calls.auto_redial|flag("on", "off"), "calls.auto_redial") -}}
{{ s.given("holding_reminder", calls.hold_reminder|flag("on", "off"), "calls.hold_reminder") -}}
{{ s.given("transfer_dialing_on_transfer", calls.transfer if calls.transfer in ("attended", "blind") else none, "calls.transfer") -}}
{% if calls.transfer == "new_call" %}
{{ note("calls.transfer", "not supported: this phone asks for a blind or an attended transfer") }}
{%- endif %}
{# a header of the call may ask for an answer #}
{% set by_header = namespace(yes=calls.auto_answer == "header", told=calls.auto_answer is defined) %}
{% for line in lines if line.auto_answer %}
{% set by_header.told = true %}
{% set by_header.yes = by_header.yes or line.auto_answer == "header" %}
{% endfor %}
{{ s.given("answer_after_policy", ("idle" if by_header.yes else "off") if by_header.told else none, "calls.auto_answer") -}}
{{ s.given("keyboard_lock_emergency", (settings.emergency.numbers or [])|join(" "), "emergency.numbers") -}}
{% set timer = first_line("session_timer") %}
{{ s.given("timer_support", timer.enabled|flag("on", "off")) -}}
{{ s.given("session_timer", timer.expires_s) -}}
{# directories #}
{# the key opens the phone book, or a menu of several; one with an interval is loaded into the phone (list.tpl) #}
{% set opening = namespace(books=[]) %}
{% for book in phonebooks() if book.url and not (book.stored and book.interval_s is number) %}
{% set opening.books = opening.books + [book] %}
{% endfor %}
{% set books = opening.books %}
{% set opened = none %}
{% if books|length == 1 %}
{% set opened = "url " ~ books[0].url %}
{% elif books and complete and not text_form %}
{% set opened = "url " ~ server_for("snom/menu-" ~ device.MAC ~ ".xml") %}
{% elif books %}
{% set opened = "url " ~ books[0].url %}
{% elif ldap.host %}
{% set opened = "keyevent F_DIRECTORY_SEARCH" %}
{% endif %}
{% if not settings.programmable_keys.directory %}
{{ s.given("dkey_directory", opened, "directory.phonebooks") -}}
{% elif books %}
{{ note("directory.phonebooks", "not used: the directory key does something else") }}
{%- endif %}
{% for book in books if book.user %}
{{ note("directory.phonebooks", "a login for a phone book is not supported") }}
{%- endfor %}
{{ s.put("ldap_server", ldap.host, "directory.ldap") -}}
{% if ldap.host %}
{{ s.given("ldap_port", ldap.port or (636 if ldap.tls == "ldaps" else 389), "directory.ldap") -}}
{{ s.given("ldap_over_tls", "on" if ldap.tls == "ldaps" else "off", "directory.ldap") -}}
{% if ldap.tls == "starttls" %}
{{ note("directory.ldap.tls", "not supported: this phone knows ldaps only, so nothing is encrypted") }}
{%- endif %}
{{ s.put("ldap_base", ldap.base, "directory.ldap") -}}
{{ s.put("ldap_username", ldap.bind_dn, "directory.ldap") -}}
{% if complete %}
{{ s.put("ldap_password", ldap.password, "directory.ldap") -}}
{% endif %}
{{ s.given("ldap_search_filter", ldap.name_filter, "directory.ldap") -}}
{{ s.given("ldap_number_filter", ldap.number_filter, "directory.ldap") -}}
{{ s.given("ldap_name_attributes", (ldap.name_attrs or [])|join(" "), "directory.ldap") -}}
{{ s.given("ldap_number_attributes", (ldap.number_attrs or [])|join(" "), "directory.ldap") -}}
{{ s.given("ldap_display_name", ldap.display, "directory.ldap") -}}
{{ s.given("ldap_max_hits", ldap.max_hits, "directory.ldap") -}}
{% endif %}
{# multicast: ten places, the number is the priority #}
{% set listen = settings.paging.listen or [] %}
{% if listen|selectattr("priority")|list|length == listen|length %}
{% set listen = listen|sort(attribute="priority") %}
{% endif %}
{{ s.put("multicast_listen", "on" if listen else "off", "paging.listen") -}}
{% for n in range(1, 11) %}
{% set group = listen[n - 1] %}
{{ s.put("mc_address", group.address ~ ":" ~ group.port if group else none, "paging.listen", n) -}}
{% endfor %}
{% if listen|length > 10 %}
{{ note("paging.listen", "ten at most: " ~ (listen|length - 10) ~ " left out") }}
{%- endif %}
{# display #}
{% set picture = asset("display.wallpaper") if not text_form else none %}
{{ s.given("custom_bg_image_url", picture, "display.wallpaper") -}}
{{ s.given("use_backgroundimage", "on" if picture else none, "display.wallpaper") -}}
{# never: the greatest time #}
{{ s.given("dim_timer", (display.backlight_s or 2147483647) if display.backlight_s is defined and display.backlight_s is not none else none, "display.backlight_s") -}}
{{ s.given("screen_saver_timeout", display.screensaver_s, "display.screensaver_s") -}}
{# sound #}
{% set tone = audio.ringtone %}
{{ s.given("ring_sound", tone if tone in tables.ringtones.built_in else none, "audio.ringtone") -}}
{% for name in ("ringer", "handset", "headset", "speaker") %}
{% set volume = volumes[name] %}
{{ s.given("vol_" ~ name, volume * 15 // 100 if volume is defined and volume is not none else none, "audio.volumes") -}}
{% endfor %}
{# ring tones by Alert-Info: three named ones, then a list; only the phone's own tones #}
{% if complete %}
{% set alerts = namespace(list=[]) %}
{% for alert in first_line("alert_info") or [] %}
{% if alert.ringtone in tables.ringtones.built_in %}
{% set alerts.list = alerts.list + [alert] %}
{% else %}
{{ note("lines.*.alert_info", "not supported: " ~ alert.ringtone ~ ", only Ringer1 to Ringer10 and Silent") }}
{%- endif %}
{% endfor %}
{% for name in ("internal", "external", "group") %}
{% set alert = alerts.list[loop.index0] %}
{{ s.given("alert_" ~ name ~ "_ring_text", alert.match) -}}
{{ s.given("alert_" ~ name ~ "_ring_sound", alert.ringtone) -}}
{% endfor %}
{% for alert in alerts.list[3:13] %}
{{ s.given("internal_ringer_text", alert.match, "", loop.index0) -}}
{{ s.given("internal_ringer_file", alert.ringtone, "", loop.index0) -}}
{% endfor %}
{# Action URLs name the phone, so they stand in its own settings #}
{% set urls = settings.action_urls %}
{% for event, name in tables.events|items %}
{{ s.put(name, urls[event], "action_urls." ~ event) -}}
{% endfor %}
{% for event in urls if tables.events[event] is not defined %}
{{ note("action_urls." ~ event, "not supported: this phone has no such event") }}
{%- endfor %}
{% endif %}
