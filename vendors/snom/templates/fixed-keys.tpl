{# Keys of the housing and soft keys under the display. #}
{% import "key.tpl" as k with context %}
{% set fixed = settings.programmable_keys %}
{% for name, parameter in tables.hard_keys|items if fixed[name] %}
{{ s.given(parameter, k.value(fixed[name], "programmable_keys." ~ name), "programmable_keys." ~ name) -}}
{% endfor %}
{# the message key dials the mailbox #}
{% set mailbox = first_line("voicemail") or settings.features.voicemail %}
{% if mailbox and not fixed.message %}
{{ s.given("dkey_retrieve", "speed " ~ mailbox, "lines.1.voicemail") -}}
{% endif %}
{# soft keys of the idle screen: four, by another name since the D series #}
{% for n in range(1, 5) %}
{% set found = namespace(key=fixed["soft_" ~ n], path="programmable_keys.soft_" ~ n) %}
{% for key in soft_keys if key.n == n and not found.key %}
{% if not key.states or "idle" in key.states %}
{% set found.key = key %}
{% set found.path = "soft_keys." ~ n %}
{% else %}
{{ note("soft_keys." ~ n ~ ".states", "not supported: this phone has soft keys of its own only on the idle screen") }}
{%- endif %}
{% endfor %}
{% if found.key %}
{% if model.family in ("D", "D8") %}
{{ s.given("context_key", k.value(found.key, found.path), found.path, n - 1) -}}
{{ s.given("context_key_label", found.key.label, found.path, n - 1) -}}
{% else %}
{{ s.given("gui_fkey" ~ n, k.value(found.key, found.path), found.path) -}}
{% if found.key.label %}
{{ note(found.path ~ ".label", "not supported: this phone names its soft keys by itself") }}
{%- endif %}
{% endif %}
{% endif %}
{% endfor %}
{% for key in soft_keys if key.n > 4 %}
{{ note("soft_keys." ~ key.n, "not supported: this phone has four soft keys") }}
{%- endfor %}
{% for name in fixed if tables.hard_keys[name] is not defined and name not in ("soft_1", "soft_2", "soft_3", "soft_4") %}
{{ note("programmable_keys." ~ name, "not supported: this phone has no such key") }}
{%- endfor %}
