{#-
    A type by the name that the project uses (text, bigint, integer, double precision, boolean, date, timestamptz, numeric(p, s), uuid,
    text[]), as the warehouse calls it. What is not listed has the same name everywhere.
-#}
{% macro type_name(name) -%}
    {{ return(adapter.dispatch('type_name', 'flux')(name)) }}
{%- endmacro %}

{% macro default__type_name(name) -%}
    {{ return(name) }}
{%- endmacro %}

{% macro bigquery__type_name(name) -%}
    {{ return({
        'text': 'string',
        'double precision': 'float64',
        'timestamptz': 'timestamp',
        'uuid': 'string',
        'text[]': 'array<string>',
        'double precision[]': 'array<float64>',
        'numeric(38,0)': 'bignumeric(38,0)',
    }.get(name, name)) }}
{%- endmacro %}

{#- Moments are TIMESTAMP_TZ there, kept in UTC, so that a cast to date does not hang on the session. -#}
{% macro snowflake__type_name(name) -%}
    {{ return({
        'timestamptz': 'timestamp_tz',
        'uuid': 'text',
        'text[]': 'array',
        'double precision[]': 'array',
    }.get(name, name)) }}
{%- endmacro %}

{#- A contract is written in the project's names: translate it before it is compared with the query and made into a table. -#}
{% macro bigquery__get_assert_columns_equivalent(sql) -%}
    {%- do translate_contract(model['columns']) -%}
    {{ return(assert_columns_equivalent(sql)) }}
{%- endmacro %}

{% macro snowflake__get_assert_columns_equivalent(sql) -%}
    {%- do translate_contract(model['columns']) -%}
    {{ return(assert_columns_equivalent(sql)) }}
{%- endmacro %}

{% macro translate_contract(columns) -%}
    {%- for column in columns.values() -%}
        {%- do column.update({'data_type': type_name(column['data_type'])}) -%}
    {%- endfor -%}
{%- endmacro %}
