{#-
    The match set is brought up to date as one: its kept models (`changed_examples`) tell the requests of one list again, and what lies between
    the list and them (`int_match_*`, tables) holds these requests alone, or all after a full build. So either all of its kept models
    go on or all are made anew, and none is built of tables that were made for another list: each of these notes for which run of
    the list it was made, and whether it holds all.
-#}
{% macro match_set_root() -%}
    {{ return('model.' ~ project_name ~ '.int_match_requests') }}
{%- endmacro %}

{% macro match_set_list() -%}
    {{ return('model.' ~ project_name ~ '.int_match_requests_changed') }}
{%- endmacro %}

{#- The set's kept models, by strategy; among them the activities that all of it reads. -#}
{% macro match_set_kept() -%}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() if node.config.incremental_strategy in ('changed_examples', 'new_activities') -%}
        {%- do found.append(node) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#- Whether all of the set can be brought up to date. Decided once for each run, when the list is there. -#}
{% macro match_set_goes_on() -%}
    {%- if not execute or flags.FULL_REFRESH or not graph.get('nodes') -%}
    {{ return(false) }}
    {%- endif -%}
    {%- set root = graph.nodes[match_set_root()] -%}
    {%- set decided = root.get('flux_goes_on') -%}
    {%- if not decided or decided[0] != invocation_id -%}
        {%- set stopped = [] -%}
        {%- for node in match_set_kept() if not can_go_on(node) -%}
            {%- do stopped.append(node.name) -%}
        {%- endfor -%}
        {%- set decided = [invocation_id, not stopped] -%}
        {%- do root.update({'flux_goes_on': decided}) -%}
    {%- endif -%}
    {{ return(decided[1]) }}
{%- endmacro %}

{#- For the root of the set: of all requests those that are to be told; all in a full build. -#}
{% macro requests_told(request_id) -%}
    {%- if match_set_goes_on() -%}
    where {{ request_id }} in (select changed.request_id from changed)
    {%- endif -%}
{%- endmacro %}

{#- For a table between: the condition that leaves of a relation what has a key among those that are told; none in a full build. -#}
{% macro of_told(key, told) -%}
    {%- if match_set_goes_on() -%}
    where {{ key }} in (select told.{{ key }} from {{ told }} as told)
    {%- endif -%}
{%- endmacro %}

{#- The same of a history: all versions of rows of which any version has the key `owner` among those that are told. -#}
{% macro versions_told(versions, key, owner, told) -%}
    select *
    from {{ versions }}
    {%- if match_set_goes_on() %}
    where {{ key }} in (
        select every_version.{{ key }}
        from {{ versions }} as every_version
        where every_version.{{ owner }} in (select told.{{ owner }} from {{ told }} as told)
    )
    {%- endif -%}
{%- endmacro %}

{#- Examples of the requests that are to be told, which the model imports as `changed`; all in a full build. -#}
{% macro examples_told(examples) -%}
    select *
    from {{ examples }}
    {{ where_told('example_id') }}
{%- endmacro %}

{#- The condition alone. -#}
{% macro where_told(example_id) -%}
    {%- if is_incremental() -%}
    where {{ impression_of(example_id) }} in (select changed.impression_id from changed)
    {%- endif -%}
{%- endmacro %}

{#- The impression that an example is of, or the first one of its list. -#}
{% macro impression_of(example_id) -%}
    {{ return(adapter.dispatch('impression_of', 'flux')(example_id)) }}
{%- endmacro %}

{% macro default__impression_of(example_id) -%}
    ({{ example_id }} >> 6)
{%- endmacro %}

{% macro snowflake__impression_of(example_id) -%}
    bitshiftright({{ example_id }}, 6)
{%- endmacro %}

{#- Strategy `changed_examples`: all examples of the requests in the list go, those that the model has for them now come. -#}
{% macro get_incremental_changed_examples_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict.dest_columns | map(attribute='name')) -%}
    delete from {{ arg_dict.target_relation }}
    where {{ impression_of('example_id') }} in (select changed.impression_id from {{ ref('int_match_requests_changed') }} as changed);
    insert into {{ arg_dict.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arg_dict.temp_relation }}
{%- endmacro %}

{#- Whether a model is one of the tables between the list and the kept models. -#}
{% macro is_told(node) -%}
    {%- if node.resource_type != 'model' or node.config.materialized != 'table' or not node.name.startswith('int_match_') -%}
    {{ return(false) }}
    {%- endif -%}
    {{ return(match_set_list() in ancestors(node.unique_id)) }}
{%- endmacro %}

{% macro note_of_told() -%}
    {%- set list = read_note(graph.nodes[match_set_list()]) or {} -%}
    {{ return({'run': list.get('run'), 'whole': not match_set_goes_on()}) }}
{%- endmacro %}

{#- The note of a table between, read once in a run: who asks is built when that one is done. -#}
{% macro note_of_run(node) -%}
    {%- set read = node.get('flux_note') -%}
    {%- if not read or read[0] != invocation_id -%}
        {%- set read = [invocation_id, read_note(node) or {}] -%}
        {%- do node.update({'flux_note': read}) -%}
    {%- endif -%}
    {{ return(read[1]) }}
{%- endmacro %}

{#- For a pre-hook of `ml` and of the activities, of kept models: stop when what they are made of was made for another list, or not for a full build. -#}
{% macro made_for_this_list() -%}
    {%- if execute and model.resource_type == 'model' and is_kept(model) and not graph.nodes[match_set_root()].get('flux_made_for') == invocation_id -%}
        {%- set list, goes_on = read_note(graph.nodes[match_set_list()]) or {}, match_set_goes_on() -%}
        {%- for id in ancestors(model.unique_id) if is_told(graph.nodes[id]) or holds_activities(graph.nodes[id]) -%}
            {%- set note = note_of_run(graph.nodes[id]) -%}
            {%- set is_current = note.get('read') == list.get('read') if holds_activities(graph.nodes[id])
                else note.get('run') == list.get('run') and (goes_on or note.get('whole')) -%}
            {%- if not is_current -%}
                {{ exceptions.raise_compiler_error(
                    model.name ~ ' cannot be built without ' ~ graph.nodes[id].name ~ ', which was made for another list of changed requests; '
                    ~ "build the match set as a whole: flux build --select int_match_requests_changed+"
                ) }}
            {%- endif -%}
        {%- endfor -%}
        {%- if model.name == 'ml_match_examples_v2' -%}
            {%- do graph.nodes[match_set_root()].update({'flux_made_for': invocation_id}) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
