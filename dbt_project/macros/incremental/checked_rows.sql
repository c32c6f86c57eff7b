{#-
    The rows of a model that a test looks at, for its `from`. Of a kept fact that this run brought up to date these are the rows of its changed
    keys: the others were looked at when they were told. It is all of them in a thorough build (DBT_CHECKS is not `told`; orchestration says which
    builds are), where the fact was made anew, and of every other model. With `columns` rows come along that share their values in these with a row
    told again: so a key that occurs twice is found wherever its other row lies.

    `but_views`: none of a view unless the build is thorough. A test of a view makes its rows once more, and what is made of them is tested.
-#}
{% macro checked_rows(relation, columns=none, but_views=false) -%}
    {%- set node = graph.nodes.get('model.' ~ project_name ~ '.' ~ relation.identifier) if execute else none -%}
    {%- if not node or env_var('DBT_CHECKS', 'all') != 'told' -%}
    {{ return(relation) }}
    {%- elif but_views and node.config.materialized == 'view' -%}
    {{ return('(select * from ' ~ relation ~ ' where false) as checked') }}
    {%- elif node.config.incremental_strategy != 'changed_keys' or node.get('flux_goes_on') != [invocation_id, true] -%}
    {{ return(relation) }}
    {%- endif -%}
    {%- set key = node.config.unique_key -%}
    {%- set told -%}
    {{ key }} in (select changed.{{ key }} from {{ list_of(node).relation_name }} as changed)
    {%- endset -%}
    {%- if columns is none or columns == [key] -%}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ told ~ ') as checked') }}
    {%- endif -%}
    {%- set listed = columns | join(', ') -%}
    {{ return(
        '(select * from ' ~ relation ~ ' where (' ~ listed ~ ') in (select ' ~ listed ~ ' from ' ~ relation ~ ' where ' ~ told
        ~ ') or ' ~ columns | join(' is null or ') ~ ' is null) as checked'
    ) }}
{%- endmacro %}
