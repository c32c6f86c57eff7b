{#-
    Feeds: raw relations that only grow, and so tell what changed since a model was built (docs/models.md, docs/decisions/0008). Of a
    replicated table that is its history (a row for each change, deletions and truncations too), in the order of commits; of events
    their table, in the order of loads. A feed goes by the name of its source: app_history.applications. A model that tells what changed of
    itself (differences.sql) is a feed, too, by its numbers: model.int_skill_supply_changes.
-#}
{% macro feed_relation(feed) -%}
    {{ return(ref(feed.split('.')[1]) if is_model(feed) else source(*feed.split('.'))) }}
{%- endmacro %}

{% macro is_history(feed) -%}
    {{ return(feed.startswith('app_history.')) }}
{%- endmacro %}

{% macro is_model(feed) -%}
    {{ return(feed.startswith('model.')) }}
{%- endmacro %}

{#-
    Whether a row of a feed came after what was `read` of it; true for all while nothing was. `of` is put before the columns of a history,
    `loaded_at` is the moment of the load of an event.
-#}
{% macro came_after(feed, read, of='', loaded_at='uuid_ts') -%}
    {%- set newest = read[feed][0] -%}
    {%- if newest == '' -%}
    {{ return('true') }}
    {%- elif is_model(feed) -%}
    {{ return(of ~ 'told_number > ' ~ newest) }}
    {%- elif is_history(feed) -%}
    {%- set epoch, lsn = newest.split('/') -%}
    {{ return('(' ~ of ~ '_epoch > ' ~ epoch ~ ' or (' ~ of ~ '_epoch = ' ~ epoch ~ ' and ' ~ of ~ '_lsn > ' ~ lsn ~ '))') }}
    {%- else -%}
    {{ return(loaded_at ~ " > cast('" ~ newest ~ "' as " ~ type_name('timestamptz') ~ ')') }}
    {%- endif -%}
{%- endmacro %}

{#-
    How far feeds reach: {feed: [newest, number of rows]}; with `read`, the same of the rows that came up to it. Where that is no
    longer what was read, rows were written behind us (a copy that came late, an erasure in the raw tables, a loader's clock that was
    set back): then nothing tells what changed.
-#}
{% macro feeds_reach(feeds, read=none) -%}
    {%- set queries = [] -%}
    {%- for feed in feeds -%}
        {%- set relation = feed_relation(feed) -%}
        {%- set newest -%}
            {%- if is_history(feed) -%}
            cast(max(_epoch) as {{ type_name('text') }}) || '/' || cast(max(
                case when _epoch = (select max(newest._epoch) from {{ relation }} as newest) then _lsn end
            ) as {{ type_name('text') }})
            {%- elif is_model(feed) -%}
            cast(max(told_number) as {{ type_name('text') }})
            {%- else -%}
            {{ moment_text('max(uuid_ts)') }}
            {%- endif -%}
        {%- endset -%}
        {%- set query -%}
        select '["{{ feed }}", "' || coalesce({{ newest }}, '') || '", ' || cast(count(*) as {{ type_name('text') }}) || ']' as reach
        from {{ relation }}
        {% if read is not none -%}
        where not {{ came_after(feed, read) }}
        {%- endif %}
        {%- endset -%}
        {%- do queries.append(query) -%}
    {%- endfor -%}
    {%- set reach = {} -%}
    {%- if execute -%}
        {%- for row in run_query(queries | join(' union all ')).columns[0].values() -%}
            {%- set feed, newest, rows = fromjson(row) -%}
            {%- do reach.update({feed: [newest, rows]}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(reach) }}
{%- endmacro %}

{#- Whether the feeds still hold what was read of them, and nothing else up to there. -#}
{% macro still_holds(feeds, read) -%}
    {%- set found = feeds_reach(feeds, read) -%}
    {%- set differing = [] -%}
    {%- for feed in feeds if found[feed][1] != read[feed][1] -%}
        {%- do differing.append(feed) -%}
    {%- endfor -%}
    {{ return(differing | length == 0) }}
{%- endmacro %}

{#-
    A query for the rows of a replicated table that changed since: every version that the history has of them, where they belong now and
    where they belonged. A deletion tells the key alone, so what it was a row of is in the versions before. With `columns` rows are left
    out in which none of these ever changed: for tables of which a fact takes little, and which change often.
-#}
{% macro versions_of_changed(table, since, columns=none) -%}
    {%- set feed = 'app_history.' ~ table -%}
    {%- set history = feed_relation(feed) -%}
    select versions.*
    from {{ history }} as versions
    where
        {% if since is none -%}
        false
        {%- else -%}
        versions.id in (select newer.id from {{ history }} as newer where {{ came_after(feed, since, 'newer.') }})
        {%- if columns %}
        and versions.id in (
            select told.id
            from {{ history }} as told
            where told.id in (select newer.id from {{ history }} as newer where {{ came_after(feed, since, 'newer.') }})
            group by told.id
            having
                count(case when not {{ came_after(feed, since, 'told.') }} then 1 end) = 0
                or count(case when told._op in ('delete', 'truncate') then 1 end) > 0
                {%- for column in columns %}
                {%- set text = 'cast(told.' ~ column ~ ' as ' ~ type_name('text') ~ ')' %}
                or count(distinct {{ text }}) > 1
                or count({{ text }}) between 1 and count(*) - 1
                {%- endfor %}
        )
        {%- endif %}
        {%- endif %}
{%- endmacro %}

{#- Whether a change came since, or an event was loaded; `column` is the moment of that load in a staging model. -#}
{% macro loaded_after(feed, since, column=none) -%}
    {{ 'false' if since is none else came_after(feed, since, loaded_at=column) }}
{%- endmacro %}
