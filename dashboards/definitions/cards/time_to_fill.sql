-- One row per client (and all clients) and closed week: median over the openings of jobs filled in
-- the twelve weeks that end with it.
with

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

clients as (select * from {{ ref('dim_client') }}),

fills as (select * from {{ ref('fct_fills') }}),

weeks as (
    select week_starts_on
    from weekly
    where client_id is null and is_complete_week
    qualify row_number() over (order by week_starts_on) >= 12
),

filled as (
    select clients.client_name, fills.week_starts_on, fills.days_to_fill
    from fills
    inner join clients on fills.client_id = clients.client_id
    where fills.opportunity_kind = 'job'
)

select
    coalesce(filled.client_name, 'All clients') as client_name,
    weeks.week_starts_on,
    {{ metric('median_days_to_fill', 'filled') }} as median_days
from weeks
inner join filled
    on filled.week_starts_on between weeks.week_starts_on - interval 77 days and weeks.week_starts_on
group by grouping sets ((weeks.week_starts_on), (weeks.week_starts_on, filled.client_name))
having count(*) >= 5
order by 1, 2
