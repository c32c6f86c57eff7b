{#- Seconds from one moment to another, with fractions. -#}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between', 'flux')(earlier, later)) }}
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    cast(extract(epoch from {{ later }} - {{ earlier }}) as double precision)
{%- endmacro %}

{#- The difference of two moments asks its calendar library for each row: 0.6 us of CPU beside 0.05 of this. -#}
{% macro duckdb__seconds_between(earlier, later) -%}
    ((epoch_us({{ later }}) - epoch_us({{ earlier }})) / 1000000)
{%- endmacro %}

{% macro bigquery__seconds_between(earlier, later) -%}
    timestamp_diff({{ later }}, {{ earlier }}, microsecond) / 1000000
{%- endmacro %}

{% macro snowflake__seconds_between(earlier, later) -%}
    cast(datediff(microsecond, {{ earlier }}, {{ later }}) as double precision) / 1000000
{%- endmacro %}

{#- Days from one moment to another, to the millionth, half away from zero. -#}
{% macro rounded_days_between(earlier, later) -%}
    {{ return(adapter.dispatch('rounded_days_between', 'flux')(earlier, later)) }}
{%- endmacro %}

{% macro default__rounded_days_between(earlier, later) -%}
    {{ rounded(seconds_between(earlier, later) ~ ' / 86400', 6) }}
{%- endmacro %}

{#- In whole numbers: a millionth of a day is 86,400 microseconds. -#}
{% macro duckdb__rounded_days_between(earlier, later) -%}
    {%- set microseconds = '(epoch_us(' ~ later ~ ') - epoch_us(' ~ earlier ~ '))' -%}
    (sign({{ microseconds }}) * ((2 * abs({{ microseconds }}) + 86400) // 172800) / 1000000)
{%- endmacro %}
