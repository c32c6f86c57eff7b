-- The history's answer for the cut is the mirror's: skills held by who is employed, seats of what is open.
with

newest as (
    select
        client_id,
        max(as_of_on) as as_of_on
    from {{ ref('int_client_weeks') }}
    group by client_id
),

supply as (
    select
        newest.client_id,
        coalesce(sum(supply_days.holder_count), 0) as holder_count,
        coalesce(sum(supply_days.seat_count), 0) as seat_count
    from newest
    left join {{ ref('fct_skill_supply_day') }} as supply_days
        on
            newest.client_id = supply_days.client_id
            and newest.as_of_on = supply_days.date_on
    group by newest.client_id
),

held as (
    select
        newest.client_id,
        count(*) as holder_count
    from newest
    inner join {{ ref('stg_app__member_skills') }} as skills on newest.client_id = skills.client_id
    inner join {{ ref('stg_app__members') }} as members on skills.member_id = members.member_id
    where
        skills.deleted_at is null
        and members.hired_on <= newest.as_of_on
        and (members.terminated_on is null or members.terminated_on >= newest.as_of_on)
    group by newest.client_id
),

asked as (
    select
        opportunities.client_id,
        sum(opportunities.openings) as seat_count
    from {{ ref('stg_app__opportunities') }} as opportunities
    inner join {{ ref('stg_app__opportunity_skills') }} as skills
        on opportunities.opportunity_id = skills.opportunity_id
    where opportunities.status = 'open' and opportunities.deleted_at is null and skills.is_required
    group by opportunities.client_id
)

select
    supply.client_id,
    supply.holder_count,
    held.holder_count as held_count,
    supply.seat_count,
    asked.seat_count as asked_count
from supply
left join held on supply.client_id = held.client_id
left join asked on supply.client_id = asked.client_id
where
    supply.holder_count <> coalesce(held.holder_count, 0)
    or supply.seat_count <> coalesce(asked.seat_count, 0)
