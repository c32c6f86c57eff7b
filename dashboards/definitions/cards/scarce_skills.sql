-- One row per client (and all clients) and skill: the twelve with the fewest members per seat,
-- newest closed week.
with

skills as (select * from {{ ref('rpt_skill_supply_demand') }}),

newest as (      -- newest week that had ended for every client
    select max(week_starts_on) as week_starts_on
    from (select week_starts_on from skills group by week_starts_on having bool_and(is_complete_week))
),

asked as (
    select
        skills.*,
        upper(left(skills.skill_name, 1)) || substr(skills.skill_name, 2) as skill
    from skills
    inner join newest on skills.week_starts_on = newest.week_starts_on
    where skills.demand_seats > 0
),

summed as (
    select
        coalesce(client_name, 'All clients') as client_name,
        skill,
        skill_type,
        sum(opportunity_count) as opportunity_count,
        sum(seat_count) as seat_count,
        sum(demand_seats) as demand_seats,
        sum(supply_count) as supply_count,
        sum(holder_count) as holder_count,
        {{ metric_of_sums('skill_supply_ratio') }} as members_per_seat
    from asked
    group by grouping sets ((skill, skill_type), (skill, skill_type, client_name))
)

select client_name, skill as skill_name, demand_seats, supply_count
from summed
qualify row_number() over (partition by client_name order by members_per_seat, skill) <= 12
order by client_name, members_per_seat, skill
