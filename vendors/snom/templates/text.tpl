{# For firmware 6, which reads no XML: everything in one file, the model's and the phone's. #}
{% set complete = file.kind == "device" %}
{% set provisioning = settings.provisioning %}
{% set firmware = device.firmware or provisioning.assume_firmware or "" %}
{% set text_form = true %}
{% set new_login = false %}
{% set old_login = true %}
{% import "lines.tpl" as s with context %}
# snom{{ model.name }}{% if complete %} {{ device.mac }}{% endif %}

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
{% block fixed_keys %}
{% include "fixed-keys.tpl" %}
{% endblock %}
{% block keys %}
{% include "keys.tpl" %}
{% endblock %}
{% endif %}
{% block more %}
{% endblock %}
{% if settings.security.ca_certificates %}
{{ note("security.ca_certificates", "not supported: firmware 6 takes no certificates from a file") }}
{%- endif %}
