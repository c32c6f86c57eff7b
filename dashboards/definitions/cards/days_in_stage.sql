-- One row per client (and all clients) and kind of stage: entries of the last twelve closed weeks,
-- those still open with their days so far.
with

stages as (select * from {{ ref('fct_application_stages') }}),

clients as (select * from {{ ref('dim_client') }}),

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

weeks as (
    select week_starts_on
    from weekly
    where client_id is null and is_complete_week
    order by week_starts_on desc
    limit 12
)

select
    coalesce(clients.client_name, 'All clients') as client_name,
    upper(left(stages.stage_kind, 1)) || substr(stages.stage_kind, 2) as stage,
    stages.stage_rank,
    {{ metric('median_days_in_stage', 'stages') }} as median_days,
    {{ metric('p90_days_in_stage', 'stages') }} as p90_days
from stages
inner join clients on stages.client_id = clients.client_id
where
    date_trunc('week', stages.entered_on) in (select week_starts_on from weeks)
    and stages.stage_kind <> 'hired'
group by grouping sets ((stage, stages.stage_rank), (stage, stages.stage_rank, clients.client_name))
order by client_name, stages.stage_rank
