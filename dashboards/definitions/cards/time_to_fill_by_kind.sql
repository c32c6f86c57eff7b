-- One row per client (and all clients) and kind: opportunities filled in the last twelve closed
-- weeks, five at least.
with

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

clients as (select * from {{ ref('dim_client') }}),

opportunities as (select * from {{ ref('dim_opportunity') }}),

weeks as (
    select week_starts_on
    from weekly
    where client_id is null and is_complete_week
    order by week_starts_on desc
    limit 12
),

filled as (
    select
        clients.client_name,
        replace(
            upper(left(opportunities.opportunity_kind, 1)) || substr(opportunities.opportunity_kind, 2), '_', ' '
        ) as kind,
        date_diff(
            'day',
            timezone(clients.time_zone, opportunities.opened_at)::date,
            timezone(clients.time_zone, opportunities.filled_at)::date
        ) as days_to_fill
    from opportunities
    inner join clients on opportunities.client_id = clients.client_id
    where
        opportunities.is_current
        and opportunities.filled_at >= opportunities.opened_at
        and date_trunc('week', timezone(clients.time_zone, opportunities.filled_at))::date
        in (select week_starts_on from weeks)
)

select
    coalesce(client_name, 'All clients') as client_name,
    kind,
    count(*) as opportunity_count,
    {{ metric('median_days_to_fill') }} as median_days,
    {{ metric('p90_days_to_fill') }} as p90_days
from filled
group by grouping sets ((kind), (kind, client_name))
having count(*) >= 5
order by client_name, median_days desc
