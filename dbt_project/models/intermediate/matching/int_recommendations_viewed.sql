{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='recommendation_id',
        on_schema_change='fail'
    )
}}

with

every_impression as (select * from {{ ref('int_impressions_clicked') }}),

changed as (select * from {{ ref('int_recommendations_changed') }}),

impressions as (      -- those to be told again; all in a full build
    {{ to_be_told('every_impression', 'recommendation_id') }}
),

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
