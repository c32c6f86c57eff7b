{#-
    The oldest state that any reader of a list of changed keys is in, with all that its feeds brought since: the list then serves each.
    Returns [state, {reader: state}, {reader: run that told it}]; a reader is left out whose state the feeds no longer vouch for. State none:
    there is no reader left. It is asked once in a run, since the answer counts the rows of all feeds.

    A list with `meta.of_list` is made of another list, which says where things were before its own reader told them again. So a reader is also
    left out that is not made of just what that list found.
-#}
{% macro readers_of_list(unique_id, feeds) -%}
    {%- set told = graph.nodes[unique_id].get('flux_readers') -%}
    {%- if told and told[0] == invocation_id -%}
    {{ return(told[1]) }}
    {%- endif -%}
    {%- set readers, readers_told, sound, oldest = {}, {}, {}, [none] -%}
    {%- set base = graph.nodes[unique_id].config.meta.of_list -%}
    {%- set found = (read_note(graph.nodes['model.' ~ project_name ~ '.' ~ base]) or {}).get('readers_told') if base else none -%}
    {%- for node in graph.nodes.values() if is_kept(node) and unique_id in node.depends_on.nodes -%}
        {%- set note = read_note(node) -%}
        {%- if note is not none and note.read | list == feeds and (not base or note.get('parents_told') == found) -%}
            {%- set digest = tojson(note.read) -%}
            {%- if digest not in sound -%}
                {%- do sound.update({digest: still_holds(feeds, note.read)}) -%}
            {%- endif -%}
            {%- if sound[digest] -%}
                {%- do readers.update({node.name: note.read}) -%}
                {%- do readers_told.update({node.name: note.get('told')}) -%}
                {%- do oldest.append(older(oldest.pop(), note.read)) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do graph.nodes[unique_id].update({'flux_readers': [invocation_id, [oldest[0], readers, readers_told]]}) -%}
    {{ return([oldest[0], readers, readers_told]) }}
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
    {%- set since, readers, readers_told = readers_of_list(node.unique_id, feeds) -%}
    {{ return({
        'read': feeds_reach(feeds),
        'since': since,
        'readers': readers,
        'readers_told': readers_told,
        'run': invocation_id,
    }) }}
{%- endmacro %}
