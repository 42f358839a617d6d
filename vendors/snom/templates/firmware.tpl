<?xml version="1.0" encoding="utf-8"?>
{# Empty when there is nothing to load: never a step back unless an exact version is wanted. #}
{% set policy = settings.provisioning.firmware.policy %}
{% set wanted = image.name.split("(")[0] %}
{% set current = device.firmware or "" %}
{% set load = policy != "never" and current != wanted and (policy != "upgrade" or not current or not current|at_least(wanted)) %}
<firmware-settings>
{% if load and model.dect %}
{% set numbers = wanted.split(".") %}
  <firmware perm="">{{ server.url }}</firmware>
  <fp_fwu_sw_version>{{ (numbers[0] ~ numbers[1])|int }}</fp_fwu_sw_version>
  <fp_fwu_branch_version>{{ numbers[2]|int }}</fp_fwu_branch_version>
{% elif load and image.files[1] %}
  <firmware perm="">{{ server_for(image.files[0]) ~ "?chained_url=" ~ server_for(image.files[1]) }}</firmware>
{% elif load %}
  <firmware perm="">{{ server_for(image.files[0]) }}</firmware>
{% endif %}
</firmware-settings>
