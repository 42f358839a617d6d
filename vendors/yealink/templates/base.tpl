#!version:1.0.0.1
{# One template for the model file (y…cfg, for all phones of a code, no secrets, no accounts) and for the phone's own file
   (<mac>.cfg, complete). The branch is the second number of the firmware version, as told by the phone or by the model. #}
{% set provisioning = settings.provisioning %}
{% set numbers = (device.firmware or provisioning.assume_firmware or "").split(".") %}
{% set branch = numbers[1]|int if numbers|length > 2 else 0 %}
{% set first = branch if branch >= 70 else model.branches[0] %}
{% set last = branch if branch >= 70 else model.branches[1] %}
{% set complete = file.kind == "device" %}
{# V81 gave many parameters the prefix static. #}
{% set old_names = first < 81 %}
{% set new_names = last >= 81 %}
{# V80 named the codecs and gave each server its transport #}
{% set before_80 = first < 80 %}
{% set from_80 = last >= 80 %}
{% set base_station = model.handsets > 0 %}
{% import "macros.tpl" as y with context %}
# {{ model.name or "Yealink" }}{% if complete %} {{ device.mac }}{% endif %}

{% block access %}
{% include "access.tpl" %}
{% endblock %}
{% block network %}
{% include "network.tpl" %}
{% endblock %}
{% block time %}
{% include "time.tpl" %}
{% endblock %}
{% block telephone %}
{% include "telephone.tpl" %}
{% endblock %}
{% if complete %}
{% block accounts %}
{% include "accounts.tpl" %}
{% endblock %}
{% block keys %}
{% include ("handsets.tpl" if base_station else "keys.tpl") %}
{% endblock %}
{% endif %}
{% block more %}
{% endblock %}
