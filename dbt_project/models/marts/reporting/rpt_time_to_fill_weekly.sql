with

opportunities as (select * from {{ ref('stg_app__opportunities') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

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
        weeks.client_slug,
        weeks.client_name,
        weeks.week_starts_on,
        weeks.is_complete_week,
        opportunities.opportunity_id,
        opportunities.opportunity_kind,
        opportunities.openings,
        {{ days_between(
            tenant_day('opportunities.opened_at', 'weeks.time_zone'),
            tenant_day('opportunities.filled_at', 'weeks.time_zone')
        ) }} as days_to_fill,
        coalesce(held.held_days, 0) as held_days,
        reopened.opportunity_id is not null as is_reopened
    from opportunities
    inner join weeks
        on
            opportunities.client_id = weeks.client_id
            and opportunities.filled_at >= weeks.week_starts_at
            and opportunities.filled_at < weeks.week_ends_at
    left join held on opportunities.opportunity_id = held.opportunity_id
    left join reopened on opportunities.opportunity_id = reopened.opportunity_id
    where
        opportunities.deleted_at is null
        and opportunities.status in ('filled', 'closed')
        and opportunities.opened_at is not null
),

openings as (      -- one row per opening of a filled opportunity
    select *
    from filled
    {{ repeated('filled.openings', 'opening_number') }}
),

final as (
    select
        openings.client_id,
        coalesce(openings.client_slug, '(all)') as client_slug,
        coalesce(openings.client_name, 'All clients') as client_name,
        coalesce(openings.opportunity_kind, '(all)') as opportunity_kind,
        cast(count(distinct openings.opportunity_id) as integer) as opportunity_count,
        cast(count(case when openings.held_days > 0 then 1 end) as integer) as held_opening_count,
        cast(count(case when openings.is_reopened then 1 end) as integer) as reopened_opening_count,
        cast(count(*) as integer) as opening_count,
        {{ metric('median_days_to_fill', 'openings') }} as median_days_to_fill,
        {{ metric('p90_days_to_fill', 'openings') }} as p90_days_to_fill,
        avg(cast(openings.days_to_fill as {{ type_name('double precision') }})) as mean_days_to_fill,
        {{ percentile(greatest_known('openings.days_to_fill - openings.held_days', '0'), 0.5) }}
            as median_unheld_days_to_fill,
        {{ every_of('openings.is_complete_week') }} as is_complete_week,
        openings.week_starts_on
    from openings
    group by grouping sets (
        (
            openings.client_id, openings.client_slug, openings.client_name, openings.week_starts_on,
            openings.opportunity_kind
        ),
        (openings.client_id, openings.client_slug, openings.client_name, openings.week_starts_on),
        (openings.week_starts_on, openings.opportunity_kind),
        (openings.week_starts_on)
    )
)

select * from final
