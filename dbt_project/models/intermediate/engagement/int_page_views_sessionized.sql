{{ config(materialized='table') }}

with

views as (select * from {{ ref('int_page_views') }}),

-- Without the page's own columns: each window sorts all that it carries.
starts as (      -- one row per page view, marked where a session begins
    select
        event_id,
        visitor_id,
        client_id,
        user_id,
        event_at,
        {{ starts_session('visitor_id, client_id') }} as is_start
    from views
),

sessionized as (      -- the same, with the number of the visit and marked where one ends
    select
        *,
        {{ session_number('visitor_id, client_id') }} as visit_number,
        coalesce(
            lead(is_start) over (partition by visitor_id, client_id order by event_at, event_id), 1
        ) as is_end
    from starts
),

placed as (
    select
        *,
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
