{# Only when every file of the image is stored: a phone that is sent to a missing one hangs in its boot. #}
{% if image and image.complete and settings.provisioning.firmware.policy != "never" %}
image_version: {% include "image.tpl" %}
{% endif %}
