{#- The first group of a regular expression, which has one, without (?: ); empty or NULL when it does not match. -#}
{% macro regexp_group(column, pattern) -%}
    {{ return(adapter.dispatch('regexp_group', 'flux')(column, pattern)) }}
{%- endmacro %}

{% macro duckdb__regexp_group(column, pattern) -%}
    regexp_extract({{ column }}, '{{ pattern }}', 1)
{%- endmacro %}

{% macro postgres__regexp_group(column, pattern) -%}
    substring(cast({{ column }} as text) from '{{ pattern }}')
{%- endmacro %}

{% macro bigquery__regexp_group(column, pattern) -%}
    regexp_extract({{ column }}, r'{{ pattern }}')
{%- endmacro %}

{% macro snowflake__regexp_group(column, pattern) -%}
    regexp_substr({{ column }}, '{{ pattern | replace('\\', '\\\\') }}', 1, 1, 'e', 1)
{%- endmacro %}
