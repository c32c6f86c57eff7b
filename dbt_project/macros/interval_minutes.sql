{#- Minutes of an interval that the raw table holds as text, such as 00:45:00 or 1 day 02:00:00. -#}
{% macro interval_minutes(column) -%}
    {{ return(adapter.dispatch('interval_minutes', 'flux')(column)) }}
{%- endmacro %}

{% macro default__interval_minutes(column) -%}
    cast(extract(epoch from cast({{ column }} as interval)) / 60 as double precision)
{%- endmacro %}

{% macro bigquery__interval_minutes(column) -%}
    {{ minutes_of_interval_text(column) }}
{%- endmacro %}

{% macro snowflake__interval_minutes(column) -%}
    {{ minutes_of_interval_text(column) }}
{%- endmacro %}

{#-
    The same where no type reads it: Postgres' form ([y years] [m mons] [d days] [-]hh:mm:ss[.f]), with a year of 365.25 days and a
    month of 30, as Postgres counts them.
-#}
{% macro minutes_of_interval_text(column) -%}
    case when {{ column }} is not null then
        {{ number_before(column, ' year') }} * 525960 + {{ number_before(column, ' mon') }} * 43200
        + {{ number_before(column, ' day') }} * 1440
        + (
            {{ number_before(column, ':[0-9]+:') }} * 60 + {{ number_in(column, ':([0-9]+):') }}
            + {{ number_in(column, ':([0-9.]+)$') }} / 60
        ) * case when {{ matches(column, '-[0-9]+:') }} then -1 else 1 end
    end
{%- endmacro %}

{% macro number_before(column, what) -%}
    {{ number_in(column, ('([0-9]+)' if what.startswith(':') else '(-?[0-9]+)') ~ what) }}
{%- endmacro %}

{% macro number_in(column, pattern) -%}
    coalesce(cast(nullif({{ regexp_group(column, pattern) }}, '') as {{ type_name('double precision') }}), 0)
{%- endmacro %}
