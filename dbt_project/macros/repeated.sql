{#- In a select list: repeat the row as often as a column says, numbered from 1. -#}
{% macro repeated(count_column) -%}
    {{ return(adapter.dispatch('repeated', 'flux')(count_column)) }}
{%- endmacro %}

{% macro duckdb__repeated(count_column) -%}
    unnest(generate_series(1, {{ count_column }}))
{%- endmacro %}

{% macro postgres__repeated(count_column) -%}
    generate_series(1, {{ count_column }})
{%- endmacro %}
