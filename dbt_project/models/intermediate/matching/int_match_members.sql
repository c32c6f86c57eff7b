{{ config(materialized='table') }}

with

lists as (select * from {{ ref('int_match_lists') }}),

member_versions as (select * from {{ ref('stg_app__members_history') }}),

job_versions as (select * from {{ ref('stg_app__job_architecture_history') }}),

versions as {{ not_materialized() }} (
    select
        *,
        is_deleted or deleted_at is not null as is_gone
    from member_versions
),

known as (      -- one row per list; NULLs where the member was not known before it
    {{ pit_join(
        'lists',
        'versions',
        keys=['member_id'],
        columns=[
            'user_id', 'org_unit_id', 'location_id', 'job_architecture_id', 'worker_type', 'open_to', 'level',
            'weekly_capacity_hours', 'profile_completeness', 'hired_on'
        ],
        carried=['list_id', 'client_id', 'member_id', 'is_placeless', 'requested_on', '_position'],
        order='_seq',
        is_deleted='is_gone'
    ) }}
),

members as (
    {{ pit_join(
        'known',
        'job_versions',
        keys=['job_architecture_id'],
        columns=['job_family'],
        carried=[
            'list_id', 'client_id', 'member_id', 'user_id', 'org_unit_id', 'location_id', 'worker_type', 'open_to',
            'level', 'weekly_capacity_hours', 'profile_completeness', 'is_placeless', 'hired_on', 'requested_on',
            '_position'
        ],
        is_deleted='is_deleted',
        strategy=pit_strategy('stg_app__job_architecture_history', ['job_architecture_id'])
    ) }}
)

select * from members
