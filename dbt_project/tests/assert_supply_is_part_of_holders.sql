-- Nobody supplies a skill without holding it, and demand is never more than the seats.
select *
from {{ ref('fct_skill_supply_day') }}
where
    supply_count > holder_count
    or demand_seats > seat_count
    or (seat_count = 0) <> (opportunity_count = 0)
