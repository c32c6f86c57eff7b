-- One row per client (and all clients) and way in: twelve weekly cohorts, the newest of them four
-- weeks old.
with

applications as (select * from {{ ref('fct_applications') }}),

clients as (select * from {{ ref('dim_client') }}),

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

newest as (
    select max(week_starts_on) as week_starts_on
    from weekly
    where client_id is null and is_complete_week
)

select
    coalesce(clients.client_name, 'All clients') as client_name,
    upper(left(applications.source, 1)) || substr(applications.source, 2) as source,
    count(*) as applications,
    case when count(*) >= 5 then avg((applications.furthest_stage_rank >= 3)::integer) end as interview_rate,
    case when count(*) >= 5 then avg((applications.furthest_stage_rank >= 5)::integer) end as offer_rate,
    case when count(*) >= 5 then avg(applications.is_hired::integer) end as hire_rate,
    case when count(*) >= 5 then avg(applications.is_open::integer) end as open_share,
    {{ metric('median_days_to_hire', 'applications') }} as median_days
from applications
inner join clients on applications.client_id = clients.client_id
inner join newest
    on applications.applied_week_starts_on
    between newest.week_starts_on - interval 105 days and newest.week_starts_on - interval 28 days
group by grouping sets ((source), (source, clients.client_name))
order by client_name, applications desc, source
