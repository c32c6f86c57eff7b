-- Daily active members over all days are the member-days of activity up to the cut's day; one day is part of seven, seven of 28, and stickiness a share.
with

report as (select * from {{ ref('rpt_active_members_daily') }}),

member_days as (select * from {{ ref('fct_member_day') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

told_days as (      -- events have clocks of their own, which may be ahead of the cut
    select member_days.member_id
    from member_days
    inner join clients on member_days.client_id = clients.client_id
    where member_days.active_on <= {{ tenant_day(cut_at(), 'clients.time_zone') }}
)

select
    'member-days' as broken,
    sum(active_member_count) as found
from report
having
    sum(active_member_count)
    <> (select count(*) from told_days)
union all
select
    'windows' as broken,
    count(*) as found
from report
where
    active_member_count > active_7d_count
    or active_7d_count > active_28d_count
    or stickiness > 1
having count(*) > 0
