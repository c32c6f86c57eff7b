{#- How a kept fact is materialized: incremental where a warehouse can note what it holds (notes.sql), else a table, made anew by each build. -#}
{% macro kept() -%}
    {{ return(adapter.dispatch('kept', 'flux')()) }}
{%- endmacro %}

{% macro default__kept() -%}
    {{ return('table') }}
{%- endmacro %}

{% macro duckdb__kept() -%}
    {{ return('incremental') }}
{%- endmacro %}

{% macro postgres__kept() -%}
    {{ return('incremental') }}
{%- endmacro %}
