-- One row per closed week over all clients, after the week in which the first events came.
with

weekly as (select * from {{ ref('rpt_impression_reconciliation_weekly') }}),

tracked as (select min(week_starts_on) as first_week from weekly where viewed_event_count > 0)

select
    weekly.week_starts_on,
    {{ metric_of_sums('event_share', 'weekly') }} as event_share
from weekly
inner join tracked on weekly.week_starts_on > tracked.first_week
group by weekly.week_starts_on
having bool_and(weekly.is_complete_week) and sum(weekly.impression_count) > 0
order by weekly.week_starts_on
