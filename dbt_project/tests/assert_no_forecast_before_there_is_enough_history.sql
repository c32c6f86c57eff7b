-- A line through too little says nothing, and a disk that may fill does so between its least and its most days.
select
    part,
    observed_days,
    days_until_full
from {{ ref('rpt_disk_forecast') }}
where
    (
        growth_bytes_per_day is not null
        and (observed_days < {{ var('forecast_least_days') }} or sample_count < {{ var('forecast_least_samples') }})
    )
    or days_until_full < least_days_until_full
    or days_until_full > most_days_until_full
