-- One row per client (and all clients), model version and week whose recommendations have all had
-- 14 days: accepted / seen over the four weeks that end with it, if at least 200 were seen.
with

quality as (select * from {{ ref('rpt_recommendation_quality_weekly') }}),

weekly as (
    select
        coalesce(client_name, {{ filter('client') }}) as client_name,
        model_label,
        week_starts_on,
        sum(accepted_count) as accepted_count,
        sum(mature_viewed_count) as mature_viewed_count
    from quality
    group by grouping sets ((model_label, week_starts_on), (model_label, week_starts_on, client_name))
    having bool_and(is_complete_week) and sum(mature_viewed_count) = sum(viewed_count)
),

rolling as (
    select
        client_name,
        model_label,
        week_starts_on,
        sum(accepted_count) over four_weeks as accepted_count,
        sum(mature_viewed_count) over four_weeks as mature_viewed_count
    from weekly
    window four_weeks as (
        partition by client_name, model_label
        order by week_starts_on
        range between interval 21 days preceding and current row
    )
)

select client_name, model_label, week_starts_on, {{ metric('match_acceptance_rate') }} as acceptance_rate
from rolling
where mature_viewed_count >= 200
order by client_name, model_label, week_starts_on
