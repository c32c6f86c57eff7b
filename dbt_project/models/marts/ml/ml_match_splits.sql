{{ config(materialized=kept(), incremental_strategy='changed_examples') }}

with

every_example as (select * from {{ ref('ml_match_spine') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

activities as (select * from {{ ref('int_match_activities') }}),

spine as (      -- those to be told again; all in a full build
    {{ examples_told('every_example') }}
),

sights as (      -- of everybody: who may not be learned from makes nobody else cold
    select *
    from activities
    where activity = 'impression'
),

lists as (      -- one row per request: all but the opportunity is the same for its examples
    select distinct
        list_id,
        client_id,
        member_id,
        subject_key,
        requested_at
    from spine
),

-- Sights and requests on one line of time; of one moment the request comes first: what became known with
-- it was not known before.
moments_of_members as (
    select
        member_id,
        cast(null as bigint) as list_id,
        1 as is_sight,
        known_at as moment_at
    from sights
    union all
    select
        member_id,
        list_id,
        0 as is_sight,
        requested_at as moment_at
    from lists
),

moments_of_opportunities as (
    select
        opportunity_id,
        cast(null as bigint) as example_id,
        1 as is_sight,
        known_at as moment_at
    from sights
    union all
    select
        opportunity_id,
        example_id,
        0 as is_sight,
        requested_at as moment_at
    from spine
),

members_seen as (      -- the same, with the newest sight that was known before
    select
        list_id,
        moment_at,
        max(case when is_sight = 1 then moment_at end) over (
            partition by member_id
            order by moment_at, is_sight
            rows between unbounded preceding and current row
        ) as last_seen_at
    from moments_of_members
),

opportunities_seen as (
    select
        example_id,
        moment_at,
        max(case when is_sight = 1 then moment_at end) over (
            partition by opportunity_id
            order by moment_at, is_sight
            rows between unbounded preceding and current row
        ) as last_seen_at
    from moments_of_opportunities
),

{%- set is_cold -%}
coalesce(last_seen_at < {{ earlier('moment_at', var('match_horizon_days'), 'day') }}, true)
{%- endset %}

cold_members as (      -- one row per request
    select
        list_id,
        {{ is_cold }} as is_cold
    from members_seen
    where list_id is not null
),

cold_opportunities as (      -- one row per example
    select
        example_id,
        {{ is_cold }} as is_cold
    from opportunities_seen
    where example_id is not null
),

flagged_lists as (
    select
        lists.list_id,
        {{ bucket_of('lists.subject_key', 100) }} as entity_bucket,
        cold_members.is_cold as is_member_cold,
        {{ bucket_of("'client|' || cast(lists.client_id as " ~ type_name('text') ~ ')', 100) }} < 10
            as is_client_holdout,
        cast(lists.requested_at as date) as requested_on
    from lists
    inner join cold_members on lists.list_id = cold_members.list_id
),

splits as (
    select
        spine.example_id,
        spine.client_id,
        flagged_lists.entity_bucket,
        flagged_lists.is_member_cold,
        cold_opportunities.is_cold as is_opportunity_cold,
        flagged_lists.is_client_holdout,
        flagged_lists.requested_on
    from spine
    inner join flagged_lists on spine.list_id = flagged_lists.list_id
    inner join cold_opportunities on spine.example_id = cold_opportunities.example_id
)

select * from splits
