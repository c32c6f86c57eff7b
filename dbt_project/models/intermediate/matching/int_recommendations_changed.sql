{%- set feeds = [
    'app_history.match_recommendations', 'app_history.match_impressions', 'app_history.match_feedback',
    'app_history.recommendation_requests', 'app_history.applications', 'app_history.clients',
    'segment.recommendation_clicked'
] -%}
{{ config(materialized='table', meta={'feeds': feeds}) }}
{%- set since = list_since(feeds) -%}

with

recommendations as (select * from {{ ref('stg_app__match_recommendations') }}),

impressions as (select * from {{ ref('stg_app__match_impressions') }}),

clicks as (select * from {{ ref('stg_segment__recommendation_clicked') }}),

recommendation_versions as (
    {{ versions_of_changed('match_recommendations', since) }}
),

impression_versions as (
    {{ versions_of_changed('match_impressions', since) }}
),

feedback_versions as (
    {{ versions_of_changed('match_feedback', since) }}
),

request_versions as (
    {{ versions_of_changed('recommendation_requests', since) }}
),

application_versions as (
    {{ versions_of_changed(
        'applications', since, ['client_id', 'member_id', 'opportunity_id', 'applied_at', 'deleted_at']
    ) }}
),

client_versions as (
    {{ versions_of_changed('clients', since, ['settings']) }}
),

concerned as (      -- one row per recommendation and change that concerns it
    select id as recommendation_id
    from recommendation_versions
    union all
    select recommendation_id
    from impression_versions
    union all
    select recommendation_id
    from feedback_versions
    union all
    select recommendation_id
    from clicks
    where {{ loaded_after('segment.recommendation_clicked', since, 'loaded_at') }}
    union all
    select recommendation_id
    from recommendations
    where request_id in (select request_versions.id from request_versions)
    union all
    select recommendation_id
    from recommendations
    where client_id in (select client_versions.id from client_versions)
    union all
    select recommendation_id
    from impressions
    where client_id in (select client_versions.id from client_versions)
),

-- Which recommendation an application is credited to depends on all that the member saw of the opportunity.
pairs as (      -- one row per member and opportunity
    select
        member_id,
        opportunity_id
    from impression_versions
    union distinct
    select
        member_id,
        opportunity_id
    from application_versions
    union distinct
    select
        impressions.member_id,
        impressions.opportunity_id
    from impressions
    where impressions.recommendation_id in (select concerned.recommendation_id from concerned)
),

changed as (
    select recommendation_id
    from concerned
    where recommendation_id is not null
    union distinct
    select impressions.recommendation_id
    from impressions
    inner join pairs
        on
            impressions.member_id = pairs.member_id
            and impressions.opportunity_id = pairs.opportunity_id
)

select * from changed
