with

clients as (select * from {{ ref('int_clients_zoned') }}),

tracking_starts as (select * from {{ ref('int_tracking_starts') }}),

days as (select * from {{ ref('int_days_spined') }}),

member_days as (select * from {{ ref('fct_member_day') }}),

first_days as (      -- one row per client; members may act before its first page view, click or sight
    select
        clients.client_id,
        {{ least_known(
            tenant_day('min(tracking_starts.tracked_from)', 'clients.time_zone'), 'min(member_days.active_on)'
        ) }} as first_on
    from clients
    left join tracking_starts on clients.client_id = tracking_starts.client_id
    left join member_days on clients.client_id = member_days.client_id
    group by clients.client_id, clients.time_zone
),

client_days as (      -- one row per client and day since web events are collected
    select
        clients.client_id,
        clients.client_slug,
        clients.client_name,
        days.date_on,
        days.date_on < {{ tenant_day(cut_at(), 'clients.time_zone') }} as is_complete_day,
        coalesce(
            days.date_on - 27 > {{ tenant_day('tracking_starts.tracked_from', 'clients.time_zone') }}, false
        ) as is_complete_window
    from clients
    inner join first_days on clients.client_id = first_days.client_id
    left join tracking_starts on clients.client_id = tracking_starts.client_id
    inner join days on first_days.first_on <= days.date_on
    where days.date_on <= {{ tenant_day(cut_at(), 'clients.time_zone') }}
),

active_days as (
    select
        client_id,
        active_on,
        active_on + 28 as day_out_of_28_on,
        lead(active_on) over (partition by member_id order by active_on) as next_active_on
    from member_days
),

-- Each day of activity opens a window for its member, which closes when it is over or the next one opens:
-- so it is counted at its ends, not on each of its days.
windows as (      -- one row per member and day of activity
    select
        *,
        {{ least_known('active_on + 7', 'next_active_on') }} as out_of_7_on,
        {{ least_known('active_on + 28', 'next_active_on') }} as out_of_28_on
    from active_days
),

changes as (      -- what a client's counts change by on a day
    select
        windows.client_id,
        windows.active_on as date_on,
        count(*) as active_member_count,
        count(*) as change_of_7,
        count(*) as change_of_28,
        count(*) as change_of_28_days
    from windows
    group by windows.client_id, windows.active_on
    {%- for ended_on, change in [
        ('out_of_7_on', 'change_of_7'), ('out_of_28_on', 'change_of_28'),
        ('day_out_of_28_on', 'change_of_28_days'),
    ] %}
    union all
    select
        windows.client_id,
        windows.{{ ended_on }} as date_on,
        0 as active_member_count,
        {{ '-count(*)' if change == 'change_of_7' else 0 }} as change_of_7,
        {{ '-count(*)' if change == 'change_of_28' else 0 }} as change_of_28,
        {{ '-count(*)' if change == 'change_of_28_days' else 0 }} as change_of_28_days
    from windows
    group by windows.client_id, windows.{{ ended_on }}
    {%- endfor %}
    union all
    select
        client_id,
        date_on,
        0 as active_member_count,
        0 as change_of_7,
        0 as change_of_28,
        0 as change_of_28_days
    from client_days
),

summed as (
    select
        client_id,
        date_on,
        sum(active_member_count) as active_member_count,
        sum(change_of_7) as change_of_7,
        sum(change_of_28) as change_of_28,
        sum(change_of_28_days) as change_of_28_days
    from changes
    group by client_id, date_on
),

running as (      -- one row per client and day on which something changes or that is told
    select
        client_id,
        date_on,
        active_member_count,
        sum(change_of_7) over (partition by client_id order by date_on) as active_7d_count,
        sum(change_of_28) over (partition by client_id order by date_on) as active_28d_count,
        sum(change_of_28_days) over (partition by client_id order by date_on) as active_28d_day_count
    from summed
),

counted as (
    select
        client_days.*,
        running.active_member_count,
        running.active_7d_count,
        running.active_28d_count,
        running.active_28d_day_count
    from client_days
    inner join running
        on client_days.client_id = running.client_id and client_days.date_on = running.date_on
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
