with

weeks as (select * from {{ ref('int_client_weeks') }}),

member_days as (select * from {{ ref('fct_member_day') }}),

headcounts as (select * from {{ ref('int_headcount_weeks') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

tracking_starts as (select * from {{ ref('int_tracking_starts') }}),

first_weeks as (      -- one row per member ever active
    select
        member_id,
        min(week_starts_on) as first_week_starts_on
    from member_days
    group by member_id
),

activity as (      -- one row per client and week; the 28 days end with the week or the cut
    select
        weeks.client_id,
        weeks.week_starts_on,
        count(distinct case
            when member_days.week_starts_on = weeks.week_starts_on then member_days.member_id
        end) as active_member_count,
        count(distinct member_days.member_id) as active_28d_count,
        count(distinct case
            when
                member_days.week_starts_on = weeks.week_starts_on
                and first_weeks.first_week_starts_on = weeks.week_starts_on
                then member_days.member_id
        end) as new_active_count,
        count(case when member_days.week_starts_on = weeks.week_starts_on then 1 end) as active_day_count,
        count(member_days.member_id) as active_28d_day_count
    from weeks
    left join member_days
        on
            weeks.client_id = member_days.client_id
            and weeks.as_of_on >= member_days.active_on
            and weeks.as_of_on < member_days.active_on + 28
    left join first_weeks on member_days.member_id = first_weeks.member_id
    group by weeks.client_id, weeks.week_starts_on
),

counted as (
    select
        weeks.client_id,
        weeks.client_slug,
        weeks.client_name,
        cast(activity.active_member_count as integer) as active_member_count,
        cast(activity.active_28d_count as integer) as active_28d_count,
        cast(activity.new_active_count as integer) as new_active_count,
        cast(activity.active_day_count as integer) as active_day_count,
        cast(activity.active_28d_day_count as integer) as active_28d_day_count,
        cast(headcounts.member_count as integer) as member_count,
        cast(headcounts.member_count as integer) as tracked_member_count,
        clients.licensed_seats,
        weeks.is_complete_week,
        weeks.week_starts_on
    from weeks
    inner join clients on weeks.client_id = clients.client_id
    inner join tracking_starts
        on
            weeks.client_id = tracking_starts.client_id
            and weeks.week_ends_at > tracking_starts.tracked_from
    inner join activity
        on
            weeks.client_id = activity.client_id
            and weeks.week_starts_on = activity.week_starts_on
    inner join headcounts
        on
            weeks.client_id = headcounts.client_id
            and weeks.week_starts_on = headcounts.week_starts_on
),

final as (
    select
        client_id,
        client_slug,
        client_name,
        active_member_count,
        active_28d_count,
        new_active_count,
        active_day_count,
        active_28d_day_count,
        member_count,
        licensed_seats,
        {{ metric('active_share') }} as active_share,
        {{ metric('stickiness') }} as stickiness,
        is_complete_week,
        week_starts_on
    from counted
)

select * from final
