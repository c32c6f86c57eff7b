{#- Whether a list holds a value; NULL when the list or the value is. -#}
{% macro array_holds(list, value) -%}
    {{ return(adapter.dispatch('array_holds', 'flux')(list, value)) }}
{%- endmacro %}

{% macro duckdb__array_holds(list, value) -%}
    list_contains({{ list }}, {{ value }})
{%- endmacro %}

{% macro postgres__array_holds(list, value) -%}
    {{ value }} = any({{ list }})
{%- endmacro %}
