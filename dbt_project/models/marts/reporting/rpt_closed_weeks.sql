with

weeks as (select * from {{ ref('int_client_weeks') }}),

ended as (      -- one row per week of any client; it ends at another moment in each time zone
    select
        week_starts_on,
        {{ every_of('is_complete_week') }} as is_closed
    from weeks
    group by week_starts_on
),

final as (
    select
        cast(row_number() over (order by week_starts_on) as integer) as week_number,
        cast(row_number() over (order by week_starts_on desc) as integer) as weeks_ago,
        week_starts_on
    from ended
    where is_closed
)

select * from final
