-- One row per client (and all clients) and week.
with

weeks as (select *, k = client_count() as is_all, i % 7 + 1 as few from client_weeks)

select
    case when not is_all then k + 1 end as client_id,
    case when is_all then '(all)' else 'client-' || (k + 1) end as client_slug,
    case when is_all then 'All clients' else 'Client ' || (k + 1) end as client_name,
    60 * few + week_number as application_count,
    6 * few as hire_count,
    2 * few as internal_hire_count,
    3 * few as external_hire_count,
    400 * few as viewed_count,
    case when week_number < week_count() - 2 then 400 * few else 0 end as mature_viewed_count,
    case when week_number < week_count() - 2 then cast(400 * few * (0.02 + 0.02 * noise(i, 100)) as integer) else 0 end as accepted_count,
    300 * few + cast(50 * noise(i, 101) as integer) as active_member_count,
    1000 * few as tracked_member_count,
    1000 * few as member_count,
    20 * few as open_opportunity_count,
    20 + 20 * noise(i, 102) as median_days_to_hire,
    0.4 as internal_fill_rate,
    accepted_count / nullif(mature_viewed_count, 0) as match_acceptance_rate,
    active_member_count / member_count as active_share,
    is_complete_week,
    week_number < week_count() - 2 as is_acceptance_complete,
    week_starts_on
from weeks
