with

events as (select * from {{ ref('int_member_events') }}),

starts as (      -- one row per event, marked where a session begins
    select
        *,
        case
            when event_at < {{ later(
                'lag(event_at) over (partition by member_id order by event_at, event_id)',
                var('session_gap_minutes'), 'minute'
            ) }} then 0
            else 1
        end as is_start
    from events
),

sessionized as (
    select
        *,
        sum(is_start) over (
            partition by member_id
            order by event_at, event_id
            rows between unbounded preceding and current row
        ) as session_number
    from starts
)

select * from sessionized
