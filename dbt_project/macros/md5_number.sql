{#- A whole number from 0 to 2^52 - 1 made of a text, the same in every warehouse: the first 13 hexadecimal digits of its md5. -#}
{% macro md5_number(text) -%}
    {{ return(adapter.dispatch('md5_number', 'flux')(text)) }}
{%- endmacro %}

{% macro default__md5_number(text) -%}
    cast('0x' || substr(md5({{ text }}), 1, 13) as bigint)
{%- endmacro %}

{% macro postgres__md5_number(text) -%}
    cast(cast('x' || substr(md5({{ text }}), 1, 13) as bit(52)) as bigint)
{%- endmacro %}

{% macro bigquery__md5_number(text) -%}
    cast('0x' || substr(to_hex(md5({{ text }})), 1, 13) as int64)
{%- endmacro %}

{% macro snowflake__md5_number(text) -%}
    cast(to_number(substr(md5({{ text }}), 1, 13), 'XXXXXXXXXXXXX') as bigint)
{%- endmacro %}

{#- One of so many buckets, from 0, for a text. -#}
{% macro bucket_of(text, buckets) -%}
    cast(mod({{ md5_number(text) }}, {{ buckets }}) as integer)
{%- endmacro %}
