{#- One row per day, column date_day, from the first day (included) to the last (excluded); both as ISO text. -#}
{% macro day_spine(first_day, last_day) -%}
    {{ dbt.date_spine('day', "cast('" ~ first_day ~ "' as date)", "cast('" ~ last_day ~ "' as date)") }}
{%- endmacro %}
