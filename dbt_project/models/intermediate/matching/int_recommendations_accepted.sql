{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='recommendation_id',
        on_schema_change='fail'
    )
}}

with

every_viewed as (select * from {{ ref('int_recommendations_viewed') }}),

every_impression as (select * from {{ ref('int_impressions_clicked') }}),

applications as (select * from {{ ref('stg_app__applications') }}),

changed as (select * from {{ ref('int_recommendations_changed') }}),

viewed as (      -- those to be told again; all in a full build. Of a pair, all are
    {{ to_be_told('every_viewed', 'recommendation_id') }}
),

impressions as (
    {{ to_be_told('every_impression', 'recommendation_id') }}
),

touches as (      -- one row per recommendation and application that followed its first sight in time
    select
        viewed.recommendation_id,
        applications.application_id,
        applications.applied_at,
        max(impressions.shown_at) as last_seen_at
    from viewed
    inner join applications
        on
            viewed.client_id = applications.client_id
            and viewed.member_id = applications.member_id
            and viewed.opportunity_id = applications.opportunity_id
            and viewed.first_viewed_at <= applications.applied_at
            and {{ later('viewed.first_viewed_at', var('acceptance_window_days'), 'day') }}
            >= applications.applied_at
    inner join impressions
        on
            viewed.recommendation_id = impressions.recommendation_id
            and applications.applied_at >= impressions.shown_at
    where applications.deleted_at is null
    group by viewed.recommendation_id, applications.application_id, applications.applied_at
),

ranked as (
    select
        *,
        row_number() over (
            partition by application_id order by last_seen_at desc, recommendation_id desc
        ) as recency
    from touches
),

accepted as (      -- one row per recommendation that led to an application
    select
        recommendation_id,
        min(applied_at) as accepted_at,
        min(case when recency = 1 then application_id end) as application_id,
        {{ any_of('recency = 1') }} as is_last_touch
    from ranked
    group by recommendation_id
)

select * from accepted
