# Telephone: features, dial plan, directories, paging, display, sound
{% set features = settings.features %}
{% set calls = settings.calls %}
{% set display = settings.display %}
{% set audio = settings.audio %}
{% set volumes = audio.volumes %}
{% set waiting = first_line("call_waiting") %}
{{ y.given("call_waiting.enable", ("0" if waiting == "off" else "1") if waiting else none) -}}
{{ y.given("call_waiting.tone", ("1" if waiting in ("on", "tone") else "0") if waiting else none) -}}
{{ y.given("features.dnd.on_code", features.dnd_on) -}}
{{ y.given("features.dnd.off_code", features.dnd_off) -}}
{{ y.given("features.dnd.enable", calls.dnd|flag) -}}
{{ y.given("forward.always.on_code", features.forward_all) -}}
{{ y.given("forward.always.off_code", features.forward_cancel) -}}
{{ y.given("forward.busy.on_code", features.forward_busy) -}}
{{ y.given("forward.busy.off_code", features.forward_cancel) -}}
{{ y.given("forward.no_answer.on_code", features.forward_no_answer) -}}
{{ y.given("forward.no_answer.off_code", features.forward_cancel) -}}
{{ y.given("features.pickup.direct_pickup_enable", "1" if features.pickup else none) -}}
{{ y.given("features.pickup.direct_pickup_code", features.pickup) -}}
{{ y.given("features.pickup.group_pickup_enable", "1" if features.group_pickup else none) -}}
{{ y.given("features.pickup.group_pickup_code", features.group_pickup) -}}
{{ y.given("features.call_park.enable", "1" if features.park else none) -}}
{{ y.given("features.call_park.park_code", features.park) -}}
{{ y.given("features.call_park.park_retrieve_code", features.retrieve) -}}
{{ y.given("features.intercom.feature_access_code", features.intercom if last >= 81 else none) -}}
{# soft keys are macros, and those need this #}
{% set macros = complete and last >= 81 and not base_station and soft_keys|rejectattr("type", "equalto", "none")|list %}
{{ y.given("features.enhanced_dss_keys.enable", features.enhanced_keys|flag if features.enhanced_keys is defined and features.enhanced_keys is not none else ("1" if macros else none)) -}}
{% if macros and features.enhanced_keys is false %}
{{ note("soft_keys", "not used: features.enhanced_keys is off") }}
{%- endif %}
{{ y.given("transfer.dsskey_deal_type", {"new_call": 0, "attended": 1, "blind": 2}[calls.transfer] if calls.transfer else none) -}}
{{ y.given("features.play_hold_tone.enable", calls.hold_reminder|flag) -}}
{{ y.given("auto_redial.enable", calls.auto_redial|flag) -}}
{% set hotline = first_line("hotline") %}
{{ y.given("features.hotline_number", hotline.number) -}}
{{ y.given("features.hotline_delay", hotline.delay_s) -}}
{% set emergency = settings.emergency %}
{{ y.given("phone_setting.emergency.number", (emergency.numbers or [])|join(",")) -}}
{# a server of their own for emergency calls #}
{% if emergency.server.host and last >= 81 %}
dialplan.emergency.enable = 1
dialplan.emergency.server.1.address = {{ emergency.server.host }}
dialplan.emergency.server.1.port = {{ emergency.server.port or 5060 }}
{% for number in emergency.numbers or [] %}
dialplan.emergency.{{ loop.index }}.value = {{ number }}
dialplan.emergency.{{ loop.index }}.server_priority = 1
{% endfor %}
{% elif emergency.server.host %}
{{ note("emergency.server", "not supported before V81") }}
{%- endif %}
{# dial plan: rules with a replacement rewrite, the others dial at once; x, [1-5], ( ), $1 and the final `.` are the phone's too #}
{% set replacing = (calls.dial_plan or [])|selectattr("replace")|list %}
{% set dialling = (calls.dial_plan or [])|rejectattr("replace")|list %}
{% for rule in replacing %}
dialplan.replace.prefix.{{ loop.index }} = {{ rule.match|replace(",", "") }}
dialplan.replace.replace.{{ loop.index }} = {{ rule.replace }}
{{ y.given("dialplan.replace.line_id." ~ loop.index, rule.line) -}}
{% endfor %}
{% for rule in dialling %}
dialplan.dialnow.rule.{{ loop.index }} = {{ rule.match|replace(",", "") }}
{{ y.given("dialplan.dialnow.line_id." ~ loop.index, rule.line) -}}
{% if rule.timeout_s %}
{{ note("calls.dial_plan", "one delay for all rules here: the longest that is set") }}
{%- endif %}
{% endfor %}
{{ y.given("phone_setting.dialnow_delay", dialling|map(attribute="timeout_s")|select|list|max if dialling|map(attribute="timeout_s")|select|list else none) -}}
{# phone books: five places #}
{% set directory = settings.directory %}
{% set books = phonebooks()|selectattr("url")|list %}
{{ y.put("features.remote_phonebook.enable", "1" if books else none) -}}
{{ y.given("features.remote_phonebook.flash_time", books[0].interval_s if books else none) -}}
{% for n in range(1, 6) %}
{% set book = books[n - 1] %}
{{ y.put("remote_phonebook.data." ~ n ~ ".url", book.url) -}}
{{ y.put("remote_phonebook.data." ~ n ~ ".name", book.label or book.name) -}}
{% if last >= 84 %}
{{ y.put("remote_phonebook.data." ~ n ~ ".username", book.user) -}}
{% if complete %}
{{ y.put("remote_phonebook.data." ~ n ~ ".password", book.password) -}}
{% endif %}
{% elif book.user %}
{{ note("directory.phonebooks", "a login for a phone book is not supported before V84") }}
{%- endif %}
{% endfor %}
{% if books|length > 5 %}
{{ note("directory.phonebooks", "five at most: " ~ (books|length - 5) ~ " left out") }}
{%- endif %}
{% set ldap = directory.ldap %}
{{ y.put("ldap.enable", "1" if ldap.host else none) -}}
{% if ldap.host %}
ldap.host = {{ ldap.host }}
ldap.port = {{ ldap.port or (636 if ldap.tls == "ldaps" else 389) }}
{{ y.given("ldap.tls_mode", {"off": 0, "starttls": 1, "ldaps": 2}[ldap.tls] if ldap.tls else none) -}}
{{ y.given("ldap.base", ldap.base) -}}
{{ y.given("ldap.user", ldap.bind_dn) -}}
{% if complete %}
{{ y.given("ldap.password", ldap.password) -}}
{% endif %}
{{ y.given("ldap.name_filter", ldap.name_filter) -}}
{{ y.given("ldap.number_filter", ldap.number_filter) -}}
{{ y.given("ldap.name_attr", (ldap.name_attrs or [])|join(" ")) -}}
{{ y.given("ldap.numb_attr", (ldap.number_attrs or [])|join(" ")) -}}
{{ y.given("ldap.display_name", ldap.display) -}}
{{ y.given("ldap.version", ldap.version) -}}
{{ y.given("ldap.max_hits", ldap.max_hits) -}}
{{ y.given("ldap.call_in_lookup", ldap.lookup_in|flag) -}}
{{ y.given("ldap.call_out_lookup", ldap.lookup_out|flag) -}}
{% endif %}
{% if not base_station %}
{# multicast: 10 places to listen and to page, 31 since V83 #}
{% set places = 31 if last >= 83 else 10 %}
{% set paging = settings.paging %}
{% set send = (paging.send or [])[:places] %}
{# the number of the place is the priority #}
{% set listen = paging.listen or [] %}
{% if listen|selectattr("priority")|list|length == listen|length %}
{% set listen = listen|sort(attribute="priority") %}
{% endif %}
{{ y.given("multicast.codec", lookup("multicast_codecs", (send + listen)|map(attribute="codec")|select|first, "paging") if (send + listen)|map(attribute="codec")|select|list else none) -}}
{% set listen = listen[:places] %}
{% for name in ["listen", "send"] if (paging[name] or [])|length > places %}
{{ note("paging." ~ name, places ~ " at most: the others are left out") }}
{%- endfor %}
{% for n in range(1, [send|length, 10]|max + 1) %}
{% set group = send[n - 1] %}
{% set name = "multicast.paging_address." ~ n %}
{{ y.put(name ~ ".ip_address", group.address ~ ":" ~ group.port if group else none) -}}
{{ y.given(name ~ ".label", group.label) -}}
{{ y.given(name ~ ".channel", group.channel) -}}
{% endfor %}
{% for n in range(1, [listen|length, 10]|max + 1) %}
{% set group = listen[n - 1] %}
{% set name = "multicast.listen_address." ~ n %}
{{ y.put(name ~ ".ip_address", group.address ~ ":" ~ group.port if group else none) -}}
{{ y.given(name ~ ".label", group.label) -}}
{{ y.given(name ~ ".channel", group.channel) -}}
{{ y.given(name ~ ".volume", [group.volume * 15 // 100, 1]|max if group.volume else none) -}}
{% endfor %}
{{ y.given("multicast.receive_priority.enable", paging.barge|flag) -}}
{{ y.given("multicast.receive_priority.priority", paging.priority_threshold) -}}
{# display #}
{% if model.colour %}
{% set wallpaper = asset("display.wallpaper") or "" %}
{{ y.given("wallpaper_upload.url", wallpaper) -}}
{{ y.given("phone_setting.backgrounds", "Config:" ~ (wallpaper.split("/")|last) if wallpaper else none) -}}
{% else %}
{% set logo = asset("display.logo") or "" %}
{{ y.given("lcd_logo.url", logo) -}}
{{ y.given("phone_setting.lcd_logo.mode", "2" if logo else none) -}}
{% endif %}
{{ y.given("phone_setting.backlight_time", display.backlight_s) -}}
{{ y.given("screensaver.wait_time" if last >= 81 else "phone_setting.screen_saver_time", display.screensaver_s) -}}
{# 1 to 10 #}
{{ y.given("phone_setting.contrast", 1 + display.contrast * 9 // 100 if display.contrast is defined and display.contrast is not none else none) -}}
{# sound #}
{# every file that some ring tone needs, once #}
{% set loaded = namespace(files=[]) %}
{% for wanted in (audio.ringtones or [])|map(attribute="asset")|list + [audio.ringtone] + lines|map(attribute="ringtone")|list %}
{% set tone = (audio.ringtones or [])|selectattr("name", "equalto", wanted)|map(attribute="asset")|first or wanted %}
{% if tone and tone not in tables.ringtones.built_in and tone not in loaded.files %}
{% set loaded.files = loaded.files + [tone] %}
{{ y.given("ringtone.url", asset(tone, "audio.ringtone")) -}}
{% endif %}
{% endfor %}
{{ y.given("features.headset_prior", audio.headset|flag) -}}
{{ y.given("phone_setting.ring_type", y.ring_name(audio.ringtone) if audio.ringtone else none) -}}
{{ y.given("voice.ring_vol", volumes.ringer * 15 // 100 if volumes.ringer is defined and volumes.ringer is not none else none) -}}
{% for ours, theirs in [("handset", "handset"), ("headset", "headset"), ("speaker", "handfree")] %}
{% set volume = volumes[ours] %}
{{ y.given("voice." ~ theirs ~ ".spk_vol", [volume * 15 // 100, 1]|max if volume is defined and volume is not none else none) -}}
{% endfor %}
{% endif %}
{{ y.given("voice.vad", audio.vad|flag) -}}
{# ring tones by Alert-Info: one list for all accounts #}
{% set alerts = first_line("alert_info") or [] %}
{% if alerts|length > 10 %}
{{ note("lines.*.alert_info", "ten at most: the others are left out") }}
{%- endif %}
{% for n in range(1, 11) %}
{% set alert = alerts[n - 1] %}
{{ y.put("distinctive_ring_tones.alert_info." ~ n ~ ".text", alert.match) -}}
{% if alert and alert.ringtone in tables.ringtones.built_in %}
distinctive_ring_tones.alert_info.{{ n }}.ringer = {{ alert.ringtone|replace("Ring", "")|replace(".wav", "") }}
{% elif alert %}
{{ note("lines.*.alert_info", "not supported: " ~ alert.ringtone ~ ", only Ring1.wav to Ring8.wav") }}
{%- endif %}
{% endfor %}
{# Action URLs name the phone, so they stand in its own file #}
{% if complete %}
# Action URLs
{% set urls = settings.action_urls %}
{% for event, name in tables.events|items %}
{{ y.put("action_url." ~ name, urls[event]) -}}
{% endfor %}
{% for event in urls if tables.events[event] is not defined %}
{{ note("action_urls." ~ event, "not supported: this phone has no such event") }}
{%- endfor %}
{% endif %}
