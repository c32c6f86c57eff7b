with

opportunities as (select * from {{ ref('stg_app__opportunities') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

holds as (select * from {{ ref('int_opportunity_holds') }}),

versions as (select * from {{ ref('int_opportunities_versioned') }}),

held as (      -- one row per filled opportunity that was on hold between its latest opening and its filling
    select
        opportunities.opportunity_id,
        sum({{ seconds_between(
            greatest_known('holds.held_from', 'opportunities.opened_at'),
            least_known('holds.held_to', 'opportunities.filled_at')
        ) }}) / 86400 as held_days
    from opportunities
    inner join holds
        on
            opportunities.opportunity_id = holds.opportunity_id
            and opportunities.filled_at > holds.held_from
            and (holds.held_to is null or opportunities.opened_at < holds.held_to)
    group by opportunities.opportunity_id
),

reopened as (      -- one row per opportunity that was opened more than once
    select opportunity_id
    from versions
    where opened_at is not null
    group by opportunity_id
    having count(distinct opened_at) > 1
),

filled as (      -- one row per filled opportunity
    select
        opportunities.client_id,
        opportunities.opportunity_id,
        opportunities.opportunity_kind,
        opportunities.openings,
        {{ days_between(
            tenant_day('opportunities.opened_at', 'clients.time_zone'),
            tenant_day('opportunities.filled_at', 'clients.time_zone')
        ) }} as days_to_fill,
        coalesce(held.held_days, 0) as held_days,
        reopened.opportunity_id is not null as is_reopened,
        {{ tenant_day('opportunities.filled_at', 'clients.time_zone') }} as filled_on,
        opportunities.opened_at,
        opportunities.filled_at
    from opportunities
    inner join clients on opportunities.client_id = clients.client_id
    left join held on opportunities.opportunity_id = held.opportunity_id
    left join reopened on opportunities.opportunity_id = reopened.opportunity_id
    where
        opportunities.deleted_at is null
        and opportunities.status in ('filled', 'closed')
        and opportunities.filled_at >= opportunities.opened_at
),

openings as (      -- one row per opening of a filled opportunity
    select *
    from filled
    {{ repeated('filled.openings', 'opening_number') }}
),

final as (
    select
        client_id,
        opportunity_id,
        opportunity_kind,
        cast(opening_number as integer) as opening_number,
        cast(days_to_fill as integer) as days_to_fill,
        held_days,
        {{ greatest_known('days_to_fill - held_days', '0') }} as unheld_days_to_fill,
        is_reopened,
        filled_on,
        {{ week_of('filled_on') }} as week_starts_on,
        opened_at,
        filled_at
    from openings
)

select * from final
