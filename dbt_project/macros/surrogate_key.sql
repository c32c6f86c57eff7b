{#-
    A key made of several columns: md5 over their texts, NULL distinct from the empty text. The same values give the same key in every
    warehouse, as long as they are text, whole numbers, booleans or dates, whose text is the same everywhere; a moment goes through
    moment_text. Numbers with fractions have no such text and do not belong in a key.
-#}
{% macro surrogate_key(columns) -%}
    {%- set texts = [] -%}
    {%- for column in columns -%}
        {%- do texts.append("coalesce(cast(" ~ column ~ " as " ~ type_name('text') ~ "), '~null~')") -%}
    {%- endfor -%}
    {{ md5_of(texts | join(" || '|' || ")) }}
{%- endmacro %}

{#- md5 of a text in hexadecimal. -#}
{% macro md5_of(text) -%}
    {{ return(adapter.dispatch('md5_of', 'flux')(text)) }}
{%- endmacro %}

{% macro default__md5_of(text) -%}
    md5({{ text }})
{%- endmacro %}

{% macro bigquery__md5_of(text) -%}
    to_hex(md5({{ text }}))
{%- endmacro %}

{#- A moment as the same text everywhere: 2026-11-01 08:30:00.25+00, in UTC, no zeroes behind the last digit of a fraction. -#}
{% macro moment_text(moment) -%}
    {{ return(adapter.dispatch('moment_text', 'flux')(moment)) }}
{%- endmacro %}

{% macro default__moment_text(moment) -%}
    cast(timezone('UTC', {{ moment }}) as text) || '+00'
{%- endmacro %}

{% macro bigquery__moment_text(moment) -%}
    rtrim(rtrim(format_timestamp('%F %H:%M:%E6S', {{ moment }}, 'UTC'), '0'), '.') || '+00'
{%- endmacro %}

{% macro snowflake__moment_text(moment) -%}
    rtrim(rtrim(to_varchar(convert_timezone('UTC', {{ moment }}), 'YYYY-MM-DD HH24:MI:SS.FF6'), '0'), '.') || '+00'
{%- endmacro %}
