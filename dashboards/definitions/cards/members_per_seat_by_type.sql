-- One row per client (and all clients), type of skill and closed week after the first.
with

skills as (select * from {{ ref('rpt_skill_supply_demand') }}),

begun as (      -- the week in which the history begins is partial
    select min(week_starts_on) as first_week
    from skills
)

select
    coalesce(skills.client_name, {{ filter('client') }}) as client_name,
    upper(left(skills.skill_type, 1)) || substr(skills.skill_type, 2) as type_of_skill,
    skills.week_starts_on,
    {{ metric_of_sums('skill_supply_ratio', 'skills') }} as members_per_seat
from skills
inner join begun on skills.week_starts_on > begun.first_week
where skills.demand_seats > 0
group by grouping sets (
    (type_of_skill, skills.week_starts_on), (type_of_skill, skills.week_starts_on, skills.client_name)
)
having bool_and(skills.is_complete_week)
order by 1, 2, 3
