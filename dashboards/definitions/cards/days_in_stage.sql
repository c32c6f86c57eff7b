-- One row per client (and all clients) and kind of stage: intervals closed in the last twelve
-- weeks.
with

stages as (select * from {{ ref('fct_application_stages') }}),

clients as (select * from {{ ref('dim_client') }}),

newest as (select max(entered_at) as newest_at from stages)

select
    coalesce(clients.client_name, 'All clients') as client_name,
    upper(left(stages.stage_kind, 1)) || substr(stages.stage_kind, 2) as stage,
    stages.stage_rank,
    {{ metric('median_days_in_stage', 'stages') }} as median_days,
    {{ metric('p90_days_in_stage', 'stages') }} as p90_days
from stages
inner join clients on stages.client_id = clients.client_id
inner join newest on stages.left_at > newest.newest_at - interval 84 days
where not stages.is_open and stages.stage_kind <> 'hired'
group by grouping sets ((stage, stages.stage_rank), (stage, stages.stage_rank, clients.client_name))
order by client_name, stages.stage_rank
