-- One row: all tables at the cut.
with

freshness as (select * from {{ ref('rpt_data_freshness') }}),

ranked as (
    select
        *,
        row_number() over (order by lag_seconds desc nulls last, relation) as lateness
    from freshness
),

counted as (
    select
        count(*) filter (where status = 'fresh') as fresh_table_count,
        count(*) as table_count,
        max(lag_seconds) as worst_lag_seconds,
        max(relation) filter (where lateness = 1) as worst_lag_detail
    from ranked
    having count(*) > 0
)

select
    {{ metric('fresh_table_share') }} as fresh_share,
    fresh_table_count || ' of ' || table_count || ' tables' as fresh_detail,
    worst_lag_seconds,
    worst_lag_detail
from counted
