with

cut_spans as (select * from {{ ref('int_cut_spans') }}),

days as (select * from {{ ref('int_days_spined') }}),

parts as (      -- one row per day (UTC) and cut that was read on it
    select
        days.date_on,
        cut_spans.cut_id,
        {{ seconds_between(
            greatest_known('cut_spans.read_from', tenant_midnight('days.date_on', "'UTC'")),
            least_known('cut_spans.read_to', tenant_midnight('days.date_on + 1', "'UTC'"))
        ) }} as observed_seconds,
        -- A cut that was never stale has NULL, which greatest_known would pass over.
        case
            when cut_spans.stale_from < {{ tenant_midnight('days.date_on + 1', "'UTC'") }}
                then {{ seconds_between(
                    greatest_known('cut_spans.stale_from', tenant_midnight('days.date_on', "'UTC'")),
                    least_known('cut_spans.read_to', tenant_midnight('days.date_on + 1', "'UTC'"))
                ) }}
            else 0
        end as stale_seconds,
        coalesce({{ seconds_between(
            'cut_spans.first_missed_at',
            least_known('cut_spans.read_to', tenant_midnight('days.date_on + 1', "'UTC'"))
        ) }}, 0) as staleness_seconds
    from cut_spans
    inner join days
        on
            cut_spans.read_from < {{ tenant_midnight('days.date_on + 1', "'UTC'") }}
            and cut_spans.read_to > {{ tenant_midnight('days.date_on', "'UTC'") }}
),

counted as (      -- one row per day
    select
        cast(count(*) as integer) as cut_count,
        sum(observed_seconds) / 60 as observed_minutes,
        sum(stale_seconds) / 60 as stale_minutes,
        {{ greatest_known('max(staleness_seconds)', '0') }} as worst_staleness_seconds,
        date_on
    from parts
    group by date_on
),

budgeted as (
    select
        *,
        observed_minutes * {{ var('freshness_budget_share') }} as budget_minutes
    from counted
),

final as (
    select
        cut_count,
        observed_minutes,
        stale_minutes,
        budget_minutes,
        worst_staleness_seconds,
        {{ metric('stale_share') }} as stale_share,
        {{ metric('budget_spent_share') }} as budget_spent_share,
        date_on
    from budgeted
)

select * from final
