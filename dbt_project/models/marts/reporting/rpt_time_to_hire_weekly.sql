with

applications as (select * from {{ ref('fct_applications') }}),

weeks as (select * from {{ ref('int_client_weeks') }}),

hires as (      -- one row per hire
    select
        applications.client_id,
        weeks.client_slug,
        weeks.client_name,
        weeks.week_starts_on,
        weeks.is_complete_week,
        applications.opportunity_kind,
        applications.days_to_hire
    from applications
    inner join weeks
        on
            applications.client_id = weeks.client_id
            and applications.hired_week_starts_on = weeks.week_starts_on
    where applications.is_hired
),

counted as (      -- one row per client, week and kind of opportunity, and all of each
    select
        hires.client_id,
        coalesce(hires.client_slug, '(all)') as client_slug,
        coalesce(hires.client_name, 'All clients') as client_name,
        coalesce(hires.opportunity_kind, '(all)') as opportunity_kind,
        cast(count(*) as integer) as hire_count,
        cast(sum(hires.days_to_hire) as integer) as days_to_hire_sum,
        {{ metric('median_days_to_hire', 'hires') }} as median_days_to_hire,
        {{ metric('p90_days_to_hire', 'hires') }} as p90_days_to_hire,
        {{ every_of('hires.is_complete_week') }} as is_complete_week,
        hires.week_starts_on
    from hires
    group by grouping sets (
        (
            hires.client_id, hires.client_slug, hires.client_name, hires.week_starts_on,
            hires.opportunity_kind
        ),
        (hires.client_id, hires.client_slug, hires.client_name, hires.week_starts_on),
        (hires.week_starts_on, hires.opportunity_kind),
        (hires.week_starts_on)
    )
),

final as (
    select
        client_id,
        client_slug,
        client_name,
        opportunity_kind,
        hire_count,
        days_to_hire_sum,
        median_days_to_hire,
        p90_days_to_hire,
        {{ metric('mean_days_to_hire') }} as mean_days_to_hire,
        is_complete_week,
        week_starts_on
    from counted
)

select * from final
