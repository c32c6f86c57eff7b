-- One row per client (and all clients) and kind of stage: applications of the last twelve closed
-- weeks that reached it.
with

funnel as (select * from {{ ref('rpt_hiring_funnel_weekly') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }}),

cohort as (
    select funnel.*
    from funnel
    inner join closed_weeks on funnel.week_starts_on = closed_weeks.week_starts_on
    where closed_weeks.weeks_ago <= 12
)

select
    coalesce(client_name, {{ filter('client') }}) as client_name,
    upper(left(stage_kind, 1)) || substr(stage_kind, 2) as stage,
    stage_rank,
    sum(reached_count) as reached_count
from cohort
group by grouping sets ((stage_kind, stage_rank), (stage_kind, stage_rank, client_name))
order by client_name, stage_rank
