with

events as (select * from {{ ref('int_member_events') }}),

starts as (      -- one row per event, marked where a session begins
    select
        *,
        case
            when
                lag(event_at) over member_order is null
                or event_at
                >= lag(event_at) over member_order + interval '{{ var("session_gap_minutes") }} minutes'
                then 1
            else 0
        end as is_start
    from events
    window member_order as (partition by member_id order by event_at, event_id)
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
