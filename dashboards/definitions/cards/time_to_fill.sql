-- One row per client (and all clients) and closed week: median over the openings of jobs filled in
-- the twelve weeks that end with it.
with

clients as (select * from {{ ref('dim_client') }}),

fills as (select * from {{ ref('fct_fills') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }}),

filled as (
    select clients.client_name, fills.week_starts_on, fills.days_to_fill
    from fills
    inner join clients on fills.client_id = clients.client_id
    where fills.opportunity_kind = 'job'
)

select
    coalesce(filled.client_name, {{ filter('client') }}) as client_name,
    closed_weeks.week_starts_on,
    count(*) as opening_count,
    {{ metric('median_days_to_fill', 'filled') }} as median_days
from closed_weeks
inner join filled
    on
        filled.week_starts_on
        between closed_weeks.week_starts_on - interval 77 days and closed_weeks.week_starts_on
where closed_weeks.week_number >= 12
group by grouping sets (
    (closed_weeks.week_starts_on), (closed_weeks.week_starts_on, filled.client_name)
)
having count(*) >= 5
order by 1, 2
