-- One row per client (and all clients) and closed week: hires of the four weeks that end with it.
with

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

rolling as (
    select
        client_name,
        week_starts_on,
        sum(hire_count) over four_weeks as hires,
        count(*) over four_weeks as week_count
    from weekly
    where is_complete_week
    window four_weeks as (
        partition by client_name
        order by week_starts_on
        range between interval 21 days preceding and current row
    )
)

select client_name, week_starts_on, hires
from rolling
where week_count = 4
order by client_name, week_starts_on
