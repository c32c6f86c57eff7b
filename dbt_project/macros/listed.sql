{#- The texts of a group in their order, with commas; NULL where it has none. -#}
{% macro listed(column) -%}
    {{ return(adapter.dispatch('listed', 'flux')(column)) }}
{%- endmacro %}

{% macro default__listed(column) -%}
    string_agg({{ column }}, ', ' order by {{ column }})
{%- endmacro %}

{#- Of an empty group it gives an empty text there. -#}
{% macro snowflake__listed(column) -%}
    nullif(listagg({{ column }}, ', ') within group (order by {{ column }}), '')
{%- endmacro %}
