with

step_versions as (select * from {{ ref('stg_app__application_stage_events_history') }}),

stage_versions as (select * from {{ ref('stg_app__stages_history') }}),

steps as (      -- one row per stage event
    {{ as_first_committed('step_versions', 'application_stage_event_id', 'moved_at') }}
),

-- A step may be older than what the log knows of its stage: then the stage's first version tells.
stages as (      -- one row per stage and version
    select
        *,
        row_number() over (partition by stage_id order by _position, _seq) = 1 as is_first
    from stage_versions
),

steps_made as (
    select
        steps.application_stage_event_id,
        steps.client_id,
        steps.application_id,
        stages.stage_kind,
        steps.moved_at,
        steps.known_at
    from steps
    left join stages
        on
            steps.to_stage_id = stages.stage_id
            and (stages.is_first or steps._position >= stages._position)
            and (stages._next_position is null or steps._position < stages._next_position)
)

select * from steps_made
