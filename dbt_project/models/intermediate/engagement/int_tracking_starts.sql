{{ config(materialized='table') }}

with

pages as (select * from {{ ref('stg_segment__pages') }}),

viewed_events as (select * from {{ ref('stg_segment__recommendation_viewed') }}),

clicked_events as (select * from {{ ref('stg_segment__recommendation_clicked') }}),

web_events as (
    select
        pages.client_id,
        pages.event_at,
        {{ event_known_at('pages') }} as known_at
    from pages
    union all
    select
        viewed_events.client_id,
        viewed_events.event_at,
        {{ event_known_at('viewed_events') }} as known_at
    from viewed_events
    union all
    select
        clicked_events.client_id,
        clicked_events.event_at,
        {{ event_known_at('clicked_events') }} as known_at
    from clicked_events
),

starts as (      -- one row per client whose web events are collected
    select
        client_id,
        min(event_at) as tracked_from,
        min(known_at) as known_from
    from web_events
    where client_id is not null
    group by client_id
)

select * from starts
