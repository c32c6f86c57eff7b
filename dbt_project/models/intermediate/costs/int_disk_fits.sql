with

disk_sizes as (select * from {{ ref('stg_flux__disk_sizes') }}),

newest as (     -- one row per part
    select
        part,
        max(measured_at) as measured_at
    from disk_sizes
    group by part
),

samples as (    -- one row per part and hour of the window, with its distance in days from the newest
    select
        disk_sizes.part,
        cast(disk_sizes.used_bytes as {{ type_name('double precision') }}) as used_bytes,
        {{ seconds_between('newest.measured_at', 'disk_sizes.measured_at') }} / 86400 as day_number
    from disk_sizes
    inner join newest on disk_sizes.part = newest.part
    where
        {{ seconds_between('disk_sizes.measured_at', 'newest.measured_at') }}
        <= 86400 * {{ var('forecast_window_days') }}
),

means as (      -- one row per part
    select
        part,
        cast(count(*) as integer) as sample_count,
        0 - min(day_number) as observed_days,
        avg(day_number) as mean_day,
        avg(used_bytes) as mean_bytes
    from samples
    group by part
),

moments as (    -- one row per part: sums of squares and products around the means
    select
        samples.part,
        sum((samples.day_number - means.mean_day) * (samples.day_number - means.mean_day)) as day_squares,
        sum((samples.day_number - means.mean_day) * (samples.used_bytes - means.mean_bytes)) as products,
        sum((samples.used_bytes - means.mean_bytes) * (samples.used_bytes - means.mean_bytes)) as byte_squares
    from samples
    inner join means on samples.part = means.part
    group by samples.part
),

lines as (      -- one row per part: the line of least squares, where there is enough to draw one
    select
        means.part,
        means.sample_count,
        means.observed_days,
        moments.byte_squares,
        moments.products,
        moments.day_squares,
        case
            when
                means.observed_days >= {{ var('forecast_least_days') }}
                and means.sample_count >= {{ var('forecast_least_samples') }}
                then {{ safe_divide('moments.products', 'moments.day_squares') }}
        end as growth_bytes_per_day
    from means
    inner join moments on means.part = moments.part
),

final as (
    select
        part,
        sample_count,
        observed_days,
        growth_bytes_per_day,
        -- Twice the standard error of the slope. Rounding may leave less than nothing beside the line.
        case
            when growth_bytes_per_day is not null
                then 2 * sqrt({{ safe_divide(
                    greatest_known('byte_squares - growth_bytes_per_day * products', '0'),
                    '(sample_count - 2) * day_squares'
                ) }})
        end as margin_bytes_per_day
    from lines
)

select * from final
