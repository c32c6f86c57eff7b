-- One row per client (and all clients) and closed week, after the week in which the first events
-- came.
with

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

tracked as (select min(week_starts_on) as first_week from weekly where active_member_count > 0)

select
    weekly.client_name,
    weekly.week_starts_on,
    {{ metric('active_share', 'weekly') }} as active_share
from weekly
inner join tracked on weekly.week_starts_on > tracked.first_week
where weekly.is_complete_week
order by weekly.client_name, weekly.week_starts_on
