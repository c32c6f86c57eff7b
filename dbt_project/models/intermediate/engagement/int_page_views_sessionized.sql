{{ config(materialized='table') }}

with

views as (select * from {{ ref('int_page_views') }}),

starts as (      -- one row per page view, marked where a session begins
    select
        *,
        {{ starts_session('visitor_id, client_id') }} as is_start
    from views
),

sessionized as (
    select
        *,
        {{ session_number('visitor_id, client_id') }} as visit_number
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
