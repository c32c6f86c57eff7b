{{ config(materialized='table') }}

with

impression_versions as (select * from {{ ref('stg_app__match_impressions_history') }}),

recommendation_versions as (select * from {{ ref('stg_app__match_recommendations_history') }}),

requests as (select * from {{ ref('int_match_requests') }}),

opportunity_versions as (select * from {{ ref('stg_app__opportunities_history') }}),

told_recommendations as (      -- of the requests that are told
    {{ versions_told('recommendation_versions', 'recommendation_id', 'request_id', 'requests') }}
),

recommendations as (
    {{ as_first_committed('told_recommendations', 'recommendation_id', 'created_at') }}
),

told_impressions as (
    {{ versions_told('impression_versions', 'impression_id', 'recommendation_id', 'recommendations') }}
),

impressions as (
    {{ as_first_committed('told_impressions', 'impression_id', 'shown_at') }}
),

owners as (
    select
        opportunity_id,
        min(client_id) as client_id
    from opportunity_versions
    group by opportunity_id
),

-- The product has no foreign keys here: what shows another member's recommendation, or another client's
-- opportunity, is nobody's example.
sights as (      -- one row per seen impression of these requests
    select
        impressions.impression_id,
        impressions.recommendation_id,
        requests.request_id,
        requests.client_id,
        impressions.opportunity_id,
        recommendations.rank,
        impressions.position,
        recommendations.score,
        recommendations.propensity,
        recommendations.is_exploration,
        impressions.shown_at,
        impressions.known_at
    from impressions
    inner join recommendations on impressions.recommendation_id = recommendations.recommendation_id
    inner join requests
        on
            recommendations.request_id = requests.request_id
            and impressions.member_id = requests.member_id
            and impressions.client_id = requests.client_id
    left join owners on impressions.opportunity_id = owners.opportunity_id
    where owners.client_id is null or owners.client_id = requests.client_id
)

select * from sights
