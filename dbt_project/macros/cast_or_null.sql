{#- A cast of values that anybody may have sent: what does not fit becomes NULL where the warehouse can do that. -#}
{% macro cast_or_null(column, type) -%}
    {{ dbt.safe_cast(column, type) }}
{%- endmacro %}
