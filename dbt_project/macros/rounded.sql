{#-
    A double rounded to so many decimals, half away from zero, through a decimal: engines round doubles differently, and
    some not at all.
-#}
{% macro rounded(value, decimals) -%}
    {{ return(adapter.dispatch('rounded', 'flux')(value, decimals)) }}
{%- endmacro %}

{% macro default__rounded(value, decimals) -%}
    cast(round(cast({{ value }} as decimal(38, {{ decimals + 6 }})), {{ decimals }}) as double precision)
{%- endmacro %}

{#- NUMERIC has nine decimals at most. -#}
{% macro bigquery__rounded(value, decimals) -%}
    cast(round(cast({{ value }} as bignumeric(38, {{ decimals + 6 }})), {{ decimals }}) as float64)
{%- endmacro %}
