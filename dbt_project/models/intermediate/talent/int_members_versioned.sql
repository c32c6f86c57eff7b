{{ config(materialized='table') }}

with

versions as (select * from {{ ref('stg_app__members_history') }}),

locations as (select * from {{ ref('stg_app__locations') }}),

job_profiles as (select * from {{ ref('stg_app__job_architecture') }}),

living as (      -- one row per member and version that existed for some time
    {{ living_versions('versions') }}
),

versioned as (
    select
        {{ surrogate_key(['living.member_id', 'living._position', 'living._seq']) }} as member_version_id,
        living.client_id,
        living.member_id,
        living.org_unit_id,
        living.manager_id,
        living.job_architecture_id,
        living.location_id,
        living.worker_type,
        living.job_title,
        job_profiles.job_family,
        locations.country,
        living.open_to,
        living.level,
        living.weekly_capacity_hours,
        living.profile_completeness,
        living.terminated_on is null as is_employed,
        living.known_to is null as is_current,
        living.is_left_censored,
        living.hired_on,
        living.terminated_on,
        living.known_from as valid_from,
        living.known_to as valid_to
    from living
    left join locations on living.location_id = locations.location_id
    left join job_profiles on living.job_architecture_id = job_profiles.job_architecture_id
)

select * from versioned
