{#-
    A double rounded to so many decimals, half away from zero, through a decimal: engines round doubles differently, and
    some not at all.
-#}
{% macro rounded(value, decimals) -%}
    cast(round(cast({{ value }} as decimal(38, {{ decimals + 6 }})), {{ decimals }}) as double precision)
{%- endmacro %}
