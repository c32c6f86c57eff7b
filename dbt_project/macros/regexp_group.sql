{#- The first group of a regular expression; empty or NULL when it does not match. -#}
{% macro regexp_group(column, pattern) -%}
    {{ return(adapter.dispatch('regexp_group', 'flux')(column, pattern)) }}
{%- endmacro %}

{% macro duckdb__regexp_group(column, pattern) -%}
    regexp_extract({{ column }}, '{{ pattern }}', 1)
{%- endmacro %}

{% macro postgres__regexp_group(column, pattern) -%}
    substring(cast({{ column }} as text) from '{{ pattern }}')
{%- endmacro %}
