-- One row per client (and all clients) and week whose recommendations have all had 14 days:
-- accepted / seen over four weeks.
with

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

rolling as (
    select
        client_name,
        week_starts_on,
        sum(accepted_count) over four_weeks as accepted_count,
        sum(mature_viewed_count) over four_weeks as mature_viewed_count,
        count(*) over four_weeks as week_count
    from weekly
    where is_complete_week and is_acceptance_complete
    window four_weeks as (
        partition by client_name
        order by week_starts_on
        range between interval 21 days preceding and current row
    )
)

select client_name, week_starts_on, {{ metric('match_acceptance_rate') }} as acceptance_rate
from rolling
where week_count = 4 and mature_viewed_count > 0
order by client_name, week_starts_on
