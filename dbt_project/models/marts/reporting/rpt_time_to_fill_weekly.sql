with

fills as (select * from {{ ref('fct_fills') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

openings as (      -- one row per opening of a filled opportunity
    select
        fills.client_id,
        weeks.client_slug,
        weeks.client_name,
        weeks.week_starts_on,
        weeks.is_complete_week,
        fills.opportunity_id,
        fills.opportunity_kind,
        fills.days_to_fill,
        fills.unheld_days_to_fill,
        fills.held_days,
        fills.is_reopened
    from fills
    inner join weeks
        on
            fills.client_id = weeks.client_id
            and fills.week_starts_on = weeks.week_starts_on
),

counted as (      -- one row per client, week and kind of opportunity, and all of each
    select
        openings.client_id,
        coalesce(openings.client_slug, '(all)') as client_slug,
        coalesce(openings.client_name, 'All clients') as client_name,
        coalesce(openings.opportunity_kind, '(all)') as opportunity_kind,
        cast(count(distinct openings.opportunity_id) as integer) as opportunity_count,
        cast(count(case when openings.held_days > 0 then 1 end) as integer) as held_opening_count,
        cast(count(case when openings.is_reopened then 1 end) as integer) as reopened_opening_count,
        cast(count(*) as integer) as opening_count,
        cast(sum(openings.days_to_fill) as integer) as days_to_fill_sum,
        {{ metric('median_days_to_fill', 'openings') }} as median_days_to_fill,
        {{ metric('p90_days_to_fill', 'openings') }} as p90_days_to_fill,
        {{ metric('median_unheld_days_to_fill', 'openings') }} as median_unheld_days_to_fill,
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
),

final as (
    select
        *,
        {{ metric('mean_days_to_fill') }} as mean_days_to_fill
    from counted
)

select * from final
