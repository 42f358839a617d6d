<?xml version="1.0" encoding="utf-8"?>
{# One template for the model's settings (for all phones of a model: no accounts, no keys, no secrets) and for those of one phone,
   which are complete. #}
{% set complete = file.kind == "device" %}
{% set provisioning = settings.provisioning %}
{% set firmware = device.firmware or provisioning.assume_firmware or "" %}
{% set text_form = false %}
{# Firmware 10.1.198 gave the web login other names; D8xx phones never had the old ones. #}
{% set new_login = model.web == "webserver" or (model.web == "both" and (not firmware or firmware|at_least("10.1.198"))) %}
{% set old_login = model.web == "http" or (model.web == "both" and not (firmware and firmware|at_least("10.1.198"))) %}
{% import "xml.tpl" as s with context %}
<settings>
  <phone-settings>
{% if model.no_file %}
{% elif model.dect %}
{% block base_station %}
{% include "base-station.tpl" %}
{% endblock %}
{% else %}
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
{% endif %}
{% endif %}
{% block more %}
{% endblock %}
  </phone-settings>
{% if complete and not model.dect %}
  <functionKeys>
{% block keys %}
{% include "keys.tpl" %}
{% endblock %}
  </functionKeys>
{% endif %}
{% set certificates = settings.security.ca_certificates or [] %}
{% if certificates and not model.dect %}
  <certificates>
{% for certificate in certificates %}
{% set address = asset(certificate, "security.ca_certificates") %}
{% if address %}
    <certificate url="{{ address }}"/>
{% endif %}
{% endfor %}
  </certificates>
{% endif %}
</settings>
