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

{#-
    A ratio of whole numbers as a double, rounded likewise; NULL when the denominator is 0 or NULL. On DuckDB, whose decimals of 38 digits
    are dear, in whole numbers: as many digits as both have together must go into 64 bits.
-#}
{% macro rounded_ratio(numerator, denominator, decimals) -%}
    {{ return(adapter.dispatch('rounded_ratio', 'flux')(numerator, denominator, decimals)) }}
{%- endmacro %}

{% macro default__rounded_ratio(numerator, denominator, decimals) -%}
    {{ rounded(safe_divide(numerator, denominator), decimals) }}
{%- endmacro %}

{% macro duckdb__rounded_ratio(numerator, denominator, decimals) -%}
    (
            ({{ 2 * 10 ** decimals }} * cast({{ numerator }} as bigint) + cast({{ denominator }} as bigint))
            // (2 * nullif(cast({{ denominator }} as bigint), 0)) / {{ 10 ** decimals }}
        )
{%- endmacro %}
