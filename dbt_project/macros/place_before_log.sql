{#-
    The place of something that happened before the log began, by its own time: before all commits (whose places are positive), and in
    the order of moments among themselves. Microseconds since 1970, less 10^18.
-#}
{% macro place_before_log(moment) -%}
    {{ return(adapter.dispatch('place_before_log', 'flux')(moment)) }}
{%- endmacro %}

{% macro duckdb__place_before_log(moment) -%}
    cast(epoch_us({{ moment }}) - 1000000000000000000 as numeric(38, 0))
{%- endmacro %}

{% macro postgres__place_before_log(moment) -%}
    cast(extract(epoch from {{ moment }}) * 1000000 - 1000000000000000000 as numeric(38, 0))
{%- endmacro %}

{% macro bigquery__place_before_log(moment) -%}
    cast(unix_micros({{ moment }}) - 1000000000000000000 as bignumeric(38,0))
{%- endmacro %}

{% macro snowflake__place_before_log(moment) -%}
    cast(date_part(epoch_microsecond, {{ moment }}) - 1000000000000000000 as numeric(38, 0))
{%- endmacro %}
