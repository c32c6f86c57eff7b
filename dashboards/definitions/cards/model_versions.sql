-- One row per client (and all clients) and model version.
with

quality as (select * from {{ ref('rpt_recommendation_quality_weekly') }})

select
    coalesce(client_name, 'All clients') as client_name,
    model_label,
    sum(viewed_count) as viewed,
    sum(clicked_impression_count) / nullif(sum(impression_count), 0) as click_through_rate,
    sum(exploration_impression_count) / nullif(sum(impression_count), 0) as exploration_share,
    sum(accepted_count) / nullif(sum(mature_viewed_count), 0) as acceptance_rate,
    sum(accepted_any_touch_count) / nullif(sum(mature_viewed_count), 0) as acceptance_any_touch_rate,
    min(week_starts_on) as first_week,
    max(week_starts_on) as last_week
from quality
group by grouping sets ((model_label), (model_label, client_name))
order by client_name, last_week desc, first_week desc, model_label
