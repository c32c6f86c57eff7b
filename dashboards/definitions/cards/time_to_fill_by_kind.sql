-- One row per client (and all clients) and kind: openings filled in the last twelve closed weeks,
-- five at least.
with

clients as (select * from {{ ref('dim_client') }}),

fills as (select * from {{ ref('fct_fills') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }})

select
    coalesce(clients.client_name, {{ filter('client') }}) as client_name,
    replace(upper(left(opportunity_kind, 1)) || substr(opportunity_kind, 2), '_', ' ') as kind,
    count(*) as opening_count,
    {{ metric('median_days_to_fill', 'fills') }} as median_days,
    {{ metric('p90_days_to_fill', 'fills') }} as p90_days
from fills
inner join clients on fills.client_id = clients.client_id
inner join closed_weeks on fills.week_starts_on = closed_weeks.week_starts_on
where closed_weeks.weeks_ago <= 12
group by grouping sets ((opportunity_kind), (opportunity_kind, clients.client_name))
having count(*) >= 5
order by client_name, median_days desc
