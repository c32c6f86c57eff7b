{#-
    The rows of a model that a test looks at, for its `from`. Of a kept fact that this run brought up to date these are the rows of its changed
    keys: the others were looked at when they were told. It is all of them in a thorough build (DBT_CHECKS is not `told`; orchestration says which
    builds are), where the fact was made anew, and of every other model. With `columns` rows come along that share their values in these with a row
    told again: so a key that occurs twice is found wherever its other row lies.

    `of`: the rows of a model that the fact is made of, or that is made of it, by the fact's key, for a test that holds the two against each other.

    `but_views`: none of a view unless the build is thorough. A test of a view makes its rows once more, and what is made of them is tested.
-#}
{% macro checked_rows(relation, columns=none, but_views=false, of=none) -%}
    {%- set fact = of or relation -%}
    {%- set node = graph.nodes.get('model.' ~ project_name ~ '.' ~ fact.identifier) if execute else none -%}
    {%- if not node or env_var('DBT_CHECKS', 'all') != 'told' -%}
    {{ return(relation) }}
    {%- elif but_views and node.config.materialized == 'view' -%}
    {{ return('(select * from ' ~ relation ~ ' where false) as checked') }}
    {%- elif tells_differences(node) -%}
    {{ return('(select * from ' ~ relation ~ ' where told_number = (select max(told_number) from ' ~ relation ~ ')) as checked') }}
    {%- elif node.config.incremental_strategy not in ('changed_keys', 'changed_days') or node.get('flux_goes_on') != [invocation_id, true] -%}
    {{ return(relation) }}
    {%- elif node.config.incremental_strategy == 'changed_days' -%}
    {{ return(
        '(select fact.* from ' ~ relation ~ ' as fact inner join ' ~ list_of(node).relation_name
        ~ ' as changed on fact.client_id = changed.client_id and fact.date_on >= changed.told_from_on) as checked'
    ) }}
    {%- endif -%}
    {%- if list_of(node).config.meta.of_list -%}
    {{ return(relation) }}  {#- rows told again have new keys -#}
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
