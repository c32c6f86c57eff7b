{#-
    Documents. They lie in the warehouse's own type: JSON (DuckDB, BigQuery), jsonb (Postgres), VARIANT (Snowflake).
-#}

{#- A member of a document as text; NULL when it is not there. -#}
{% macro json_member(document, name) -%}
    {{ return(adapter.dispatch('json_member', 'flux')(document, name)) }}
{%- endmacro %}

{% macro default__json_member(document, name) -%}
    {{ document }} ->> '{{ name }}'
{%- endmacro %}

{% macro bigquery__json_member(document, name) -%}
    json_value({{ document }}, '$.{{ name }}')
{%- endmacro %}

{% macro snowflake__json_member(document, name) -%}
    json_extract_path_text({{ document }}, '{{ name }}')
{%- endmacro %}

{#- A document as the warehouse writes it: spaces and the order of members differ between warehouses. -#}
{% macro json_text(document) -%}
    {{ return(adapter.dispatch('json_text', 'flux')(document)) }}
{%- endmacro %}

{% macro default__json_text(document) -%}
    cast({{ document }} as text)
{%- endmacro %}

{% macro bigquery__json_text(document) -%}
    to_json_string({{ document }})
{%- endmacro %}

{% macro snowflake__json_text(document) -%}
    to_json({{ document }})
{%- endmacro %}
