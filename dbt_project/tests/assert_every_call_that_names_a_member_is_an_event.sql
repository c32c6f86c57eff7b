-- Of the calls of people that carry a member's login each is one event, and every event is one such call
-- or was stitched from a device.
with

calls as (
    select
        event_id,
        user_id
    from {{ ref('stg_segment__tracks') }}
    where event not in ('application_stage_changed', 'notification_sent')
    union all
    select
        event_id,
        user_id
    from {{ ref('stg_segment__pages') }}
),

logins as (select distinct user_id from {{ ref('int_user_members') }}),

named_calls as (
    select calls.event_id
    from calls
    inner join logins on calls.user_id = logins.user_id
),

events as (select * from {{ ref('fct_events') }}),

totals as (
    select
        (select count(*) from named_calls) as named_call_count,
        (
            select count(*)
            from events
            inner join named_calls on events.event_id = named_calls.event_id
        ) as named_event_count,
        (select count(*) from events) as event_count,
        (select count(*) from events inner join calls on events.event_id = calls.event_id) as call_event_count
)

select *
from totals
where named_call_count <> named_event_count or event_count <> call_event_count
