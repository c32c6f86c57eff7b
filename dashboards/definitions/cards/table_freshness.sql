-- One row per replicated table or event table.
with

freshness as (select * from {{ ref('rpt_data_freshness') }})

select
    relation,
    status,
    state,
    row_count,
    change_count,
    quarantined_count,
    lag_seconds,
    idle_seconds,
    newest_change_at
from freshness
order by case status when 'inexact' then 0 when 'late' then 1 else 2 end, row_count desc, relation
