{#- What a node is made of, of the models and seeds of the project. -#}

{#- Of these the kept models. -#}
{% macro kept_ancestors(node) -%}
    {%- set kept = [] -%}
    {%- for id in ancestors(node.unique_id) if is_kept(graph.nodes[id]) -%}
        {%- do kept.append(graph.nodes[id]) -%}
    {%- endfor -%}
    {{ return(kept) }}
{%- endmacro %}

{#- Ids of all models and seeds that a node is made of, in a stable order; gathered once for each node of a run. -#}
{% macro ancestors(unique_id) -%}
    {%- set node = graph.nodes[unique_id] -%}
    {%- if 'flux_ancestors' not in node -%}
        {%- set found = {} -%}
        {%- for id in node.depends_on.nodes if id in graph.nodes -%}
            {%- do found.update({id: true}) -%}
            {%- for older in ancestors(id) -%}
                {%- do found.update({older: true}) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do node.update({'flux_ancestors': found | sort}) -%}
    {%- endif -%}
    {{ return(node.flux_ancestors) }}
{%- endmacro %}
