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

{#- A list that a table holds is never NULL there: it was stored as an empty one. -#}
{% macro bigquery__array_holds(list, value) -%}
    case when {{ list }} is not null and {{ value }} is not null then {{ value }} in unnest({{ list }}) end
{%- endmacro %}

{% macro snowflake__array_holds(list, value) -%}
    array_contains(to_variant({{ value }}), {{ list }})
{%- endmacro %}
