{{ config(materialized='table') }}

with

impressions as (select * from {{ ref('int_impressions_clicked') }}),

recommendations as (select * from {{ ref('stg_app__match_recommendations') }}),

explored as (      -- one row per client and position at which something was placed at random
    select
        impressions.client_id,
        impressions.position,
        count(*) as exploration_impression_count,
        count(case when impressions.is_clicked then 1 end) as exploration_clicked_count
    from impressions
    inner join recommendations on impressions.recommendation_id = recommendations.recommendation_id
    where recommendations.is_exploration and impressions.is_click_mature
    group by impressions.client_id, impressions.position
),

compared as (
    select
        *,
        {{ safe_divide('exploration_clicked_count', 'exploration_impression_count') }}
        / nullif(max(case
            when position = 1
                then {{ safe_divide('exploration_clicked_count', 'exploration_impression_count') }}
        end) over (partition by client_id), 0) as estimated_propensity
    from explored
),

clipped as (
    select
        client_id,
        position,
        exploration_impression_count,
        exploration_clicked_count,
        estimated_propensity,
        {{ least_known(greatest_known('estimated_propensity', var('least_position_propensity')), '1') }}
            as propensity,
        estimated_propensity < {{ var('least_position_propensity') }}
        or estimated_propensity > 1 as is_clipped
    from compared
    where estimated_propensity is not null
),

propensities as (
    select
        *,
        1 / propensity as click_weight
    from clipped
)

select * from propensities
