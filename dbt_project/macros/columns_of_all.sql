{#- What the warehouse says of columns: table_schema, table_name and column_name of every relation, in lower case. -#}
{% macro columns_of_all() -%}
    {{ return(adapter.dispatch('columns_of_all', 'flux')()) }}
{%- endmacro %}

{% macro default__columns_of_all() -%}
    select table_schema, table_name, column_name
    from information_schema.columns
{%- endmacro %}

{% macro bigquery__columns_of_all() -%}
    select table_schema, table_name, column_name
    from `{{ target.database }}`.`region-{{ target.location or 'us' }}`.INFORMATION_SCHEMA.COLUMNS
{%- endmacro %}

{% macro snowflake__columns_of_all() -%}
    select
        lower(table_schema) as table_schema,
        lower(table_name) as table_name,
        lower(column_name) as column_name
    from information_schema.columns
{%- endmacro %}
