{{ config(materialized='table') }}

with

spine as (select * from {{ ref('int_match_spine') }}),

applications as (select * from {{ ref('stg_app__applications') }}),

maturing as (
    select
        *,
        {{ later('shown_at', var('acceptance_window_days'), 'day') }} as label_matures_at
    from spine
),

outcomes as (      -- one row per impression
    select
        maturing.impression_id,
        count(applications.application_id) > 0 as has_applied
    from maturing
    left join applications
        on
            maturing.member_id = applications.member_id
            and maturing.opportunity_id = applications.opportunity_id
            and maturing.shown_at <= applications.applied_at
            and maturing.label_matures_at >= applications.applied_at
    group by maturing.impression_id
),

-- What is not mature is not known: NULL, never false, and never true early either, since that would
-- leave only the fast ones.
labels as (
    select
        maturing.impression_id,
        case when maturing.is_click_mature then maturing.is_clicked end as label_click_24h,
        case when maturing.label_matures_at <= {{ cut_at() }} then outcomes.has_applied end
            as label_apply_14d,
        maturing.requested_at,
        maturing.label_matures_at
    from maturing
    inner join outcomes on maturing.impression_id = outcomes.impression_id
)

select * from labels
