with

days as (select * from {{ ref('int_days_spined') }}),

final as (
    select
        date_on,
        {{ week_of('date_on') }} as week_starts_on,
        {{ month_of('date_on') }} as month_starts_on,
        {{ quarter_of('date_on') }} as quarter_starts_on,
        cast(extract(year from date_on) as integer) as year,
        cast(extract(quarter from date_on) as integer) as quarter,
        cast(extract(month from date_on) as integer) as month,
        cast({{ iso_week('date_on') }} as integer) as iso_week,
        cast({{ iso_weekday('date_on') }} as integer) as iso_day_of_week,
        {{ iso_weekday('date_on') }} >= 6 as is_weekend
    from days
)

select * from final
