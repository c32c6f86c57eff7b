{#- What may have changed of the match set since it was brought up to date: for the list of requests to be told again. -#}

{#- Feeds of all that an example is made of. -#}
{% macro match_set_feeds() -%}
    {{ return([
        'app_history.recommendation_requests', 'app_history.match_recommendations', 'app_history.match_impressions',
        'app_history.match_feedback', 'app_history.saved_items', 'app_history.applications',
        'app_history.application_stage_events', 'app_history.stages', 'app_history.members', 'app_history.member_skills',
        'app_history.opportunities', 'app_history.opportunity_skills', 'app_history.job_architecture',
        'app_history.model_versions', 'segment.recommendation_clicked',
    ]) }}
{%- endmacro %}

{#- From where on the list is to name what changed, for the models that it is made of. -#}
{% macro match_set_since() -%}
    {%- set feeds = match_set_feeds() -%}
    {%- for feed in feeds -%}
        {%- do feed_relation(feed) -%}  {#- so that dbt knows what the model reads -#}
    {%- endfor -%}
    {{ return(readers_of_list(match_set_list(), feeds)[0] if execute else none) }}
{%- endmacro %}

{#-
    What the set holds, for the list of what is to be told again: not a dependency, since it is what was made before. Nothing where nothing
    was.
-#}
{% macro examples_held(since) -%}
    {%- if since is none -%}
    select
        {%- for name, type in [
            ('example_id', 'bigint'), ('subject_key', 'text'), ('client_id', 'bigint'), ('member_id', 'bigint'),
            ('opportunity_id', 'bigint'), ('recommendation_id', 'bigint'), ('is_in_history_gap', 'boolean'),
            ('label_click_24h', 'boolean'), ('label_save_14d', 'boolean'), ('label_advance_30d', 'boolean'),
            ('label_hired_90d', 'boolean'), ('anchored_at', 'timestamptz'), ('_epoch', 'bigint'), ('_lsn', 'bigint')
        ] %}
        cast(null as {{ type_name(type) }}) as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    where false
    {%- else -%}
    {%- set node = graph.nodes['model.' ~ project_name ~ '.ml_match_examples_v2'] -%}
    select * from {{ api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) }}
    {%- endif -%}
{%- endmacro %}

{#- Members of whom it has examples. -#}
{% macro people_held(since) -%}
    select distinct held.member_id from ({{ examples_held(since) }}) as held
{%- endmacro %}

{#-
    A query for the first day on which something new of these feeds may have been known, for all requests since. What a first copy tells is
    older than any of them.
-#}
{% macro first_day_of_news(feeds, since) -%}
    {%- if since is none -%}
    select cast(null as date) as known_on
    {%- else -%}
    select min(known_on) as known_on
    from (
        {%- for feed in feeds %}
        select min(
            {%- if is_history(feed) %}
            case when _op = 'snapshot' then date '0001-01-01' else {{ utc_day('_commit_at') }} end
            {%- else %}
            {{ utc_day(least_known('timestamp', 'received_at')) }}
            {%- endif %}
        ) as known_on
        from {{ feed_relation(feed) }}
        where {{ came_after(feed, since) }}
        {% if not loop.last %}union all{% endif %}
        {%- endfor %}
    ) as days
    {%- endif -%}
{%- endmacro %}
