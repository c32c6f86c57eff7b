-- One row: all tables at the cut.
with

freshness as (select * from {{ ref('rpt_data_freshness') }}),

ranked as (
    select
        *,
        row_number() over (order by lag_seconds desc nulls last, relation) as lateness
    from freshness
)

select
    count(*) filter (where status = 'fresh') / count(*) as fresh_share,
    count(*) filter (where status = 'fresh') || ' of ' || count(*) || ' tables' as fresh_detail,
    max(lag_seconds) as worst_lag_seconds,
    max(relation) filter (where lateness = 1) as worst_lag_detail
from ranked
having count(*) > 0
