-- One row per client (and all clients) and closed week after the first: skills that some open
-- opportunity asks for.
with

skills as (select * from {{ ref('rpt_skill_supply_demand') }}),

begun as (      -- the week in which the history begins is partial
    select min(week_starts_on) as first_week
    from skills
)

select
    coalesce(skills.client_name, {{ filter('client') }}) as client_name,
    skills.week_starts_on,
    count(*) filter (where {{ metric('skill_supply_ratio', 'skills') }} < 5) as scarce_skills,
    {{ metric_of_sums('skill_supply_ratio', 'skills') }} as members_per_seat
from skills
inner join begun on skills.week_starts_on > begun.first_week
where skills.demand_seats > 0
group by grouping sets ((skills.week_starts_on), (skills.week_starts_on, skills.client_name))
having bool_and(skills.is_complete_week)
order by 1, 2
