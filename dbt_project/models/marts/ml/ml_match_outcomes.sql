{{ config(materialized=kept(), incremental_strategy='changed_examples') }}

with

spine as (select * from {{ ref('ml_match_spine') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

every_application as (select * from {{ ref('int_applications_made') }}),

steps as (select * from {{ ref('int_application_steps_made') }}),

told as (      -- examples to be told again; all in a full build
    {{ examples_told('spine') }}
),

pairs as (
    select distinct
        member_id,
        opportunity_id
    from told
),

applications as (      -- those of their pairs: all sights of a pair decide to which one it is credited
    select every_application.*
    from every_application
    {% if is_incremental() %}
    inner join pairs
        on
            every_application.member_id = pairs.member_id
            and every_application.opportunity_id = pairs.opportunity_id
    {% endif %}
),

-- An application is credited to the sight with which it was first known, of several to the newest; what
-- was never seen gets none.
touches as (      -- one row per example and application in the 14 days after it
    select
        spine.example_id,
        spine.client_id,
        spine.example_kind,
        spine.anchored_at,
        applications.application_id,
        applications.known_at,
        row_number() over (
            partition by spine.example_id order by applications.known_at, applications.application_id
        ) as turn,
        row_number() over (
            partition by applications.application_id, spine.example_kind = 'impression'
            order by
                {{ greatest_known('spine.known_at', 'applications.known_at') }},
                spine.anchored_at desc,
                spine.example_id desc
        ) as place
    from spine
    inner join applications
        on
            spine.client_id = applications.client_id
            and spine.member_id = applications.member_id
            and spine.opportunity_id = applications.opportunity_id
            and spine.anchored_at <= applications.applied_at
            and spine.anchored_at >= {{ earlier('applications.applied_at', 14, 'day') }}
),

advances as (      -- one row per touch and step beyond the first stage
    select
        touches.example_id,
        touches.anchored_at,
        steps.stage_kind,
        steps.moved_at,
        {{ greatest_known('touches.known_at', 'steps.known_at') }} as known_at
    from touches
    inner join steps
        on
            touches.application_id = steps.application_id
            and touches.client_id = steps.client_id
            and touches.anchored_at <= steps.moved_at
    where steps.stage_kind <> 'applied'
),

advanced as (      -- one row per example with such a step
    select
        example_id,
        min(case when {{ later('anchored_at', 30, 'day') }} >= moved_at then known_at end)
            as advance_30d_known_at,
        min(
            case
                when stage_kind = 'hired' and {{ later('anchored_at', 90, 'day') }} >= moved_at
                    then known_at
            end
        ) as hired_90d_known_at
    from advances
    group by example_id
),

applied as (      -- one row per example with an application
    select
        example_id,
        client_id,
        {{ any_of("turn = 1 and place = 1 and example_kind = 'impression'") }} as is_apply_attributed,
        min(known_at) as apply_14d_known_at
    from touches
    group by example_id, client_id
),

outcomes as (
    select
        applied.example_id,
        applied.client_id,
        applied.is_apply_attributed,
        applied.apply_14d_known_at,
        advanced.advance_30d_known_at,
        advanced.hired_90d_known_at
    from applied
    left join advanced on applied.example_id = advanced.example_id
    {%- if is_incremental() %}
    where applied.example_id in (select told.example_id from told)
    {%- endif %}
)

select * from outcomes
