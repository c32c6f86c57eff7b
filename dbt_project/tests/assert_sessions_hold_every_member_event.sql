-- Events of members are in one session each, and qualifying ones in one member-day each.
with

totals as (
    select
        (select count(*) from {{ ref('fct_events') }}) as event_count,
        (select sum(event_count) from {{ ref('fct_sessions') }}) as session_event_count,
        (select sum(qualifying_event_count) from {{ ref('fct_sessions') }}) as qualifying_count,
        (select sum(event_count) from {{ ref('fct_member_day') }}) as day_event_count
)

select *
from totals
where
    event_count <> coalesce(session_event_count, 0)
    or coalesce(qualifying_count, 0) <> coalesce(day_event_count, 0)
