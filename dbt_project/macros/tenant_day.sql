{#- The calendar day of a moment in the client's time zone (an IANA name). -#}
{% macro tenant_day(moment, time_zone) -%}
    cast(timezone({{ time_zone }}, {{ moment }}) as date)
{%- endmacro %}

{#- Monday of the week of a moment in the client's time zone. -#}
{% macro tenant_week(moment, time_zone) -%}
    cast(date_trunc('week', timezone({{ time_zone }}, {{ moment }})) as date)
{%- endmacro %}

{#- The moment at which a day begins in the client's time zone. -#}
{% macro tenant_midnight(day, time_zone) -%}
    timezone({{ time_zone }}, cast({{ day }} as timestamp))
{%- endmacro %}

{#- Monday of the week of a day. -#}
{% macro week_of(day) -%}
    cast(date_trunc('week', {{ day }}) as date)
{%- endmacro %}
