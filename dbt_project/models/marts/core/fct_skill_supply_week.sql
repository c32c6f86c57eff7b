with

demand as (select * from {{ ref('int_skill_demand_weeks') }}),

holdings as (select * from {{ ref('int_skill_holding_weeks') }}),

keyed as (      -- one row per client, skill and week with demand or holders
    select
        client_id,
        skill_id,
        week_starts_on
    from demand
    union distinct
    select
        client_id,
        skill_id,
        week_starts_on
    from holdings
),

required as (      -- the same rows, with the level asked for
    select
        keyed.client_id,
        keyed.skill_id,
        keyed.week_starts_on,
        coalesce(demand.opportunity_count, 0) as opportunity_count,
        coalesce(demand.seat_count, 0) as seat_count,
        coalesce(demand.weighted_seats_times_5, 0) as weighted_seats_times_5,
        coalesce(cast(round(
            cast(demand.levels_times_seats as numeric(18, 6)) / nullif(demand.seat_count, 0)
        ) as integer), 1) as required_level
    from keyed
    left join demand
        on
            keyed.client_id = demand.client_id
            and keyed.skill_id = demand.skill_id
            and keyed.week_starts_on = demand.week_starts_on
),

final as (
    select
        required.client_id,
        required.skill_id,
        cast(required.opportunity_count as integer) as opportunity_count,
        cast(required.seat_count as integer) as seat_count,
        required.required_level,
        cast(coalesce(sum(holdings.holder_count), 0) as integer) as holder_count,
        cast(coalesce(sum(
            case when holdings.level >= required.required_level then holdings.holder_count end
        ), 0) as integer) as supply_count,
        cast(required.weighted_seats_times_5 as {{ type_name('double precision') }}) / 5 as demand_seats,
        required.week_starts_on
    from required
    left join holdings
        on
            required.client_id = holdings.client_id
            and required.skill_id = holdings.skill_id
            and required.week_starts_on = holdings.week_starts_on
    group by
        required.client_id,
        required.skill_id,
        required.opportunity_count,
        required.seat_count,
        required.required_level,
        required.weighted_seats_times_5,
        required.week_starts_on
)

select * from final
