-- Of the calls of people that carry a member's login each is one event, and every event is one such call
-- or was stitched from a device.
with

calls as (
    select
        event_id,
        user_id
    from {{ checked_rows(ref('stg_segment__tracks'), of=ref('fct_events')) }}
    where event not in ('application_stage_changed', 'notification_sent')
    union all
    select
        event_id,
        user_id
    from {{ checked_rows(ref('stg_segment__pages'), of=ref('fct_events')) }}
),

logins as (select distinct user_id from {{ ref('int_user_members') }}),

events as (select * from {{ checked_rows(ref('fct_events')) }}),

met as (      -- one row in all, in one pass: ids of events are long
    select
        count(logins.user_id) as named_call_count,
        count(case when logins.user_id is not null then events.event_id end) as named_event_count,
        count(events.event_id) as call_event_count
    from calls
    left join logins on calls.user_id = logins.user_id
    left join events on calls.event_id = events.event_id
),

totals as (
    select
        met.*,
        (select count(*) from events) as event_count
    from met
)

select *
from totals
where named_call_count <> named_event_count or event_count <> call_event_count
