{#-
    Notes: what a kept relation holds, as JSON in the relation's own comment. It is written in the transaction that writes the rows, and
    goes with the relation when that is dropped or replaced: so it is never about other rows than those that are there.

    A list of changed keys (a model with `meta.feeds`) notes
        read     how far its feeds reached (feeds_reach)
        since    from where on it lists changes; null: it lists none, its readers are made anew
        readers  the fact by name: what that had read, when the list was made
        run      the dbt run that made it
        readers_told  the fact by name: the run that had told it last
    A kept fact (strategy changed_keys, changed_days, changed_examples or new_activities) notes
        read     how far the feeds are in it
        code     a hash of all code that makes it
        made     the dbt run that last made it anew
        parents  kept models that it is made of: their `made`
        told     the dbt run that told it last
        parents_told  kept models that it is made of: their `told`
    A model that tells what changed of itself (strategy differences) notes its code.
-#}
{% macro write_note() -%}
    {%- if execute and model.resource_type == 'model' -%}
        {%- set note = none -%}
        {%- if model.config.meta.feeds -%}
            {%- set note = note_of_list(model) -%}
        {%- elif is_kept(model) -%}
            {%- set note = note_of_fact(graph.nodes[model.unique_id]) -%}
        {%- elif tells_differences(model) -%}
            {%- set note = {'code': code_of(graph.nodes[model.unique_id])} -%}
        {%- elif is_told(model) -%}
            {%- set note = note_of_told() -%}
        {%- endif -%}
        {%- if note is not none -%}
    {{ set_comment(this, 'flux ' ~ tojson(note)) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro is_kept(node) -%}
    {{ return(node.config.incremental_strategy in ('changed_keys', 'changed_days', 'changed_examples', 'new_activities')) }}
{%- endmacro %}

{#- The note of a node's relation; none where there is none. -#}
{% macro read_note(node) -%}
    {%- set rows = run_query(comment_query(node.schema, node.alias)).columns[0].values() -%}
    {%- set text = rows[0] if rows | length else none -%}
    {{ return(fromjson(text[5:]) if text and text.startswith('flux {') else none) }}
{%- endmacro %}

{#- Where a warehouse has no such comments in its transactions nothing is noted, and each build makes the facts anew. -#}
{% macro comment_query(schema, name) -%}
    {{ return(adapter.dispatch('comment_query', 'flux')(schema, name)) }}
{%- endmacro %}

{% macro default__comment_query(schema, name) -%}
    select cast(null as {{ type_name('text') }}) as comment
{%- endmacro %}

{% macro duckdb__comment_query(schema, name) -%}
    select cast(comment as text) as comment from duckdb_tables()
    where database_name = current_database() and schema_name = '{{ schema }}' and table_name = '{{ name }}'
{%- endmacro %}

{% macro postgres__comment_query(schema, name) -%}
    select obj_description(to_regclass('"{{ schema }}"."{{ name }}"'), 'pg_class') as comment
{%- endmacro %}

{#- After the rows were written: a relation that was made anew has no note yet, any other the one of before. -#}
{% macro note_of_fact(node) -%}
    {%- set before = read_note(node) -%}
    {%- set reads, parents, parents_told = [read_note(list_of(node)).read], {}, {} -%}
    {%- for parent in kept_ancestors(node) -%}
        {%- set note = read_note(parent) -%}
        {%- do parents.update({parent.name: (note or {}).get('made')}) -%}
        {%- do parents_told.update({parent.name: (note or {}).get('told')}) -%}
        {%- if note is not none -%}
            {%- do reads.append(older(reads.pop(), note.read)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({
        'read': reads[0],
        'code': code_of(node),
        'made': before.made if before else invocation_id,
        'parents': parents,
        'told': invocation_id,
        'parents_told': parents_told,
    }) }}
{%- endmacro %}

{% macro set_comment(relation, text) -%}
    {{ return(adapter.dispatch('set_comment', 'flux')(relation, text)) }}
{%- endmacro %}

{% macro default__set_comment(relation, text) -%}
{%- endmacro %}

{% macro duckdb__set_comment(relation, text) -%}
    comment on table {{ relation }} is '{{ text | replace("'", "''") }}'
{%- endmacro %}

{% macro postgres__set_comment(relation, text) -%}
    {{ return(flux.duckdb__set_comment(relation, text)) }}
{%- endmacro %}
