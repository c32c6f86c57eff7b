{#-
    A moment (or a day) so many units later: `unit` is second, minute, hour, day or month; `count` a number or an expression of
    whole numbers. A day is 24 hours. Months are for days alone, and give a moment without a time zone: cast it to date.
-#}
{% macro later(moment, count, unit) -%}
    {{ return(adapter.dispatch('later', 'flux')(moment, count, unit)) }}
{%- endmacro %}

{% macro default__later(moment, count, unit) -%}
    {%- if count is number -%}
        {{ moment }} + interval '{{ count }} {{ unit }}s'
    {%- else -%}
        {{ moment }} + ({{ count }}) * interval '1 {{ unit }}'
    {%- endif -%}
{%- endmacro %}

{% macro bigquery__later(moment, count, unit) -%}
    {{ moment }} + interval {{ count if count is number else '(' ~ count ~ ')' }} {{ unit }}
{%- endmacro %}

{% macro snowflake__later(moment, count, unit) -%}
    dateadd({{ unit }}, {{ count }}, {{ moment }})
{%- endmacro %}

{#- The same the other way. -#}
{% macro earlier(moment, count, unit) -%}
    {{ return(adapter.dispatch('earlier', 'flux')(moment, count, unit)) }}
{%- endmacro %}

{% macro default__earlier(moment, count, unit) -%}
    {{ moment }} - interval '{{ count }} {{ unit }}s'
{%- endmacro %}

{% macro bigquery__earlier(moment, count, unit) -%}
    {{ moment }} - interval {{ count }} {{ unit }}
{%- endmacro %}

{% macro snowflake__earlier(moment, count, unit) -%}
    dateadd({{ unit }}, -{{ count }}, {{ moment }})
{%- endmacro %}
