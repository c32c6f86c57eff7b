{{ config(materialized=kept(), incremental_strategy='changed_examples') }}

with

lists as (select * from {{ ref('int_match_lists') }}),

sights as (select * from {{ ref('int_match_sights') }}),

every_negative as (select * from {{ ref('ml_match_negatives') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

negatives as (      -- those to be told again; all in a full build
    {{ examples_told('every_negative') }}
),

examples as (
    select
        sights.impression_id * 64 as example_id,
        'impression' as example_kind,
        cast(null as {{ type_name('double precision') }}) as sampling_probability,
        lists.list_id,
        sights.opportunity_id,
        sights.recommendation_id,
        sights.rank,
        sights.position,
        sights.score,
        sights.propensity,
        sights.is_exploration,
        sights.shown_at,
        sights.known_at
    from sights
    inner join lists on sights.request_id = lists.request_id
    union all
    select
        example_id,
        example_kind,
        sampling_probability,
        list_id,
        opportunity_id,
        null as recommendation_id,
        null as rank,
        null as position,
        null as score,
        null as propensity,
        null as is_exploration,
        null as shown_at,
        null as known_at
    from negatives
),

spine as (
    select
        examples.example_id,
        lists.client_id,
        lists.member_id,
        examples.opportunity_id,
        examples.recommendation_id,
        cast(lists.request_id as {{ type_name('text') }}) as request_id,
        lists.list_id,
        lists.model_version_id,
        lists.subject_key,
        examples.example_kind,
        lists.model_version,
        lists.channel,
        lists.surface,
        examples.rank,
        examples.position,
        lists.candidate_count,
        examples.score,
        examples.propensity,
        examples.sampling_probability,
        examples.is_exploration,
        lists.is_before_log,
        lists.is_in_history_gap,
        lists.requested_on,
        lists.requested_at,
        examples.shown_at,
        coalesce(examples.shown_at, lists.requested_at) as anchored_at,
        coalesce(examples.known_at, lists.known_at) as known_at,
        lists._epoch,
        lists._lsn,
        lists._position
    from examples
    inner join lists on examples.list_id = lists.list_id
)

select * from spine
