with

disk_sizes as (select * from {{ ref('stg_flux__disk_sizes') }}),

fits as (select * from {{ ref('int_disk_fits') }}),

numbered as (
    select
        *,
        row_number() over (partition by part order by measured_at desc) as newness
    from disk_sizes
),

measured as (    -- one row per part, as it was measured last
    select
        numbered.part,
        fits.sample_count,
        numbered.used_bytes,
        numbered.capacity_bytes,
        {{ greatest_known('numbered.capacity_bytes - numbered.used_bytes', '0') }} as known_free_bytes,
        fits.observed_days,
        fits.growth_bytes_per_day,
        fits.growth_bytes_per_day - fits.margin_bytes_per_day as least_growth_bytes_per_day,
        fits.growth_bytes_per_day + fits.margin_bytes_per_day as most_growth_bytes_per_day,
        numbered.measured_at
    from numbered
    inner join fits on numbered.part = fits.part
    where numbered.newness = 1
),

freed as (
    select
        *,
        case when capacity_bytes is not null then known_free_bytes end as free_bytes
    from measured
),

slower as (      -- one row per part that fills even at the least growth
    select
        part,
        free_bytes,
        least_growth_bytes_per_day as growth_bytes_per_day
    from freed
    where least_growth_bytes_per_day > 0
),

faster as (      -- one row per part that may fill
    select
        part,
        free_bytes,
        most_growth_bytes_per_day as growth_bytes_per_day
    from freed
    where most_growth_bytes_per_day > 0
),

final as (
    select
        freed.part,
        freed.sample_count,
        freed.used_bytes,
        freed.capacity_bytes,
        freed.free_bytes,
        freed.observed_days,
        freed.growth_bytes_per_day,
        freed.least_growth_bytes_per_day,
        freed.most_growth_bytes_per_day,
        case
            when freed.growth_bytes_per_day > 0 then {{ metric('days_until_full', 'freed') }}
        end as days_until_full,
        {{ metric('days_until_full', 'faster') }} as least_days_until_full,
        {{ metric('days_until_full', 'slower') }} as most_days_until_full,
        freed.measured_at
    from freed
    left join slower on freed.part = slower.part
    left join faster on freed.part = faster.part
)

select * from final
