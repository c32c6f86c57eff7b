-- One row: all tables at the cut.
with

freshness as (select * from {{ ref('rpt_data_freshness') }})

select
    count(*) filter (where status = 'fresh') / count(*) as fresh_share,
    count(*) filter (where status = 'fresh') || ' of ' || count(*) || ' tables' as fresh_detail,
    max(lag_seconds) as worst_lag_seconds,
    arg_max(relation, lag_seconds) as worst_lag_detail
from freshness
having count(*) > 0
