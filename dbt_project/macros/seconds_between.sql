{#- Seconds from one moment to another, with fractions. -#}
{% macro seconds_between(earlier, later) -%}
    {{ return(adapter.dispatch('seconds_between', 'flux')(earlier, later)) }}
{%- endmacro %}

{% macro default__seconds_between(earlier, later) -%}
    cast(extract(epoch from {{ later }} - {{ earlier }}) as double precision)
{%- endmacro %}

{% macro bigquery__seconds_between(earlier, later) -%}
    timestamp_diff({{ later }}, {{ earlier }}, microsecond) / 1000000
{%- endmacro %}

{% macro snowflake__seconds_between(earlier, later) -%}
    cast(datediff(microsecond, {{ earlier }}, {{ later }}) as double precision) / 1000000
{%- endmacro %}
