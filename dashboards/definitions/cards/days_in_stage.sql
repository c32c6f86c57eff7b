-- One row per client (and all clients) and kind of stage: entries of the last twelve closed weeks,
-- those still open with their days so far; five at least.
with

stages as (select * from {{ ref('fct_application_stages') }}),

clients as (select * from {{ ref('dim_client') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }})

select
    coalesce(clients.client_name, {{ filter('client') }}) as client_name,
    upper(left(stages.stage_kind, 1)) || substr(stages.stage_kind, 2) as stage,
    stages.stage_rank,
    count(*) as entry_count,
    {{ metric('median_days_in_stage', 'stages') }} as median_days,
    {{ metric('p90_days_in_stage', 'stages') }} as p90_days
from stages
inner join clients on stages.client_id = clients.client_id
inner join closed_weeks on date_trunc('week', stages.entered_on) = closed_weeks.week_starts_on
where closed_weeks.weeks_ago <= 12 and stages.stage_kind <> 'hired'
group by grouping sets ((stage, stages.stage_rank), (stage, stages.stage_rank, clients.client_name))
having count(*) >= 5
order by client_name, stages.stage_rank
