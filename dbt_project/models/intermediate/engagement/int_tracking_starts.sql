{{ config(materialized='table') }}

with

pages as (select * from {{ ref('stg_segment__pages') }}),

viewed_events as (select * from {{ ref('stg_segment__recommendation_viewed') }}),

clicked_events as (select * from {{ ref('stg_segment__recommendation_clicked') }}),

web_events as (
    select
        client_id,
        event_at
    from pages
    union all
    select
        client_id,
        event_at
    from viewed_events
    union all
    select
        client_id,
        event_at
    from clicked_events
),

starts as (      -- one row per client whose web events are collected
    select
        client_id,
        min(event_at) as tracked_from
    from web_events
    where client_id is not null
    group by client_id
)

select * from starts
