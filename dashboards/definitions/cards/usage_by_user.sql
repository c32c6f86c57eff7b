-- One row per log and user: queries of thirty days.
with

sources as (select * from {{ ref('usage_sources') }}),

queries as (select * from {{ ref('usage_queries') }}),

reads as (select * from {{ ref('usage_reads') }}),

recent as (
    select queries.*
    from queries
    inner join sources on queries.source = sources.source
    where queries.asked_at > sources.as_of - interval 30 days
),

read_by as (
    select recent.source, recent.user_name, count(distinct reads.relation) as relation_count
    from recent
    inner join reads on recent.query_id = reads.query_id
    group by recent.source, recent.user_name
),

asked as (
    select
        source,
        user_name,
        count(*) as query_count,
        median(seconds) as median_seconds,
        max(seconds) as longest_seconds,
        max(asked_at) as newest_at
    from recent
    group by source, user_name
)

select
    asked.source,
    asked.user_name,
    asked.query_count,
    coalesce(read_by.relation_count, 0) as relation_count,
    asked.median_seconds,
    asked.longest_seconds,
    asked.newest_at
from asked
left join read_by on asked.source = read_by.source and asked.user_name = read_by.user_name
order by asked.query_count desc, asked.user_name
