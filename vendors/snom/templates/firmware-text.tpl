# Which image to load
{% set policy = settings.provisioning.firmware.policy %}
{% set wanted = image.name.split("(")[0] %}
{% set current = device.firmware or "" %}
{% if policy != "never" and current != wanted and (policy != "upgrade" or not current or not current|at_least(wanted)) %}
{% if image.files[1] %}
firmware: {{ server_for(image.files[0]) ~ "?chained_url=" ~ server_for(image.files[1]) }}
{% else %}
firmware: {{ server_for(image.files[0]) }}
{% endif %}
{% endif %}
