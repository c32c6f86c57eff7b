{#-
    Strategy `changed_keys` of incremental models: the rows of all keys of the list of changed keys go, those that the model has for them now
    come. The list is the one model with `meta.feeds` that the model reads; it has a column named as the model's unique_key.
-#}
{% macro get_incremental_changed_keys_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) -%}
    {%- set key = arg_dict.unique_key -%}
    {%- set list = ref(list_of(model).name) -%}
    delete from {{ arg_dict.target_relation }}
    where {{ key }} in (select changed.{{ key }} from {{ list }} as changed);
    insert into {{ arg_dict.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arg_dict.temp_relation }}
{%- endmacro %}

{#-
    The rows that a kept model has to tell again: those of a CTE whose keys are in the list, which the model imports as `changed`; all in a
    full build.
-#}
{% macro to_be_told(rows, key) -%}
    select *
    from {{ rows }}
    {%- if is_incremental() %}
    where {{ key }} in (select changed.{{ key }} from changed)
    {%- endif %}
{%- endmacro %}

{#- In the place of dbt's own: a kept model is made anew also when it cannot go on from what it holds. -#}
{% macro should_full_refresh() -%}
    {%- set wanted = config.get('full_refresh') -%}
    {%- if wanted is none -%}
        {%- set wanted = flags.FULL_REFRESH -%}
    {%- endif -%}
    {%- if wanted or not execute -%}
    {{ return(wanted) }}
    {%- elif tells_differences(model) -%}
    {{ return((read_note(model) or {}).get('code') != code_of(graph.nodes[model.unique_id])) }}
    {%- endif -%}
    {{ return(is_kept(model) and not goes_on(graph.nodes[model.unique_id])) }}
{%- endmacro %}

{#-
    Whether a kept model can be brought up to date: its code is what made it, the list of changed keys reaches back to what it has read (or it
    has read all of it already), and no kept model that it is made of was made anew. Decided once for each run: hooks and the model's own
    SQL ask again.
-#}
{% macro goes_on(node) -%}
    {%- if node.config.incremental_strategy in ('changed_examples', 'new_activities') -%}
    {{ return(match_set_goes_on()) }}
    {%- endif -%}
    {%- set decided = node.get('flux_goes_on') -%}
    {%- if not decided or decided[0] != invocation_id -%}
        {%- set decided = [invocation_id, can_go_on(node)] -%}
        {%- do node.update({'flux_goes_on': decided}) -%}
    {%- endif -%}
    {{ return(decided[1]) }}
{%- endmacro %}

{% macro can_go_on(node) -%}
    {%- set note, changes = read_note(node), read_note(list_of(node)) -%}
    {%- if note is none or changes is none or note.code != code_of(node) -%}
    {{ return(false) }}
    {%- endif -%}
    {%- set has_read_all = note.read == changes.read and not list_of(node).config.meta.of_list -%}
    {%- if note.read != changes.readers.get(node.name) and not has_read_all -%}
    {{ return(false) }}
    {%- endif -%}
    {%- set parents = {} -%}
    {%- for parent in kept_ancestors(node) -%}
        {%- do parents.update({parent.name: (read_note(parent) or {}).get('made')}) -%}
    {%- endfor -%}
    {{ return(note.parents == parents) }}
{%- endmacro %}

{% macro list_of(node) -%}
    {%- set found = [] -%}
    {%- for id in node.depends_on.nodes if graph.nodes[id].config.meta.feeds -%}
        {%- do found.append(graph.nodes[id]) -%}
    {%- endfor -%}
    {%- if found | length != 1 -%}
    {{ exceptions.raise_compiler_error(node.name ~ ' reads ' ~ found | length ~ ' lists of changed keys; strategy changed_keys needs one') }}
    {%- endif -%}
    {{ return(found[0]) }}
{%- endmacro %}

{#- Those behind a model that tells what changed of itself do not count: it tells that, too. -#}
{% macro kept_ancestors(node) -%}
    {%- set kept = [] -%}
    {%- for id in ancestors(node.unique_id, but_behind_differences=true) if is_kept(graph.nodes[id]) -%}
        {%- do kept.append(graph.nodes[id]) -%}
    {%- endfor -%}
    {{ return(kept) }}
{%- endmacro %}

{#-
    Ids of all models and seeds that a node is made of, in a stable order; gathered once for each node of a run. With `but_behind_differences`
    without what lies behind a model that tells what changed of itself.
-#}
{% macro ancestors(unique_id, but_behind_differences=false) -%}
    {%- set node = graph.nodes[unique_id] -%}
    {%- set gathered = 'flux_near_ancestors' if but_behind_differences else 'flux_ancestors' -%}
    {%- if gathered not in node -%}
        {%- set found = {} -%}
        {%- for id in node.depends_on.nodes if id in graph.nodes -%}
            {%- do found.update({id: true}) -%}
            {%- if not (but_behind_differences and tells_differences(graph.nodes[id])) -%}
                {%- for older in ancestors(id, but_behind_differences) -%}
                    {%- do found.update({older: true}) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do node.update({gathered: found | sort}) -%}
    {%- endif -%}
    {{ return(node[gathered]) }}
{%- endmacro %}
