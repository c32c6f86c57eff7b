{#- Minutes of an interval that the raw table holds as text, such as 00:45:00. -#}
{% macro interval_minutes(column) -%}
    cast(extract(epoch from cast({{ column }} as interval)) / 60 as double precision)
{%- endmacro %}
