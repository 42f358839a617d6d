{# One parameter per call; write `-}}` after a call, the macro ends its line itself.

   put     name = value   `%NULL%` (factory value) in the phone's own file when it is not set, so that what was taken away
                          does not stay in the phone: accounts, keys, phone books, paging groups, action URLs
   given   name = value   nothing when it is not set: for what the user of the phone may choose, and for what could cut the
                          phone off (network, provisioning, passwords)
   system  as given, for the parameters that V81 renamed to static.<name>: in the spelling that the firmware knows, or both

   `complete`, `old_names` and `new_names` are set by base.tpl. #}
{% macro put(name, value) %}
{% if value is defined and value is not none and value != "" %}
{{ name }} = {{ value }}
{% elif complete %}
{{ name }} = %NULL%
{% endif %}
{% endmacro %}

{% macro given(name, value) %}
{% if value is defined and value is not none and value != "" %}
{{ name }} = {{ value }}
{% endif %}
{% endmacro %}

{% macro system(name, value) %}
{% if value is defined and value is not none and value != "" %}
{% if new_names %}
static.{{ name }} = {{ value }}
{% endif %}
{% if old_names %}
{{ name }} = {{ value }}
{% endif %}
{% endif %}
{% endmacro %}

{# What stands before every key of a phone or module: `linekey.3`, `memorykey.1`, `expansion_module.1.key.2`.
   A key that is not set goes back to its factory value, which for the first ones is a line. #}
{% macro key(prefix, key, path, labelled=true) %}
{% set known = none %}
{% if key and key.type == "custom" %}
{% set known = {"code": key.vendor_type, "line": true} %}
{% elif key and key.type %}
{% set known = lookup("keys", key.type, path ~ ".type") %}
{% endif %}
{% set code = known.code_v70 if known and last <= 70 and known.code_v70 else (known.code if known else none) %}
{% if known and known.touch and not model.touch %}
{% set code = none %}
{{ note(path ~ ".type", "not supported: only touch screens of the T5 series have such a key") }}
{%- elif known and not code and code != 0 %}
{{ note(path ~ ".type", "not supported: firmware after V70 has no such key") }}
{%- endif %}
{% if code or code == 0 %}
{{ prefix }}.type = {{ code }}
{% set account = key.line or 1 %}
{# the account of a BLF key counts from 0 on some models #}
{{ prefix }}.line = {{ (account - 1 if model.blf_account_from_zero and key.type == "blf" else account) if known.line else 0 }}
{{ put(prefix ~ ".value", key.value) -}}
{% if labelled %}
{{ put(prefix ~ ".label", key.label) -}}
{% endif %}
{% if key.type == "blf" %}
{% set pickup = key.pickup or settings.lines[account ~ ""].pickup_code or settings.features.pickup %}
{% if last >= 84 %}
{{ put(prefix ~ ".extension", pickup) -}}
{% endif %}
{% if first < 84 %}
{{ put(prefix ~ ".pickup_value", pickup) -}}
{% endif %}
{% endif %}
{% else %}
{{ put(prefix ~ ".type", none) -}}
{{ put(prefix ~ ".line", none) -}}
{{ put(prefix ~ ".value", none) -}}
{% if labelled %}
{{ put(prefix ~ ".label", none) -}}
{% endif %}
{% endif %}
{% endmacro %}

{# A ring tone by its name among the settings, that of a built-in one, or a file: Resource:Ring1.wav, Config:bell.wav;
   nothing when there is no such file #}
{% macro ring_name(wanted) %}
{%- set tone = (settings.audio.ringtones or [])|selectattr("name", "equalto", wanted)|map(attribute="asset")|first or wanted -%}
{%- if tone in tables.ringtones.built_in -%}
Resource:{{ tone }}
{%- elif has_asset(tone) -%}
Config:{{ tone.split("/")|last }}
{%- endif -%}
{% endmacro %}

{# A soft key: `softkey.<n>` with a macro as its action. #}
{% macro soft_key(n, key) %}
{% set name = "softkey." ~ n %}
{% set path = "soft_keys." ~ n %}
{% set custom = key and key.type == "custom" %}
{% set does = lookup("soft_keys", key.type, path ~ ".type") if key and key.type and key.type not in ("none", "custom") else none %}
{% set value = (key.value or (settings.features[does.code] if does.code else none)) if key else none %}
{% if (custom and value) or (does and (does.command or value)) %}
{{ name }}.enable = 1
{{ put(name ~ ".label", key.label or value or key.type) -}}
{% if custom %}
{{ name }}.action = {{ value }}
{% elif does.command %}
{{ name }}.action = $C{{ does.command }}$
{% else %}
{# a dollar sign would be a part of the macro #}
{{ name }}.action = {{ value|replace("$", "") }}$T{{ does.type }}$
{% endif %}
{% set states = key.states or [] %}
{% for state, uses in tables.soft_key_states|items %}
{% for use in uses %}
{{ name }}.use.{{ use }} = {{ "1" if not states or state in states or (state == "failed" and "busy" in states) else "0" }}
{% endfor %}
{% endfor %}
{% else %}
{% if does or custom %}
{{ note(path ~ ".value", "missing: this key needs a number or, for type custom, a macro") }}
{%- endif %}
{{ put(name ~ ".enable", none) -}}
{% endif %}
{% endmacro %}
