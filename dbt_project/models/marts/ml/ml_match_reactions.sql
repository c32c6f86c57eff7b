{%- set waved_away = "('dismiss', 'not_interested', 'thumbs_down')" -%}
{{ config(materialized=kept(), incremental_strategy='changed_examples') }}

with

every_example as (select * from {{ ref('ml_match_spine') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

events as (select * from {{ ref('stg_segment__recommendation_clicked') }}),

saved_versions as (select * from {{ ref('stg_app__saved_items_history') }}),

feedback_versions as (select * from {{ ref('stg_app__match_feedback_history') }}),

spine as (      -- those to be told again; all in a full build
    {{ examples_told('every_example') }}
),

clicks as (
    select
        events.event_id,
        events.client_id,
        events.recommendation_id,
        events.event_at,
        {{ event_known_at('events') }} as known_at
    from events
),

saves as (
    {{ as_first_committed('saved_versions', 'saved_item_id', 'saved_at') }}
),

feedback as (
    {{ as_first_committed('feedback_versions', 'feedback_id', 'created_at') }}
),

-- A click goes to the sight with which it was first known, of several to the newest: what comes later
-- takes none away.
candidates as (      -- one row per click and sight in the 24 hours before it
    select
        spine.example_id,
        spine.client_id,
        spine.request_id,
        spine.position,
        clicks.event_at,
        clicks.known_at,
        row_number() over (
            partition by clicks.event_id
            order by
                {{ greatest_known('spine.known_at', 'clicks.known_at') }},
                spine.shown_at desc,
                spine.example_id desc
        ) as place
    from spine
    inner join clicks
        on
            spine.recommendation_id = clicks.recommendation_id
            and spine.client_id = clicks.client_id
            and spine.shown_at <= clicks.event_at
            and spine.shown_at >= {{ earlier('clicks.event_at', 24, 'hour') }}
),

credited as (
    select *
    from candidates
    where place = 1
),

facts as (      -- one row per example and fact
    select
        example_id,
        client_id,
        'click' as fact,
        known_at
    from credited
    union all
    select
        spine.example_id,
        spine.client_id,
        'near_click' as fact,
        credited.known_at
    from spine
    inner join credited
        on
            spine.request_id = credited.request_id
            and spine.client_id = credited.client_id
            and spine.position <= credited.position + 2
            and spine.anchored_at >= {{ earlier('credited.event_at', 24, 'hour') }}
    where spine.example_kind = 'impression'
    union all
    select
        spine.example_id,
        spine.client_id,
        'save' as fact,
        saves.known_at
    from spine
    inner join saves
        on
            spine.client_id = saves.client_id
            and spine.member_id = saves.member_id
            and spine.opportunity_id = saves.opportunity_id
            and spine.anchored_at <= saves.saved_at
            and spine.anchored_at >= {{ earlier('saves.saved_at', 14, 'day') }}
    union all
    select
        spine.example_id,
        spine.client_id,
        'dismissal' as fact,
        feedback.known_at
    from spine
    inner join feedback
        on
            spine.recommendation_id = feedback.recommendation_id
            and spine.client_id = feedback.client_id
            and spine.anchored_at <= feedback.created_at
            and spine.anchored_at >= {{ earlier('feedback.created_at', 14, 'day') }}
    where feedback.feedback_kind in {{ waved_away }}
),

reactions as (
    select
        example_id,
        client_id,
        min(case when fact = 'click' then known_at end) as click_24h_known_at,
        min(case when fact = 'near_click' then known_at end) as near_click_24h_known_at,
        min(case when fact = 'save' then known_at end) as save_14d_known_at,
        min(case when fact = 'dismissal' then known_at end) as dismissed_14d_known_at
    from facts
    group by example_id, client_id
)

select * from reactions
