-- One row per client (and all clients) and model version.
with

quality as (select * from {{ ref('rpt_recommendation_quality_weekly') }})

select
    coalesce(client_name, {{ filter('client') }}) as client_name,
    model_label,
    sum(viewed_count) as viewed,
    {{ metric_of_sums('click_through_rate') }} as click_through_rate,
    {{ metric_of_sums('exploration_share') }} as exploration_share,
    {{ metric_of_sums('match_acceptance_rate') }} as acceptance_rate,
    {{ metric_of_sums('match_acceptance_any_touch_rate') }} as acceptance_any_touch_rate,
    min(week_starts_on) as first_week,
    max(week_starts_on) as last_week
from quality
group by grouping sets ((model_label), (model_label, client_name))
order by client_name, last_week desc, first_week desc, model_label
