{#- One row per day, column date_day, from the first day (included) to the last (excluded); both as ISO text.
    dbt's own date_spine asks the warehouse how many days there are, and so does not compile without a connection. -#}
{% macro day_spine(first_day, last_day) -%}
    {{ return(adapter.dispatch('day_spine', 'flux')(first_day, last_day)) }}
{%- endmacro %}

{% macro default__day_spine(first_day, last_day) -%}
    select cast(day_at as date) as date_day
    from generate_series(
        cast('{{ first_day }}' as timestamp), cast('{{ last_day }}' as timestamp) - interval '1 day', interval '1 day'
    ) as days (day_at)
{%- endmacro %}

{% macro bigquery__day_spine(first_day, last_day) -%}
    select date_day
    from unnest(generate_date_array(date '{{ first_day }}', date '{{ last_day }}' - 1)) as date_day
{%- endmacro %}

{% macro snowflake__day_spine(first_day, last_day) -%}
    {%- set format = '%Y-%m-%d' -%}
    {%- set strptime = modules.datetime.datetime.strptime -%}
    select dateadd(day, row_number() over (order by seq4()) - 1, cast('{{ first_day }}' as date)) as date_day
    from table(generator(rowcount => {{ (strptime(last_day, format) - strptime(first_day, format)).days }}))
{%- endmacro %}
