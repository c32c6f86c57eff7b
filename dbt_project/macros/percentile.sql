{#- A percentile (0 to 1) of a column as a double, linear between neighbours; NULLs do not count. -#}
{% macro percentile(column, fraction) -%}
    cast(percentile_cont({{ fraction }}) within group (order by {{ column }}) as double precision)
{%- endmacro %}
