{{ config(materialized=kept(), incremental_strategy='changed_examples') }}

with

every_example as (select * from {{ ref('ml_match_spine') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

opportunity_versions as (select * from {{ ref('stg_app__opportunities_history') }}),

job_versions as (select * from {{ ref('stg_app__job_architecture_history') }}),

spine as (      -- those to be told again; all in a full build
    {{ examples_told('every_example') }}
),

versions as {{ not_materialized() }} (
    select
        *,
        {{ json_member('attributes', 'remote') }} = 'true' as is_remote,
        is_deleted or deleted_at is not null as is_gone
    from opportunity_versions
),

known as (      -- one row per example; NULLs where the opportunity was not known before it
    {{ pit_join(
        'spine',
        'versions',
        keys=['opportunity_id'],
        columns=[
            'org_unit_id', 'location_id', 'job_architecture_id', 'opportunity_kind', 'status', 'openings',
            'hours_per_week', 'is_remote', 'starts_on', 'opened_at'
        ],
        carried=['example_id', 'client_id', 'requested_on', 'requested_at', '_position'],
        order='_seq',
        is_deleted='is_gone',
        strategy=pit_strategy('stg_app__opportunities_history', ['opportunity_id'])
    ) }}
),

profiled as (
    {{ pit_join(
        'known',
        'job_versions',
        keys=['job_architecture_id'],
        columns=['job_family', 'level'],
        carried=[
            'example_id', 'client_id', 'org_unit_id', 'location_id', 'opportunity_kind', 'status', 'openings',
            'hours_per_week', 'is_remote', 'starts_on', 'opened_at', 'requested_on', 'requested_at'
        ],
        is_deleted='is_deleted',
        strategy=pit_strategy('stg_app__job_architecture_history', ['job_architecture_id'])
    ) }}
),

opportunity_features as (
    select
        example_id,
        client_id,
        org_unit_id,
        location_id,
        opportunity_kind,
        status as opportunity_status,
        job_family as opportunity_job_family,
        level as opportunity_level,
        openings as opportunity_openings,
        cast(hours_per_week as {{ type_name('double precision') }}) as opportunity_hours_per_week,
        {{ rounded_days_between('opened_at', 'requested_at') }} as opportunity_age_days,
        cast({{ days_between('requested_on', 'starts_on') }} as integer) as opportunity_days_to_start,
        case when opportunity_kind is not null then coalesce(is_remote, false) end as is_remote,
        opportunity_kind is not null as is_opportunity_known
    from profiled
)

select * from opportunity_features
