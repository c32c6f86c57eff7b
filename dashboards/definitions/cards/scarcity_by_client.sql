-- One row per client and skill that it asks for, newest closed week: the eight scarcest skills, the
-- eight clients asking for most.
with

skills as (select * from {{ ref('rpt_skill_supply_demand') }}),

closed_weeks as (select * from {{ ref('rpt_closed_weeks') }}),

asked as (
    select
        skills.*,
        upper(left(skills.skill_name, 1)) || substr(skills.skill_name, 2) as skill
    from skills
    inner join closed_weeks on skills.week_starts_on = closed_weeks.week_starts_on
    where closed_weeks.weeks_ago = 1 and skills.demand_seats > 0
),

ranked_skills as (
    select skill, {{ metric_of_sums('skill_supply_ratio') }} as members_per_seat
    from asked
    group by skill
    order by members_per_seat, skill
    limit 8
),

ranked_clients as (
    select client_name, sum(demand_seats) as demand_seats
    from asked
    group by client_name
    order by demand_seats desc, client_name
    limit 8
)

select
    asked.client_name,
    asked.skill as skill_name,
    {{ metric('skill_supply_ratio', 'asked') }} as members_per_seat
from asked
inner join ranked_skills on asked.skill = ranked_skills.skill
inner join ranked_clients on asked.client_name = ranked_clients.client_name
order by ranked_skills.members_per_seat, asked.skill, ranked_clients.demand_seats desc
