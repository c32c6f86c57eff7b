-- Daily active members over all days are the member-days of activity; one day is part of seven, seven of 28, and stickiness a share.
with

report as (select * from {{ ref('rpt_active_members_daily') }})

select
    'member-days' as broken,
    sum(active_member_count) as found
from report
having
    sum(active_member_count)
    <> (select count(*) from {{ ref('fct_member_day') }})
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
