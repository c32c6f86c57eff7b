with

weeks as (select * from {{ ref('int_client_weeks') }}),

applications as (select * from {{ ref('fct_applications') }}),

recommendations as (select * from {{ ref('fct_recommendations') }}),

member_days as (select * from {{ ref('fct_member_day') }}),

headcounts as (select * from {{ ref('int_headcount_weeks') }}),

open_spans as (select * from {{ ref('int_opportunity_open_spans') }}),

employments as (select * from {{ ref('int_member_employments') }}),

tracking_starts as (select * from {{ ref('int_tracking_starts') }}),

counts as (      -- one row per client, week and kind of thing counted
    select
        client_id,
        applied_week_starts_on as week_starts_on,
        'applications' as counted,
        count(*) as row_count,
        0 as part_count,
        0 as mature_count
    from applications
    group by client_id, applied_week_starts_on
    union all
    select
        client_id,
        hired_week_starts_on as week_starts_on,
        'hires' as counted,
        count(*) as row_count,
        count(case when is_internal and opportunity_kind = 'job' then 1 end) as part_count,
        0 as mature_count
    from applications
    where is_hired
    group by client_id, hired_week_starts_on
    union all
    select
        client_id,
        {{ week_of('hired_on') }} as week_starts_on,
        'external_hires' as counted,
        count(*) as row_count,
        0 as part_count,
        0 as mature_count
    from employments
    where worker_type = 'employee'
    group by client_id, {{ week_of('hired_on') }}
    union all
    select
        client_id,
        viewed_week_starts_on as week_starts_on,
        'views' as counted,
        count(*) as row_count,
        count(case when is_acceptance_mature and is_accepted then 1 end) as part_count,
        count(case when is_acceptance_mature then 1 end) as mature_count
    from recommendations
    where is_viewed
    group by client_id, viewed_week_starts_on
    union all
    select
        client_id,
        week_starts_on,
        'active_members' as counted,
        count(distinct member_id) as row_count,
        0 as part_count,
        0 as mature_count
    from member_days
    group by client_id, week_starts_on
    union all
    select
        weeks.client_id,
        weeks.week_starts_on,
        'open_opportunities' as counted,
        count(distinct open_spans.opportunity_id) as row_count,
        0 as part_count,
        0 as mature_count
    from weeks
    inner join open_spans
        on
            weeks.client_id = open_spans.client_id
            and weeks.as_of_at >= open_spans.open_from
            and (open_spans.open_to is null or weeks.as_of_at < open_spans.open_to)
    group by weeks.client_id, weeks.week_starts_on
),

pivoted as (      -- one row per client and week
    select
        client_id,
        week_starts_on,
        sum(case when counted = 'applications' then row_count end) as application_count,
        sum(case when counted = 'hires' then row_count end) as hire_count,
        sum(case when counted = 'hires' then part_count end) as internal_hire_count,
        sum(case when counted = 'external_hires' then row_count end) as external_hire_count,
        sum(case when counted = 'views' then row_count end) as viewed_count,
        sum(case when counted = 'views' then mature_count end) as mature_viewed_count,
        sum(case when counted = 'views' then part_count end) as accepted_count,
        sum(case when counted = 'active_members' then row_count end) as active_member_count,
        sum(case when counted = 'open_opportunities' then row_count end) as open_opportunity_count
    from counts
    group by client_id, week_starts_on
),

final as (
    select
        weeks.client_id,
        cast(coalesce(pivoted.application_count, 0) as integer) as application_count,
        cast(coalesce(pivoted.hire_count, 0) as integer) as hire_count,
        cast(coalesce(pivoted.internal_hire_count, 0) as integer) as internal_hire_count,
        cast(coalesce(pivoted.external_hire_count, 0) as integer) as external_hire_count,
        cast(coalesce(pivoted.viewed_count, 0) as integer) as viewed_count,
        cast(coalesce(pivoted.mature_viewed_count, 0) as integer) as mature_viewed_count,
        cast(coalesce(pivoted.accepted_count, 0) as integer) as accepted_count,
        case
            when weeks.week_ends_at > tracking_starts.tracked_from
                then cast(coalesce(pivoted.active_member_count, 0) as integer)
        end as active_member_count,
        case
            when weeks.week_ends_at > tracking_starts.tracked_from
                then cast(headcounts.member_count as integer)
        end as tracked_member_count,
        cast(headcounts.member_count as integer) as member_count,
        cast(coalesce(pivoted.open_opportunity_count, 0) as integer) as open_opportunity_count,
        weeks.is_complete_week,
        {{ later('weeks.week_ends_at', var('acceptance_window_days'), 'day') }} <= {{ cut_at() }}
            as is_acceptance_complete,
        weeks.week_starts_on
    from weeks
    inner join headcounts
        on
            weeks.client_id = headcounts.client_id
            and weeks.week_starts_on = headcounts.week_starts_on
    left join tracking_starts on weeks.client_id = tracking_starts.client_id
    left join pivoted
        on
            weeks.client_id = pivoted.client_id
            and weeks.week_starts_on = pivoted.week_starts_on
)

select * from final
