{#- A ratio as a double; NULL when the denominator is 0 or NULL. -#}
{% macro safe_divide(numerator, denominator) -%}
    cast({{ numerator }} as {{ type_name('double precision') }}) / nullif({{ denominator }}, 0)
{%- endmacro %}
