{%- set feeds = [
    'app_history.applications', 'app_history.application_stage_events', 'app_history.stages',
    'app_history.reject_reasons', 'app_history.opportunities', 'app_history.clients'
] -%}
{{ config(materialized='table', meta={'feeds': feeds}) }}
{%- set since = list_since(feeds) -%}

with

applications as (select * from {{ ref('stg_app__applications') }}),

stage_events as (select * from {{ ref('stg_app__application_stage_events') }}),

application_versions as (
    {{ versions_of_changed('applications', since) }}
),

stage_event_versions as (
    {{ versions_of_changed('application_stage_events', since) }}
),

stage_versions as (
    {{ versions_of_changed('stages', since, ['name', 'kind']) }}
),

reject_reason_versions as (
    {{ versions_of_changed('reject_reasons', since, ['code']) }}
),

opportunity_versions as (
    {{ versions_of_changed('opportunities', since, ['kind']) }}
),

client_versions as (
    {{ versions_of_changed('clients', since, ['settings']) }}
),

concerned as (      -- one row per application and change that concerns it
    select id as application_id
    from application_versions
    union all
    select application_id
    from stage_event_versions
    union all
    select application_id
    from stage_events
    where to_stage_id in (select stage_versions.id from stage_versions)
    union all
    select application_id
    from applications
    where current_stage_id in (select stage_versions.id from stage_versions)
    union all
    select application_id
    from applications
    where reject_reason_id in (select reject_reason_versions.id from reject_reason_versions)
    union all
    select application_id
    from applications
    where opportunity_id in (select opportunity_versions.id from opportunity_versions)
    union all
    select application_id
    from applications
    where client_id in (select client_versions.id from client_versions)
),

changed as (
    select distinct application_id
    from concerned
    where application_id is not null
)

select * from changed
