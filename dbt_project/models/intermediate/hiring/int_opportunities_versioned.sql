{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='opportunity_id',
        on_schema_change='fail'
    )
}}

with

every_version as (select * from {{ ref('stg_app__opportunities_history') }}),

locations as (select * from {{ ref('stg_app__locations') }}),

job_profiles as (select * from {{ ref('stg_app__job_architecture') }}),

changed as (select * from {{ ref('int_opportunities_changed') }}),

versions as (      -- those to be told again; all in a full build
    {{ to_be_told('every_version', 'opportunity_id') }}
),

living as (      -- one row per opportunity and version that existed for some time
    {{ living_versions('versions', key='opportunity_id') }}
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
