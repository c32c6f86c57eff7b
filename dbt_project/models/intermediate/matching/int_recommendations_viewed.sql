{{ config(materialized='table') }}

with

impressions as (select * from {{ ref('int_impressions_clicked') }}),

viewed as (      -- one row per recommendation seen at least once
    select
        recommendation_id,
        client_id,
        member_id,
        opportunity_id,
        count(*) as impression_count,
        min(position) as first_position,
        min(shown_at) as first_viewed_at,
        min(clicked_at) as first_clicked_at
    from impressions
    group by recommendation_id, client_id, member_id, opportunity_id
)

select * from viewed
