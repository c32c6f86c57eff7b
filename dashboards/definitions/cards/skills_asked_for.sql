-- One row per client (and all clients) and skill: the fifteen with the fewest members per seat,
-- newest closed week.
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

summed as (
    select
        coalesce(client_name, {{ filter('client') }}) as client_name,
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

select
    client_name,
    skill as skill_name,
    skill_type,
    case
        when members_per_seat < 5 then 'scarce'
        when members_per_seat < 10 then 'tight'
        else 'balanced'
    end as balance,
    opportunity_count,
    seat_count,
    demand_seats,
    supply_count,
    holder_count,
    members_per_seat
from summed
qualify row_number() over (partition by client_name order by members_per_seat, skill) <= 15
order by client_name, members_per_seat, skill
