#!version:1.0.0.1
{# A boot file, for overrides alone: `y000000000000.boot.tpl` or `<mac>.boot.tpl` with the line {% raw %}{% include "boot.tpl" %}{% endraw %}.
   A phone that gets one reads the files that it names, in this order, and no others. `overwrite`: with 1 what the
   files leave out goes back to the factory value. #}
{% if model.code is defined and model.code is not none %}
include:config "y{{ "%012d"|format(model.code) }}.cfg"
{% endif %}
{# the common one is made for no device: the phone puts its own MAC (unverified for a name in a boot file) #}
include:config "{% if file.kind == "device" %}{{ device.mac_bare }}{% else %}$MAC{% endif %}.cfg"
overwrite_mode = {{ overwrite or 0 }}
