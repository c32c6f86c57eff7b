{{ config(materialized=kept(), incremental_strategy='changed_examples') }}

with

every_example as (select * from {{ ref('ml_match_spine') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

reactions as (select * from {{ ref('ml_match_reactions') }}),

outcomes as (select * from {{ ref('ml_match_outcomes') }}),

tracking_starts as (select * from {{ ref('int_tracking_starts') }}),

spine as (      -- those to be told again; all in a full build
    {{ examples_told('every_example') }}
),

ripening as (      -- one row per example: which of its windows had passed at the cut
    select
        spine.example_id,
        spine.client_id,
        spine.example_kind,
        spine.anchored_at,
        {{ is_24h_ripe('spine.anchored_at', 'tracking_starts.known_from') }} as is_24h_ripe,
        {{ is_ripe('spine.anchored_at', 14) }} as is_14d_ripe,
        {{ is_ripe('spine.anchored_at', 30) }} as is_30d_ripe,
        {{ is_ripe('spine.anchored_at', 90) }} as is_90d_ripe
    from spine
    left join tracking_starts on spine.client_id = tracking_starts.client_id
),

-- What is not ripe is not known: NULL, never false, and never true early either, since that would leave
-- only the fast ones.
labels as (
    select
        ripening.example_id,
        ripening.client_id,
        -- Final when 14 days have passed: what becomes known later shows in the labels alone.
        case
            when not ripening.is_14d_ripe then null
            when
                {{ earlier('reactions.click_24h_known_at', 14, 'day') }} < ripening.anchored_at
                or {{ earlier('reactions.save_14d_known_at', 14, 'day') }} < ripening.anchored_at
                or {{ earlier('outcomes.apply_14d_known_at', 14, 'day') }} < ripening.anchored_at
                then null
            when ripening.example_kind <> 'impression' then ripening.example_kind
            when {{ earlier('reactions.dismissed_14d_known_at', 14, 'day') }} < ripening.anchored_at
                then 'dismissed'
            when
                ripening.is_24h_ripe
                and {{ earlier('reactions.near_click_24h_known_at', 14, 'day') }} < ripening.anchored_at
                then 'shown_not_clicked'
        end as negative_kind,
        case when ripening.is_24h_ripe then reactions.click_24h_known_at is not null end as label_click_24h,
        case when ripening.is_14d_ripe then reactions.save_14d_known_at is not null end as label_save_14d,
        case when ripening.is_14d_ripe then outcomes.apply_14d_known_at is not null end as label_apply_14d,
        case when ripening.is_30d_ripe then outcomes.advance_30d_known_at is not null end
            as label_advance_30d,
        case when ripening.is_90d_ripe then outcomes.hired_90d_known_at is not null end as label_hired_90d,
        case when ripening.is_14d_ripe then coalesce(outcomes.is_apply_attributed, false) end
            as is_apply_attributed,
        case when ripening.is_24h_ripe then reactions.click_24h_known_at end as click_24h_known_at,
        case when ripening.is_14d_ripe then reactions.save_14d_known_at end as save_14d_known_at,
        case when ripening.is_14d_ripe then outcomes.apply_14d_known_at end as apply_14d_known_at,
        case when ripening.is_30d_ripe then outcomes.advance_30d_known_at end as advance_30d_known_at,
        case when ripening.is_90d_ripe then outcomes.hired_90d_known_at end as hired_90d_known_at
    from ripening
    left join reactions on ripening.example_id = reactions.example_id
    left join outcomes on ripening.example_id = outcomes.example_id
)

select * from labels
