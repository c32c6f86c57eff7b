with

recommendations as (select * from {{ ref('fct_recommendations') }}),

impressions as (select * from {{ ref('fct_impressions') }}),

model_versions as (select * from {{ ref('dim_model_version') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

sights as (      -- one row per recommendation seen
    select
        recommendation_id,
        min(position) as position,
        count(case when is_click_mature then 1 end) as impression_count,
        count(case when is_click_mature and is_clicked then 1 end) as clicked_impression_count,
        count(case when is_click_mature and is_exploration then 1 end) as exploration_impression_count,
        count(case when is_click_mature and is_exploration and is_clicked then 1 end)
            as exploration_clicked_count
    from impressions
    group by recommendation_id
),

counted as (
    select
        recommendations.client_id,
        recommendations.viewed_week_starts_on as week_starts_on,
        recommendations.model_version_id,
        recommendations.channel,
        sights.position,
        count(*) as viewed_count,
        sum(sights.impression_count) as impression_count,
        sum(sights.clicked_impression_count) as clicked_impression_count,
        sum(sights.exploration_impression_count) as exploration_impression_count,
        sum(sights.exploration_clicked_count) as exploration_clicked_count,
        count(case when recommendations.is_acceptance_mature then 1 end) as mature_viewed_count,
        count(case when recommendations.is_acceptance_mature and recommendations.is_accepted then 1 end)
            as accepted_count,
        count(case
            when recommendations.is_acceptance_mature and recommendations.is_accepted_any_touch then 1
        end) as accepted_any_touch_count
    from recommendations
    inner join sights on recommendations.recommendation_id = sights.recommendation_id
    group by
        recommendations.client_id,
        recommendations.viewed_week_starts_on,
        recommendations.model_version_id,
        recommendations.channel,
        sights.position
),

final as (
    select
        counted.client_id,
        weeks.client_slug,
        weeks.client_name,
        counted.model_version_id,
        model_versions.model_label,
        counted.channel,
        counted.position,
        cast(counted.viewed_count as integer) as viewed_count,
        cast(counted.impression_count as integer) as impression_count,
        cast(counted.clicked_impression_count as integer) as clicked_impression_count,
        cast(counted.exploration_impression_count as integer) as exploration_impression_count,
        cast(counted.exploration_clicked_count as integer) as exploration_clicked_count,
        cast(counted.mature_viewed_count as integer) as mature_viewed_count,
        cast(counted.accepted_count as integer) as accepted_count,
        cast(counted.accepted_any_touch_count as integer) as accepted_any_touch_count,
        {{ metric('click_through_rate', 'counted') }} as click_through_rate,
        {{ metric('match_acceptance_rate', 'counted') }} as acceptance_rate,
        weeks.is_complete_week,
        counted.week_starts_on
    from counted
    inner join weeks
        on
            counted.client_id = weeks.client_id
            and counted.week_starts_on = weeks.week_starts_on
    left join model_versions on counted.model_version_id = model_versions.model_version_id
)

select * from final
