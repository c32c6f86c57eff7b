{#- Host of an address in lower case, without www.; NULL when there is none (a path alone). -#}
{% macro url_host(url) -%}
    nullif({{ regexp_group(
        "replace(lower(" ~ url ~ "), '://www.', '://')", '^[a-z][a-z0-9+.-]*://([^/:?#]+)'
    ) }}, '')
{%- endmacro %}

{#- Value of a parameter in an address, as it stands there; NULL when there is none. -#}
{% macro url_parameter(url, name) -%}
    nullif({{ regexp_group(url, '[?&]' ~ name ~ '=([^&#]*)') }}, '')
{%- endmacro %}
