{%- set feeds = ['app_history.opportunities', 'app_history.locations', 'app_history.job_architecture'] -%}
{{ config(materialized='table', meta={'feeds': feeds}) }}
{%- set since = list_since(feeds) -%}

with

versions as (select * from {{ ref('stg_app__opportunities_history') }}),

opportunity_versions as (
    {{ versions_of_changed('opportunities', since) }}
),

location_versions as (
    {{ versions_of_changed('locations', since, ['country']) }}
),

job_profile_versions as (
    {{ versions_of_changed('job_architecture', since, ['family']) }}
),

concerned as (      -- one row per opportunity and change that concerns it
    select id as opportunity_id
    from opportunity_versions
    union all
    select opportunity_id
    from versions
    where location_id in (select location_versions.id from location_versions)
    union all
    select opportunity_id
    from versions
    where job_architecture_id in (select job_profile_versions.id from job_profile_versions)
),

changed as (
    select distinct opportunity_id
    from concerned
)

select * from changed
