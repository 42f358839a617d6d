{# One line, no blank: the phone takes all of it for the name. #}
{% include "image.tpl" %}
