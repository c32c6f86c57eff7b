with

events as (select * from {{ ref('int_member_events') }}),

starts as (      -- one row per event, marked where a session begins
    select
        *,
        {{ starts_session('member_id') }} as is_start
    from events
),

sessionized as (
    select
        *,
        {{ session_number('member_id') }} as session_number
    from starts
)

select * from sessionized
