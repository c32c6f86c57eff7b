with

clients as (select * from {{ ref('int_clients_zoned') }}),

tracking_starts as (select * from {{ ref('int_tracking_starts') }}),

days as (select * from {{ ref('int_days_spined') }}),

member_days as (select * from {{ ref('fct_member_day') }}),

client_days as (      -- one row per client and day since web events are collected
    select
        clients.client_id,
        clients.client_slug,
        clients.client_name,
        days.date_on,
        days.date_on - 6 as first_of_7_on,
        days.date_on - 27 as first_of_28_on,
        days.date_on < {{ tenant_day(cut_at(), 'clients.time_zone') }} as is_complete_day,
        days.date_on - 27 > {{ tenant_day('tracking_starts.tracked_from', 'clients.time_zone') }}
            as is_complete_window
    from clients
    inner join tracking_starts on clients.client_id = tracking_starts.client_id
    inner join days on {{ tenant_day('tracking_starts.tracked_from', 'clients.time_zone') }} <= days.date_on
    where days.date_on <= {{ tenant_day(cut_at(), 'clients.time_zone') }}
),

counted as (      -- one row per client and day, over the 28 days that end with it
    select
        client_days.client_id,
        client_days.client_slug,
        client_days.client_name,
        client_days.date_on,
        client_days.is_complete_day,
        client_days.is_complete_window,
        count(distinct case
            when member_days.active_on = client_days.date_on then member_days.member_id
        end) as active_member_count,
        count(distinct case
            when member_days.active_on >= client_days.first_of_7_on then member_days.member_id
        end) as active_7d_count,
        count(distinct member_days.member_id) as active_28d_count,
        count(member_days.member_id) as active_28d_day_count
    from client_days
    left join member_days
        on
            client_days.client_id = member_days.client_id
            and client_days.first_of_28_on <= member_days.active_on
            and client_days.date_on >= member_days.active_on
    group by
        client_days.client_id,
        client_days.client_slug,
        client_days.client_name,
        client_days.date_on,
        client_days.is_complete_day,
        client_days.is_complete_window
),

final as (
    select
        client_id,
        client_slug,
        client_name,
        cast(active_member_count as integer) as active_member_count,
        cast(active_7d_count as integer) as active_7d_count,
        cast(active_28d_count as integer) as active_28d_count,
        cast(active_28d_day_count as integer) as active_28d_day_count,
        {{ metric('stickiness') }} as stickiness,
        is_complete_day,
        is_complete_window,
        date_on
    from counted
)

select * from final
