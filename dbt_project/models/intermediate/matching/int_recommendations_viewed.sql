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

sights as (
    select
        *,
        shown_at = min(shown_at) over (partition by recommendation_id) as is_first_sight
    from impressions
),

viewed as (      -- one row per recommendation seen at least once
    select
        recommendation_id,
        client_id,
        member_id,
        opportunity_id,
        count(*) as impression_count,
        min(case when is_first_sight then channel end) as first_channel,
        min(case when is_first_sight then position end) as first_position,
        min(shown_at) as first_viewed_at,
        min(clicked_at) as first_clicked_at
    from sights
    group by recommendation_id, client_id, member_id, opportunity_id
)

select * from viewed
