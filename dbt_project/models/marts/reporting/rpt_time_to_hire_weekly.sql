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

final as (
    select
        client_id,
        coalesce(client_slug, '(all)') as client_slug,
        coalesce(client_name, 'All clients') as client_name,
        coalesce(opportunity_kind, '(all)') as opportunity_kind,
        cast(count(*) as integer) as hire_count,
        {{ metric('median_days_to_hire') }} as median_days_to_hire,
        {{ metric('p90_days_to_hire') }} as p90_days_to_hire,
        cast(avg(days_to_hire) as double precision) as mean_days_to_hire,
        bool_and(is_complete_week) as is_complete_week,
        week_starts_on
    from hires
    group by grouping sets (
        (client_id, client_slug, client_name, week_starts_on, opportunity_kind),
        (client_id, client_slug, client_name, week_starts_on),
        (week_starts_on, opportunity_kind),
        (week_starts_on)
    )
)

select * from final
