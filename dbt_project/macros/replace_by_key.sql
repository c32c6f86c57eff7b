{#- Strategy of an incremental model with a unique key: what comes replaces what has the same key. BigQuery has no delete+insert. -#}
{% macro replace_by_key() -%}
    {{ return(adapter.dispatch('replace_by_key', 'flux')()) }}
{%- endmacro %}

{% macro default__replace_by_key() -%}
    {{ return('delete+insert') }}
{%- endmacro %}

{% macro bigquery__replace_by_key() -%}
    {{ return('merge') }}
{%- endmacro %}
