{#- Whether a regular expression matches anywhere in a text; NULL when the text is. -#}
{% macro matches(column, pattern) -%}
    {{ return(adapter.dispatch('matches', 'flux')(column, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches(column, pattern) -%}
    regexp_matches({{ column }}, '{{ pattern }}')
{%- endmacro %}

{% macro postgres__matches(column, pattern) -%}
    {{ column }} ~ '{{ pattern }}'
{%- endmacro %}

{% macro bigquery__matches(column, pattern) -%}
    regexp_contains({{ column }}, r'{{ pattern }}')
{%- endmacro %}

{#- regexp_like would ask for a match of the whole text. -#}
{% macro snowflake__matches(column, pattern) -%}
    regexp_instr({{ column }}, '{{ pattern | replace('\\', '\\\\') }}') > 0
{%- endmacro %}
