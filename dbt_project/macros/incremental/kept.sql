{#- How a kept fact is materialized: incremental where a warehouse can note what it holds (notes.sql), else a table, made anew by each build. -#}
{% macro kept() -%}
    {{ return(adapter.dispatch('kept', 'flux')()) }}
{%- endmacro %}

{% macro default__kept() -%}
    {{ return('table') }}
{%- endmacro %}

{% macro duckdb__kept() -%}
    {{ return('incremental') }}
{%- endmacro %}

{% macro postgres__kept() -%}
    {{ return('incremental') }}
{%- endmacro %}

{#-
    A query for columns ({name: type}) of a kept model as the build before left it, for the list of what is to be told again: not a dependency,
    since it is what was made before. Nothing where nothing was.
-#}
{% macro held_by(name, columns, since) -%}
    select
        {%- for column, type in columns.items() %}
        {{ 'cast(null as ' ~ type_name(type) ~ ') as ' ~ column if since is none else column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    {%- if since is none %}
    limit 0
    {%- else %}
    {%- set node = graph.nodes['model.' ~ project_name ~ '.' ~ name] %}
    from {{ api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) }}
    {%- endif %}
{%- endmacro %}
