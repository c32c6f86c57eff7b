-- One row per client (and all clients) and kind: openings filled in the last twelve closed weeks,
-- five at least.
with

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

clients as (select * from {{ ref('dim_client') }}),

fills as (select * from {{ ref('fct_fills') }}),

weeks as (
    select week_starts_on
    from weekly
    where client_id is null and is_complete_week
    order by week_starts_on desc
    limit 12
)

select
    coalesce(clients.client_name, 'All clients') as client_name,
    replace(upper(left(opportunity_kind, 1)) || substr(opportunity_kind, 2), '_', ' ') as kind,
    count(*) as opening_count,
    {{ metric('median_days_to_fill', 'fills') }} as median_days,
    {{ metric('p90_days_to_fill', 'fills') }} as p90_days
from fills
inner join clients on fills.client_id = clients.client_id
where fills.week_starts_on in (select week_starts_on from weeks)
group by grouping sets ((opportunity_kind), (opportunity_kind, clients.client_name))
having count(*) >= 5
order by client_name, median_days desc
