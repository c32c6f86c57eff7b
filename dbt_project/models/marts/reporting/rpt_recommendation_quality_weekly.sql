with

recommendations as (select * from {{ ref('fct_recommendations') }}),

impressions as (select * from {{ ref('fct_impressions') }}),

model_versions as (select * from {{ ref('dim_model_version') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

counts as (      -- of impressions where they were seen, of recommendations where they were first seen
    select
        client_id,
        week_starts_on,
        model_version_id,
        channel,
        position,
        0 as viewed_count,
        count(case when is_click_mature then 1 end) as impression_count,
        count(case when is_click_mature and is_clicked then 1 end) as clicked_impression_count,
        count(case when is_click_mature and is_exploration then 1 end) as exploration_impression_count,
        count(case when is_click_mature and is_exploration and is_clicked then 1 end)
            as exploration_clicked_count,
        0 as mature_viewed_count,
        0 as accepted_count,
        0 as accepted_any_touch_count
    from impressions
    group by client_id, week_starts_on, model_version_id, channel, position
    union all
    select
        client_id,
        viewed_week_starts_on as week_starts_on,
        model_version_id,
        first_channel as channel,
        first_position as position,
        count(*) as viewed_count,
        0 as impression_count,
        0 as clicked_impression_count,
        0 as exploration_impression_count,
        0 as exploration_clicked_count,
        count(case when is_acceptance_mature then 1 end) as mature_viewed_count,
        count(case when is_acceptance_mature and is_accepted then 1 end) as accepted_count,
        count(case when is_acceptance_mature and is_accepted_any_touch then 1 end) as accepted_any_touch_count
    from recommendations
    where is_viewed
    group by client_id, viewed_week_starts_on, model_version_id, first_channel, first_position
),

counted as (
    select
        client_id,
        week_starts_on,
        model_version_id,
        channel,
        position,
        {% for count in [
            'viewed_count', 'impression_count', 'clicked_impression_count', 'exploration_impression_count',
            'exploration_clicked_count', 'mature_viewed_count', 'accepted_count', 'accepted_any_touch_count'
        ] -%}
        sum({{ count }}) as {{ count }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from counts
    group by client_id, week_starts_on, model_version_id, channel, position
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
        {{ metric('match_acceptance_rate', 'counted') }} as match_acceptance_rate,
        {{ metric('match_acceptance_any_touch_rate', 'counted') }} as match_acceptance_any_touch_rate,
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
