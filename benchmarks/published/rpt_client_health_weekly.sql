-- One row per client and week.
select
    k + 1 as client_id,
    'client-' || (k + 1) as client_slug,
    'Client ' || (k + 1) as client_name,
    40 + 50 * noise(i, 140) as health_score,
    1 as known_weight,
    40 + 50 * noise(i, 140) as weighted_points,
    noise(i, 141) as active_seat_share,
    100 * noise(i, 141) as active_seat_share_points,
    2 * noise(i, 142) as postings_per_100_members,
    100 * noise(i, 142) as postings_per_100_members_points,
    9 * noise(i, 143) as median_days_to_first_application,
    100 - 100 * noise(i, 143) as median_days_to_first_application_points,
    noise(i, 144) as fill_rate,
    100 * noise(i, 144) as fill_rate_points,
    noise(i, 145) as positive_feedback_share,
    100 * noise(i, 145) as positive_feedback_share_points,
    noise(i, 146) as freshness_share,
    100 * noise(i, 146) as freshness_share_points,
    is_complete_week,
    week_starts_on
from client_weeks
where k < client_count()
