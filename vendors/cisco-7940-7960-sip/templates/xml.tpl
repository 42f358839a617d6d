{# Pieces of the XML that these phones show. #}
{% macro item(name, url) %}
  <MenuItem>
    <Name>{{ name|clip(64) }}</Name>
    <URL>{{ url }}</URL>
  </MenuItem>
{% endmacro %}

{% macro key(name, url, position) %}
  <SoftKeyItem>
    <Name>{{ name }}</Name>
    <URL>{{ url }}</URL>
    <Position>{{ position }}</Position>
  </SoftKeyItem>
{% endmacro %}
