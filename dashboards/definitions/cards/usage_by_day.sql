-- One row per whole day since the older log began; null where a log had not begun, or tells nothing.
with

sources as (select * from {{ ref('usage_sources') }}),

queries as (select * from {{ ref('usage_queries') }}),

days as (
    select unnest(generate_series(
        greatest(min(since_at)::date + 1, max(as_of)::date - 28), max(as_of)::date - 1, interval 1 day
    ))::date as day_on
    from sources
    where is_known
),

counted as (
    select
        days.day_on,
        sources.source,
        count(queries.query_id) as query_count
    from days
    inner join sources on sources.is_known and sources.since_at::date < days.day_on
    left join queries on sources.source = queries.source and days.day_on = queries.asked_at::date
    group by days.day_on, sources.source
)

select
    day_on,
    max(query_count) filter (where source = 'flux query') as flux_queries,
    max(query_count) filter (where source = 'Metabase') as metabase_queries
from counted
group by day_on
order by day_on
