-- One row per client (and all clients), week and kind of opportunity (and all kinds).
with

cells as (
    select
        i,
        k,
        k = client_count() as is_all,
        week_starts_on,
        is_complete_week,
        kind,
        1 + cast(floor(8 * noise(i, 110)) as integer) as filled
    from client_weeks
    cross join (select unnest(['(all)', 'job', 'gig', 'project', 'mentorship', 'stretch_role']) as kind)
)

select
    case when not is_all then k + 1 end as client_id,
    case when is_all then '(all)' else 'client-' || (k + 1) end as client_slug,
    case when is_all then 'All clients' else 'Client ' || (k + 1) end as client_name,
    kind as opportunity_kind,
    filled as opportunity_count,
    cast(filled > 4 as integer) as held_opening_count,
    cast(filled > 6 as integer) as reopened_opening_count,
    filled + 1 as opening_count,
    cast((filled + 1) * (24 + round(40 * noise(i, 111))) as integer) as days_to_fill_sum,
    20 + round(40 * noise(i, 111)) as median_days_to_fill,
    median_days_to_fill + 25 as p90_days_to_fill,
    median_days_to_fill + 4 as mean_days_to_fill,
    median_days_to_fill - 0.5 as median_unheld_days_to_fill,
    is_complete_week,
    week_starts_on
from cells
