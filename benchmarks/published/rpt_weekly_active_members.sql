-- One row per client and week.
select
    k + 1 as client_id,
    'client-' || (k + 1) as client_slug,
    'Client ' || (k + 1) as client_name,
    2000 + cast(500 * noise(i, 130) as integer) as active_member_count,
    4000 + cast(900 * noise(i, 131) as integer) as active_28d_count,
    cast(80 * noise(i, 132) as integer) as new_active_count,
    2 * active_member_count as active_day_count,
    3 * active_28d_count as active_28d_day_count,
    8000 as member_count,
    10000 as licensed_seats,
    active_member_count / member_count as active_share,
    active_28d_day_count / (28 * active_28d_count) as stickiness,
    is_complete_week,
    week_starts_on
from client_weeks
where k < client_count()
