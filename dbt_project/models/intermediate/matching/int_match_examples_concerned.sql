{{ config(materialized='table') }}
{%- set since = match_set_since() -%}

with

subjects as (select * from {{ ref('int_match_subjects') }}),

tracking_starts as (select * from {{ ref('int_tracking_starts') }}),

gaps as (select * from {{ ref('stg_flux__history_gaps') }}),

applications as (select * from {{ ref('stg_app__applications_history') }}),

steps as (select * from {{ ref('stg_app__application_stage_events_history') }}),

clicks as (select * from {{ ref('stg_segment__recommendation_clicked') }}),

examples as (
    {{ examples_held(since) }}
),

{% for name in [
    'match_impressions', 'match_feedback', 'saved_items', 'applications', 'application_stage_events'
] -%}
new_{{ name }} as (
    {{ versions_of_changed(name, since, ['id']) }}
),

{% endfor -%}
moved_stages as (
    {{ versions_of_changed('stages', since, ['kind']) }}
),

credited as (      -- one row per member and opportunity whose labels may have changed
    select
        member_id,
        opportunity_id
    from new_applications
    union distinct
    select
        member_id,
        opportunity_id
    from new_saved_items
    union distinct
    select
        applications.member_id,
        applications.opportunity_id
    from applications
    inner join new_match_impressions as seen
        on applications.member_id = seen.member_id and applications.opportunity_id = seen.opportunity_id
    union distinct
    select
        applications.member_id,
        applications.opportunity_id
    from applications
    inner join steps on applications.application_id = steps.application_id
    where
        steps.application_stage_event_id in (select moved.id from new_application_stage_events as moved)
        or steps.to_stage_id in (select moved_stages.id from moved_stages)
),

answered as (      -- one row per recommendation of which clicks or feedback came
    select recommendation_id
    from new_match_feedback
    union distinct
    select recommendation_id
    from clicks
    where {{ loaded_after('segment.recommendation_clicked', since, 'loaded_at') }}
),

judged as (      -- examples that no longer say what they should: who left, new gaps, windows that passed
    select
        {{ impression_of('examples.example_id') }} as impression_id,
        examples.member_id,
        examples.opportunity_id,
        examples.recommendation_id,
        coalesce(examples.subject_key <> subjects.subject_key, true) or gaps._epoch is not null as is_wrong,
        {{ is_24h_ripe('examples.anchored_at', 'tracking_starts.known_from') }} as is_24h_ripe,
        {{ is_ripe('examples.anchored_at', 14) }} as is_14d_ripe,
        {{ is_ripe('examples.anchored_at', 30) }} as is_30d_ripe,
        {{ is_ripe('examples.anchored_at', 90) }} as is_90d_ripe,
        examples.label_click_24h is not null as is_24h_told,
        examples.label_save_14d is not null as is_14d_told,
        examples.label_advance_30d is not null as is_30d_told,
        examples.label_hired_90d is not null as is_90d_told
    from examples
    left join subjects
        on
            examples.member_id = subjects.member_id
            and subjects.left_out_reason is null
    left join tracking_starts on examples.client_id = tracking_starts.client_id
    left join gaps
        on
            not examples.is_in_history_gap
            and examples._epoch = gaps._epoch
            and examples._lsn > gaps._from_lsn
            and examples._lsn <= gaps._to_lsn
),

concerned as (      -- one row per impression
    select distinct judged.impression_id
    from judged
    left join credited
        on judged.member_id = credited.member_id and judged.opportunity_id = credited.opportunity_id
    where
        credited.member_id is not null
        or judged.is_wrong
        or judged.recommendation_id in (select answered.recommendation_id from answered)
        or judged.is_24h_ripe <> judged.is_24h_told
        or judged.is_14d_ripe <> judged.is_14d_told
        or judged.is_30d_ripe <> judged.is_30d_told
        or judged.is_90d_ripe <> judged.is_90d_told
)

select * from concerned
