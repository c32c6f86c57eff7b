-- One row per client (and all clients) and closed week: internal hires / all hires into jobs of the
-- twelve weeks that end with it.
with

weekly as (select * from {{ ref('rpt_overview_weekly') }}),

rolling as (
    select
        client_name,
        week_starts_on,
        sum(internal_hire_count) over twelve_weeks as internal_hire_count,
        sum(external_hire_count) over twelve_weeks as external_hire_count,
        count(*) over twelve_weeks as week_count
    from weekly
    where is_complete_week
    window twelve_weeks as (
        partition by client_name
        order by week_starts_on
        range between interval 77 days preceding and current row
    )
)

select client_name, week_starts_on, {{ metric('internal_fill_rate') }} as internal_fill_rate
from rolling
where week_count = 12 and internal_hire_count + external_hire_count > 0
order by client_name, week_starts_on
