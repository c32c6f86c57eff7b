{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='application_id',
        on_schema_change='fail'
    )
}}

with

every_entry as (select * from {{ ref('int_application_stage_entries') }}),

changed as (select * from {{ ref('int_applications_changed') }}),

entries as (      -- those to be told again; all in a full build
    {{ to_be_told('every_entry', 'application_id') }}
),

milestones as (      -- one row per application with at least one stage entry
    select
        application_id,
        count(*) as stage_entry_count,
        max(stage_rank) as furthest_stage_rank,
        min(case when stage_kind = 'screen' then entered_at end) as screened_at,
        min(case when stage_kind = 'interview' then entered_at end) as interviewed_at,
        min(case when stage_kind = 'assessment' then entered_at end) as assessed_at,
        min(case when stage_kind = 'offer' then entered_at end) as offered_at
    from entries
    group by application_id
)

select * from milestones
