{#- A percentile (0 to 1) of a column as a double, linear between neighbours; NULLs do not count. -#}
{% macro percentile(column, fraction) -%}
    {{ return(adapter.dispatch('percentile', 'flux')(column, fraction)) }}
{%- endmacro %}

{% macro default__percentile(column, fraction) -%}
    cast(percentile_cont({{ fraction }}) within group (order by {{ column }}) as double precision)
{%- endmacro %}

{#- There percentile_cont is a window function alone. A group's values have to fit into an array (100 MB). -#}
{% macro bigquery__percentile(column, fraction) -%}
    {%- set values = 'array_agg(' ~ column ~ ' ignore nulls order by ' ~ column ~ ')' -%}
    {%- set place = fraction ~ ' * (count(' ~ column ~ ') - 1)' -%}
    {%- set below = values ~ '[safe_offset(cast(floor(' ~ place ~ ') as int64))]' -%}
    {%- set above = values ~ '[safe_offset(cast(ceil(' ~ place ~ ') as int64))]' -%}
    cast({{ below }} + ({{ above }} - {{ below }}) * ({{ place }} - floor({{ place }})) as float64)
{%- endmacro %}
