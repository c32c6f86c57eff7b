{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='recommendation_id',
        on_schema_change='fail',
        pre_hook="{{ clicks_mature() }}"
    )
}}

with

every_impression as (select * from {{ ref('stg_app__match_impressions') }}),

clicks as (select * from {{ ref('stg_segment__recommendation_clicked') }}),

tracking_starts as (select * from {{ ref('int_tracking_starts') }}),

changed as (select * from {{ ref('int_recommendations_changed') }}),

impressions as (      -- those to be told again; all in a full build
    {{ to_be_told('every_impression', 'recommendation_id') }}
),

credited as (      -- one row per click that follows a sight in time, with the newest impression before it
    select
        clicks.event_id,
        clicks.event_at as clicked_at,
        impressions.impression_id,
        row_number() over (
            partition by clicks.event_id
            order by impressions.shown_at desc, impressions.impression_id desc
        ) as newness
    from clicks
    inner join impressions
        on
            clicks.recommendation_id = impressions.recommendation_id
            and clicks.client_id = impressions.client_id
            and clicks.event_at >= impressions.shown_at
            and clicks.event_at
            <= {{ later('impressions.shown_at', var('click_window_hours'), 'hour') }}
),

first_clicks as (      -- one row per clicked impression
    select
        impression_id,
        min(clicked_at) as clicked_at
    from credited
    where newness = 1
    group by impression_id
),

impressions_clicked as (
    select
        impressions.impression_id,
        impressions.recommendation_id,
        impressions.client_id,
        impressions.member_id,
        impressions.opportunity_id,
        impressions.channel,
        impressions.position,
        impressions.viewport_ms,
        impressions.shown_at,
        first_clicks.clicked_at,
        first_clicks.clicked_at is not null as is_clicked,
        {{ is_click_mature('impressions.shown_at', 'tracking_starts.tracked_from') }} as is_click_mature
    from impressions
    left join first_clicks on impressions.impression_id = first_clicks.impression_id
    left join tracking_starts on impressions.client_id = tracking_starts.client_id
)

select * from impressions_clicked
