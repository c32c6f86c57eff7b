-- One row per client (and all clients) and closed week: applications by way in.
with

clients as (select * from {{ ref('dim_client') }}),

applications as (select * from {{ ref('fct_applications') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }})

select
    coalesce(clients.client_name, {{ filter('client') }}) as client_name,
    applications.applied_week_starts_on as week_starts_on,
    count(*) filter (where applications.source = 'recommended') as recommended,
    count(*) filter (where applications.is_internal and applications.source <> 'recommended')
        as other_internal,
    count(*) filter (where not applications.is_internal) as external
from applications
inner join clients on applications.client_id = clients.client_id
inner join closed_weeks on applications.applied_week_starts_on = closed_weeks.week_starts_on
group by grouping sets (
    (applications.applied_week_starts_on), (applications.applied_week_starts_on, clients.client_name)
)
order by 1, 2
