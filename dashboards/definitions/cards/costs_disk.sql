-- One row per moment: what the disk holds now and, by the line through the last 30 days, later; and what it can hold.
with

disk_forecast as (select * from {{ ref('rpt_disk_forecast') }}),

disk as (
    select *
    from disk_forecast
    where part = 'disk'
),

moments as (
    select 1 as place, 'now' as moment, cast(used_bytes as double precision) as held_bytes
    from disk
    union all
    select 2 as place, 'in 30 days' as moment, used_bytes + 30 * growth_bytes_per_day as held_bytes
    from disk
    where growth_bytes_per_day is not null
    union all
    select 3 as place, 'in 90 days' as moment, used_bytes + 90 * growth_bytes_per_day as held_bytes
    from disk
    where growth_bytes_per_day is not null
    union all
    select 4 as place, 'at most' as moment, cast(capacity_bytes as double precision) as held_bytes
    from disk
)

select
    moment,
    held_bytes
from moments
order by place
