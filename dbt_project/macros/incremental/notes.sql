{#-
    Notes: what a kept relation holds, as JSON in the relation's own comment. It is written in the transaction that writes the rows, and
    goes with the relation when that is dropped or replaced: so it is never about other rows than those that are there.

    A list of changed keys (a model with `meta.feeds`) notes
        read     how far its feeds reached (feeds_reach)
        since    from where on it lists changes; null: it lists none, its readers are made anew
        readers  the fact by name: what that had read, when the list was made
        run      the dbt run that made it
    A kept fact (strategy changed_keys) notes
        read     how far the feeds are in it
        code     a hash of all code that makes it
        made     the dbt run that last made it anew
        parents  kept models that it is made of: their `made`
-#}
{% macro write_note() -%}
    {%- if execute and model.resource_type == 'model' -%}
        {%- set note = none -%}
        {%- if model.config.meta.feeds -%}
            {%- set note = note_of_list(model) -%}
        {%- elif is_kept(model) -%}
            {%- set note = note_of_fact(graph.nodes[model.unique_id]) -%}
        {%- elif is_told(model) -%}
            {%- set note = note_of_told() -%}
        {%- endif -%}
        {%- if note is not none -%}
    {{ set_comment(this, 'flux ' ~ tojson(note)) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro is_kept(node) -%}
    {{ return(node.config.incremental_strategy in ('changed_keys', 'changed_examples')) }}
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

{#-
    The oldest state that any reader of a list of changed keys is in, with all that its feeds brought since: the list then serves each.
    Returns [state, {reader: state}]; a reader is left out whose state the feeds no longer vouch for. State none: there is no reader left.
    It is asked once in a run, since the answer counts the rows of all feeds.
-#}
{% macro readers_of_list(unique_id, feeds) -%}
    {%- set told = graph.nodes[unique_id].get('flux_readers') -%}
    {%- if told and told[0] == invocation_id -%}
    {{ return(told[1]) }}
    {%- endif -%}
    {%- set readers, sound, oldest = {}, {}, [none] -%}
    {%- for node in graph.nodes.values() if is_kept(node) and unique_id in node.depends_on.nodes -%}
        {%- set note = read_note(node) -%}
        {%- if note is not none and note.read | list == feeds -%}
            {%- set digest = tojson(note.read) -%}
            {%- if digest not in sound -%}
                {%- do sound.update({digest: still_holds(feeds, note.read)}) -%}
            {%- endif -%}
            {%- if sound[digest] -%}
                {%- do readers.update({node.name: note.read}) -%}
                {%- do oldest.append(older(oldest.pop(), note.read)) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do graph.nodes[unique_id].update({'flux_readers': [invocation_id, [oldest[0], readers]]}) -%}
    {{ return([oldest[0], readers]) }}
{%- endmacro %}

{#- For a list of changed keys: from where on it is to list them; none: nobody can use it. -#}
{% macro list_since(feeds) -%}
    {%- for feed in feeds -%}
        {%- do feed_relation(feed) -%}  {#- so that dbt knows what the model reads -#}
    {%- endfor -%}
    {{ return(readers_of_list(model.unique_id, feeds)[0] if execute else none) }}
{%- endmacro %}

{#- Feeds grow: of two states the older has fewer rows. -#}
{% macro older(one, other) -%}
    {{ return(other if one is none or rows_read(other) < rows_read(one) else one) }}
{%- endmacro %}

{% macro rows_read(read) -%}
    {{ return(read.values() | map('last') | sum) }}
{%- endmacro %}

{% macro note_of_list(node) -%}
    {%- set feeds = node.config.meta.feeds -%}
    {%- set since, readers = readers_of_list(node.unique_id, feeds) -%}
    {{ return({'read': feeds_reach(feeds), 'since': since, 'readers': readers, 'run': invocation_id}) }}
{%- endmacro %}

{#- After the rows were written: a relation that was made anew has no note yet, any other the one of before. -#}
{% macro note_of_fact(node) -%}
    {%- set before = read_note(node) -%}
    {%- set reads, parents = [read_note(list_of(node)).read], {} -%}
    {%- for parent in kept_ancestors(node) -%}
        {%- set note = read_note(parent) -%}
        {%- do parents.update({parent.name: (note or {}).get('made')}) -%}
        {%- if note is not none -%}
            {%- do reads.append(older(reads.pop(), note.read)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return({
        'read': reads[0],
        'code': code_of(node),
        'made': before.made if before else invocation_id,
        'parents': parents,
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
