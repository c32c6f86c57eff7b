-- The events of all member-days are the qualifying events, day by day and client by client.
with

events as (
    select
        client_id,
        event_on,
        count(*) as event_count
    from {{ ref('fct_events') }}
    where is_qualifying
    group by client_id, event_on
),

member_days as (
    select
        client_id,
        active_on,
        sum(event_count) as event_count
    from {{ ref('fct_member_day') }}
    group by client_id, active_on
)

select
    events.client_id,
    events.event_on
from events
full outer join member_days
    on
        events.client_id = member_days.client_id
        and events.event_on = member_days.active_on
where coalesce(events.event_count, 0) <> coalesce(member_days.event_count, 0)
