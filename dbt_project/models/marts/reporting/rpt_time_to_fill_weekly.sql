with

opportunities as (select * from {{ ref('stg_app__opportunities') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

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
        {{ tenant_day('opportunities.filled_at', 'weeks.time_zone') }}
        - {{ tenant_day('opportunities.opened_at', 'weeks.time_zone') }} as days_to_fill
    from opportunities
    inner join weeks
        on
            opportunities.client_id = weeks.client_id
            and opportunities.filled_at >= weeks.week_starts_at
            and opportunities.filled_at < weeks.week_ends_at
    where
        opportunities.deleted_at is null
        and opportunities.status in ('filled', 'closed')
        and opportunities.opened_at is not null
),

openings as (      -- one row per opening of a filled opportunity
    select
        filled.*,
        {{ repeated('filled.openings') }} as opening_number
    from filled
),

final as (
    select
        client_id,
        coalesce(client_slug, '(all)') as client_slug,
        coalesce(client_name, 'All clients') as client_name,
        coalesce(opportunity_kind, '(all)') as opportunity_kind,
        cast(count(distinct opportunity_id) as integer) as opportunity_count,
        cast(count(*) as integer) as opening_count,
        {{ metric('median_days_to_fill') }} as median_days_to_fill,
        {{ metric('p90_days_to_fill') }} as p90_days_to_fill,
        cast(avg(days_to_fill) as double precision) as mean_days_to_fill,
        bool_and(is_complete_week) as is_complete_week,
        week_starts_on
    from openings
    group by grouping sets (
        (client_id, client_slug, client_name, week_starts_on, opportunity_kind),
        (client_id, client_slug, client_name, week_starts_on),
        (week_starts_on, opportunity_kind),
        (week_starts_on)
    )
)

select * from final
