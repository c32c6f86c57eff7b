with

supply as (select * from {{ ref('fct_skill_supply_day') }}),

skills as (select * from {{ ref('dim_skill') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

final as (      -- of each week its last day, of the running one the day of the cut
    select
        supply.client_id,
        weeks.client_slug,
        weeks.client_name,
        supply.skill_id,
        skills.skill_name,
        skills.skill_type,
        supply.opportunity_count,
        supply.seat_count,
        supply.required_level,
        supply.holder_count,
        supply.supply_count,
        supply.demand_seats,
        {{ metric('skill_gap', 'supply') }} as skill_gap,
        {{ metric('skill_supply_ratio', 'supply') }} as supply_ratio,
        weeks.week_starts_on = max(weeks.week_starts_on) over (partition by supply.client_id)
            as is_latest_week,
        weeks.is_complete_week,
        weeks.week_starts_on
    from supply
    inner join weeks
        on
            supply.client_id = weeks.client_id
            and supply.date_on = weeks.as_of_on
    left join skills on supply.skill_id = skills.skill_id
)

select * from final
