{{ config(materialized=kept(), incremental_strategy='changed_examples') }}

with

every_example as (select * from {{ ref('ml_match_spine') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

lists as (select * from {{ ref('int_match_lists') }}),

activities as (select * from {{ ref('int_match_activities') }}),

spine as (      -- those to be told again; all in a full build
    {{ examples_told('every_example') }}
),

sights as (      -- of everybody: who may not be learned from makes nobody else cold
    select *
    from activities
    where activity = 'impression'
),

member_sights as (
    select *
    from sights
    {{ of_told('member_id', 'lists') }}
),

opportunity_sights as (
    select *
    from sights
    {{ of_told('opportunity_id', 'spine') }}
),

member_spans as (
    {{ warm_spans('member_sights', 'member_id', var('match_horizon_days')) }}
),

opportunity_spans as (
    {{ warm_spans('opportunity_sights', 'opportunity_id', var('match_horizon_days')) }}
),

-- What became known with the request was not known before, so a span begins behind its first sight.
flagged_lists as (      -- one row per request: all but the opportunity is the same for its examples
    select
        lists.list_id,
        {{ bucket_of('lists.subject_key', 100) }} as entity_bucket,
        member_spans.member_id is null as is_member_cold,
        {{ bucket_of("'client|' || cast(lists.client_id as " ~ type_name('text') ~ ')', 100) }} < 10
            as is_client_holdout,
        lists.requested_on
    from lists
    left join member_spans
        on
            lists.member_id = member_spans.member_id
            and lists.requested_at > member_spans.first_seen_at
            and lists.requested_at
            <= {{ later('member_spans.last_seen_at', var('match_horizon_days'), 'day') }}
),

splits as (
    select
        spine.example_id,
        spine.client_id,
        flagged_lists.entity_bucket,
        flagged_lists.is_member_cold,
        opportunity_spans.opportunity_id is null as is_opportunity_cold,
        flagged_lists.is_client_holdout,
        flagged_lists.requested_on
    from spine
    inner join flagged_lists on spine.list_id = flagged_lists.list_id
    left join opportunity_spans
        on
            spine.opportunity_id = opportunity_spans.opportunity_id
            and spine.requested_at > opportunity_spans.first_seen_at
            and spine.requested_at
            <= {{ later('opportunity_spans.last_seen_at', var('match_horizon_days'), 'day') }}
)

select * from splits
