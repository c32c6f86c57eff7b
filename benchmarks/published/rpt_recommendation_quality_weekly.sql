-- One row per client, week, model version, channel and position; two versions run at a time.
with

cells as (
    select
        i,
        k,
        week_starts_on,
        is_complete_week,
        1 + greatest(week_number // (week_count() // 8) - arm, 0) as v,
        channel,
        position,
        20 + cast(floor(60 * noise(i, 120 + position)) as integer) as seen
    from client_weeks
    cross join range(0, 2) as arms (arm)
    cross join (select unnest(['homepage', 'search', 'email_digest', 'similar', 'manager_suggested']) as channel)
    cross join range(1, 11) as positions (position)
    where k < client_count() and week_number // (week_count() // 8) >= arm
)

select
    k + 1 as client_id,
    'client-' || (k + 1) as client_slug,
    'Client ' || (k + 1) as client_name,
    v as model_version_id,
    'match ' || v || '.0' as model_label,
    channel,
    position,
    seen as viewed_count,
    2 * seen as impression_count,
    cast(seen * (0.5 + 0.05 * v) / position as integer) as clicked_impression_count,
    cast(seen / 5 as integer) as exploration_impression_count,
    cast(seen / 20 as integer) as exploration_clicked_count,
    seen as mature_viewed_count,
    cast(seen * 0.1 / position as integer) as accepted_count,
    cast(seen * 0.12 / position as integer) as accepted_any_touch_count,
    clicked_impression_count / impression_count as click_through_rate,
    accepted_count / mature_viewed_count as match_acceptance_rate,
    accepted_any_touch_count / mature_viewed_count as match_acceptance_any_touch_rate,
    is_complete_week,
    week_starts_on
from cells
