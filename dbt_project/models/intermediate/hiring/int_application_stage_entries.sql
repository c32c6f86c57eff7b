{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='application_id',
        on_schema_change='fail'
    )
}}

with

every_stage_event as (select * from {{ ref('stg_app__application_stage_events') }}),

applications as (select * from {{ ref('stg_app__applications') }}),

stages as (select * from {{ ref('stg_app__stages') }}),

changed as (select * from {{ ref('int_applications_changed') }}),

stage_events as (      -- those to be told again; all in a full build
    {{ to_be_told('every_stage_event', 'application_id') }}
),

decisions as (      -- one row per living application
    select
        application_id,
        client_id,
        opportunity_id,
        status,
        {{ decided_at() }} as decided_at
    from applications
    where deleted_at is null
),

ordered as (      -- one row per stage event, with the next one of the application
    select
        *,
        row_number() over (
            partition by application_id order by moved_at, application_stage_event_id
        ) as entry_number,
        lead(moved_at) over (
            partition by application_id order by moved_at, application_stage_event_id
        ) as next_moved_at
    from stage_events
),

entries as (      -- one row per application and stage entry; half-open interval
    select
        ordered.application_stage_event_id,
        decisions.client_id,
        decisions.application_id,
        decisions.opportunity_id,
        ordered.to_stage_id as stage_id,
        ordered.from_stage_id,
        stages.stage_name,
        stages.stage_kind,
        {{ stage_rank('stages.stage_kind') }} as stage_rank,
        ordered.entry_number,
        ordered.next_moved_at is null as is_last_entry,
        case
            when ordered.next_moved_at is not null then 'moved'
            when decisions.decided_at is not null then decisions.status
            else 'open'
        end as exit_kind,
        ordered.moved_at as entered_at,
        -- A decision may share its moment with the last entry (hired), never precede it.
        coalesce(
            ordered.next_moved_at,
            case
                when decisions.decided_at is not null
                    then {{ greatest_known('decisions.decided_at', 'ordered.moved_at') }}
            end
        ) as left_at
    from ordered
    inner join decisions on ordered.application_id = decisions.application_id
    left join stages on ordered.to_stage_id = stages.stage_id
)

select * from entries
