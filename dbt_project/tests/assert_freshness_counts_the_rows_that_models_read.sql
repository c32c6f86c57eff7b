-- The rows that freshness reports of a table are those that staging reads; of event tables each row is a change.
with

freshness as (select * from {{ ref('fct_freshness') }}),

counted as (
    select 'raw_app.applications' as relation, count(*) as row_count from {{ ref('stg_app__applications') }}
    union all
    select 'raw_app.members' as relation, count(*) as row_count from {{ ref('stg_app__members') }}
    union all
    select 'raw_app.match_impressions' as relation, count(*) as row_count
    from {{ ref('stg_app__match_impressions') }}
    union all
    select 'raw_segment.tracks' as relation, count(*) as row_count from {{ ref('stg_segment__tracks') }}
)

select
    freshness.relation,
    freshness.row_count,
    freshness.change_count,
    counted.row_count as counted_rows
from freshness
left join counted on freshness.relation = counted.relation
where
    freshness.row_count <> counted.row_count
    or (freshness.door = 'events' and freshness.change_count <> freshness.row_count)
