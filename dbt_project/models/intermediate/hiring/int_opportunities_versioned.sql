{{ config(materialized='table') }}

with

versions as (select * from {{ ref('stg_app__opportunities_history') }}),

locations as (select * from {{ ref('stg_app__locations') }}),

job_profiles as (select * from {{ ref('stg_app__job_architecture') }}),

known as (      -- one row per version that tells of its opportunity, with the time in which it held
    select
        *,
        case
            when is_left_censored then {{ least_known('created_at', 'valid_from') }}
            else valid_from
        end as known_from,
        -- A soft deletion ends it, also one that the first copy found.
        {{ least_known('deleted_at', 'valid_to') }} as known_to
    from versions
    where not is_deleted
),

living as (      -- one row per opportunity and version that existed for some time
    select *
    from known
    where known_to is null or known_to > known_from
),

versioned as (
    select
        {{ surrogate_key(['living.opportunity_id', 'living._position', 'living._seq']) }}
            as opportunity_version_id,
        living.client_id,
        living.opportunity_id,
        living.org_unit_id,
        living.location_id,
        living.job_architecture_id,
        living.hiring_manager_id,
        living.opportunity_kind,
        living.status,
        living.title,
        job_profiles.job_family,
        locations.country,
        living.close_reason,
        living.openings,
        living.hours_per_week,
        living.status = 'open' as is_open,
        living.known_to is null as is_current,
        living.is_left_censored,
        living.starts_on,
        living.ends_on,
        living.approved_at,
        living.opened_at,
        living.filled_at,
        living.closed_at,
        living.known_from as valid_from,
        living.known_to as valid_to
    from living
    left join locations on living.location_id = locations.location_id
    left join job_profiles on living.job_architecture_id = job_profiles.job_architecture_id
)

select * from versioned
