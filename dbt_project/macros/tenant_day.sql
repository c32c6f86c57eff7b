{#- The calendar day of a moment in the client's time zone (an IANA name). -#}
{% macro tenant_day(moment, time_zone) -%}
    {{ return(adapter.dispatch('tenant_day', 'flux')(moment, time_zone)) }}
{%- endmacro %}

{% macro default__tenant_day(moment, time_zone) -%}
    cast(timezone({{ time_zone }}, {{ moment }}) as date)
{%- endmacro %}

{% macro bigquery__tenant_day(moment, time_zone) -%}
    date({{ moment }}, {{ time_zone }})
{%- endmacro %}

{% macro snowflake__tenant_day(moment, time_zone) -%}
    cast(convert_timezone({{ time_zone }}, {{ moment }}) as date)
{%- endmacro %}

{#- Monday of the week of a moment in the client's time zone. -#}
{% macro tenant_week(moment, time_zone) -%}
    {{ return(adapter.dispatch('tenant_week', 'flux')(moment, time_zone)) }}
{%- endmacro %}

{% macro default__tenant_week(moment, time_zone) -%}
    cast(date_trunc('week', timezone({{ time_zone }}, {{ moment }})) as date)
{%- endmacro %}

{% macro bigquery__tenant_week(moment, time_zone) -%}
    {{ week_of(tenant_day(moment, time_zone)) }}
{%- endmacro %}

{% macro snowflake__tenant_week(moment, time_zone) -%}
    {{ week_of(tenant_day(moment, time_zone)) }}
{%- endmacro %}

{#- The moment at which a day begins in the client's time zone. -#}
{% macro tenant_midnight(day, time_zone) -%}
    {{ return(adapter.dispatch('tenant_midnight', 'flux')(day, time_zone)) }}
{%- endmacro %}

{% macro default__tenant_midnight(day, time_zone) -%}
    timezone({{ time_zone }}, cast({{ day }} as timestamp))
{%- endmacro %}

{% macro bigquery__tenant_midnight(day, time_zone) -%}
    timestamp({{ day }}, {{ time_zone }})
{%- endmacro %}

{#- Through seconds since 1970: a cast to a moment with a zone would follow the session's. -#}
{% macro snowflake__tenant_midnight(day, time_zone) -%}
    to_timestamp_tz(date_part(
        epoch_second, convert_timezone({{ time_zone }}, 'UTC', cast({{ day }} as timestamp_ntz))
    ))
{%- endmacro %}
