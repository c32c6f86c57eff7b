{#-
    Bounds of a range of integers from Postgres' text form, such as [10,20). Postgres prints integer ranges with the lower bound
    included and the upper one excluded; an open side and an empty range give NULL.
-#}
{% macro range_lower(column, bound_type='integer') -%}
    cast(nullif({{ regexp_group(column, '^[\\[(]([^,]*),') }}, '') as {{ bound_type }})
{%- endmacro %}

{% macro range_upper(column, bound_type='integer') -%}
    cast(nullif({{ regexp_group(column, ',([^,]*)[\\])]$') }}, '') as {{ bound_type }})
{%- endmacro %}
