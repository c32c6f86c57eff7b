with

client_weeks as (select * from {{ ref('fct_client_week') }}),

clients as (select * from {{ ref('dim_client') }}),

hire_times as (select * from {{ ref('rpt_time_to_hire_weekly') }}),

medians as (      -- one row per client (and all clients) and week, over all kinds of opportunity
    select
        client_slug,
        week_starts_on,
        median_days_to_hire
    from hire_times
    where opportunity_kind = '(all)'
),

measures as (
    select
        client_weeks.*,
        clients.client_slug,
        clients.client_name
    from client_weeks
    inner join clients on client_weeks.client_id = clients.client_id
),

summed as (      -- one row per client (and all clients) and week
    select
        measures.client_id,
        coalesce(measures.client_slug, '(all)') as client_slug,
        coalesce(measures.client_name, 'All clients') as client_name,
        sum(measures.application_count) as application_count,
        sum(measures.hire_count) as hire_count,
        sum(measures.internal_hire_count) as internal_hire_count,
        sum(measures.external_hire_count) as external_hire_count,
        sum(measures.viewed_count) as viewed_count,
        sum(measures.mature_viewed_count) as mature_viewed_count,
        sum(measures.accepted_count) as accepted_count,
        sum(measures.active_member_count) as active_member_count,
        sum(measures.tracked_member_count) as tracked_member_count,
        sum(measures.member_count) as member_count,
        sum(measures.open_opportunity_count) as open_opportunity_count,
        {{ every_of('measures.is_complete_week') }} as is_complete_week,
        {{ every_of('measures.is_acceptance_complete') }} as is_acceptance_complete,
        measures.week_starts_on
    from measures
    group by grouping sets (
        (measures.client_id, measures.client_slug, measures.client_name, measures.week_starts_on),
        (measures.week_starts_on)
    )
),

final as (
    select
        summed.client_id,
        summed.client_slug,
        summed.client_name,
        cast(summed.application_count as integer) as application_count,
        cast(summed.hire_count as integer) as hire_count,
        cast(summed.internal_hire_count as integer) as internal_hire_count,
        cast(summed.external_hire_count as integer) as external_hire_count,
        cast(summed.viewed_count as integer) as viewed_count,
        cast(summed.mature_viewed_count as integer) as mature_viewed_count,
        cast(summed.accepted_count as integer) as accepted_count,
        cast(summed.active_member_count as integer) as active_member_count,
        cast(summed.tracked_member_count as integer) as tracked_member_count,
        cast(summed.member_count as integer) as member_count,
        cast(summed.open_opportunity_count as integer) as open_opportunity_count,
        medians.median_days_to_hire,
        {{ metric('internal_fill_rate', 'summed') }} as internal_fill_rate,
        {{ metric('match_acceptance_rate', 'summed') }} as match_acceptance_rate,
        {{ metric('active_share', 'summed') }} as active_share,
        summed.is_complete_week,
        summed.is_acceptance_complete,
        summed.week_starts_on
    from summed
    left join medians
        on
            summed.client_slug = medians.client_slug
            and summed.week_starts_on = medians.week_starts_on
)

select * from final
