with

views as (select * from {{ ref('int_page_views') }}),

starts as (      -- one row per page view, marked where a session begins
    select
        *,
        case
            when event_at < {{ later(
                'lag(event_at) over (partition by visitor_id, client_id order by event_at, event_id)',
                var('session_gap_minutes'), 'minute'
            ) }} then 0
            else 1
        end as is_start
    from views
),

sessionized as (
    select
        *,
        sum(is_start) over (
            partition by visitor_id, client_id
            order by event_at, event_id
            rows between unbounded preceding and current row
        ) as visit_number
    from starts
),

placed as (
    select
        *,
        row_number() over (
            partition by visitor_id, client_id, visit_number
            order by event_at, event_id
        ) as page_number,
        row_number() over (
            partition by visitor_id, client_id, visit_number
            order by event_at desc, event_id desc
        ) as pages_to_go,
        row_number() over (
            partition by visitor_id, client_id, visit_number, user_id is null
            order by event_at desc, event_id desc
        ) as alike_to_go
    from sessionized
),

numbered as (
    select
        *,
        case when user_id is not null then alike_to_go end as known_pages_to_go
    from placed
)

select * from numbered
