{{ config(materialized='table') }}

with

spine as (select * from {{ ref('int_match_spine') }}),

opportunity_versions as (select * from {{ ref('stg_app__opportunities_history') }}),

job_versions as (select * from {{ ref('stg_app__job_architecture_history') }}),

opportunity_features as (      -- one row per impression whose opportunity was known
    select
        spine.impression_id,
        opportunity_versions.org_unit_id,
        opportunity_versions.location_id,
        opportunity_versions.opportunity_kind,
        job_versions.job_family,
        job_versions.level,
        opportunity_versions.openings,
        opportunity_versions.hours_per_week,
        {{ seconds_between('opportunity_versions.opened_at', 'spine.requested_at') }} / 86400 as age_days
    from spine
    inner join opportunity_versions
        on
            spine.opportunity_id = opportunity_versions.opportunity_id
            and {{ known_before('opportunity_versions', 'spine') }}
            and not opportunity_versions.is_deleted
    left join job_versions
        on
            opportunity_versions.job_architecture_id = job_versions.job_architecture_id
            and {{ known_before('job_versions', 'spine') }}
            and not job_versions.is_deleted
)

select * from opportunity_features
