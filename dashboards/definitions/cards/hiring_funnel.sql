-- One row per client (and all clients) and kind of stage: applications of the last twelve closed
-- weeks that reached it.
with

funnel as (select * from {{ ref('rpt_hiring_funnel_weekly') }}),

closed as (      -- weeks that had ended for every client
    select week_starts_on
    from funnel
    group by week_starts_on
    having bool_and(is_complete_week)
),

cohort as (
    select funnel.*
    from funnel
    where week_starts_on in (select week_starts_on from closed order by week_starts_on desc limit 12)
)

select
    coalesce(client_name, 'All clients') as client_name,
    upper(left(stage_kind, 1)) || substr(stage_kind, 2) as stage,
    stage_rank,
    sum(reached_count) as reached_count
from cohort
group by grouping sets ((stage_kind, stage_rank), (stage_kind, stage_rank, client_name))
order by client_name, stage_rank
