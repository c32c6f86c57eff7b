{%- set feeds = [
    'app_history.match_recommendations', 'app_history.recommendation_requests',
    'app_history.opportunity_skills', 'app_history.clients'
] -%}
{{ config(materialized='table', meta={'feeds': feeds}) }}
{%- set since = list_since(feeds) -%}

with

recommendations as (select * from {{ ref('stg_app__match_recommendations') }}),

requests as (select * from {{ ref('stg_app__recommendation_requests') }}),

skill_versions as (select * from {{ ref('stg_app__opportunity_skills_history') }}),

recommendation_versions as (
    {{ versions_of_changed('match_recommendations', since) }}
),

request_versions as (
    {{ versions_of_changed('recommendation_requests', since) }}
),

client_versions as (
    {{ versions_of_changed('clients', since, ['settings']) }}
),

asked as (      -- one row per opportunity of which a skill changed
    select distinct opportunity_id
    from skill_versions
    where {{ loaded_after('app_history.opportunity_skills', since) }}
),

concerned as (      -- one row per list and change that concerns it
    select request_id
    from recommendation_versions
    union all
    select id as request_id
    from request_versions
    union all
    select request_id
    from recommendations
    where opportunity_id in (select asked.opportunity_id from asked)
    union all
    select request_id
    from requests
    where client_id in (select client_versions.id from client_versions)
    union all
    select request_id
    from recommendations
    where client_id in (select client_versions.id from client_versions)
),

changed as (
    select distinct request_id
    from concerned
    where request_id is not null
)

select * from changed
