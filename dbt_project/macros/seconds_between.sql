{#- Seconds from one moment to another, with fractions. -#}
{% macro seconds_between(earlier, later) -%}
    cast(extract(epoch from {{ later }} - {{ earlier }}) as double precision)
{%- endmacro %}
