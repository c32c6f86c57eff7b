-- One row: the seven days before the page was built; null where a log tells nothing.
with

sources as (select * from {{ ref('usage_sources') }}),

queries as (select * from {{ ref('usage_queries') }}),

recent as (
    select queries.*
    from queries
    inner join sources on queries.source = sources.source
    where queries.asked_at > sources.as_of - interval 7 days
),

counted as (
    select
        sources.source,
        sources.is_known,
        sources.words,
        count(recent.query_id) as query_count,
        count(distinct recent.user_name) as user_count,
        count(*) filter (where not recent.is_answered) as refused_count
    from sources
    left join recent on sources.source = recent.source
    group by all
),

pivoted as (
    select
        max(query_count) filter (where source = 'flux query' and is_known) as flux_queries,
        max(words) filter (where source = 'flux query') as flux_words,
        max(query_count) filter (where source = 'Metabase' and is_known) as metabase_queries,
        max(words) filter (where source = 'Metabase') as metabase_words,
        sum(user_count) filter (where is_known) as people,
        sum(refused_count) filter (where is_known) as refused,
        coalesce(string_agg(source, ' and ' order by source desc) filter (where is_known), 'no log')
            as known_sources
    from counted
)

select
    flux_queries,
    flux_words,
    metabase_queries,
    metabase_words,
    people,
    'by ' || known_sources as people_words,
    refused,
    'by ' || known_sources as refused_words
from pivoted
