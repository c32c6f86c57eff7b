with

cuts as (select * from {{ ref('stg_flux__cuts') }}),

segments as (select * from {{ ref('stg_flux__segments') }}),

loads as (      -- one row per stretch of the event log
    select
        loaded_at,
        accepted_count,
        loaded_count,
        duplicate_count,
        quarantined_count
    from segments
),

spans as (      -- one row per cut, with the time since the one before it
    select
        *,
        lag(made_at) over (order by cut_id) as previous_made_at
    from cuts
),

final as (
    select
        spans.cut_id,
        cast(count(loads.loaded_at) as integer) as event_load_count,
        cast(coalesce(sum(loads.accepted_count), 0) as bigint) as accepted_event_count,
        cast(coalesce(sum(loads.loaded_count), 0) as bigint) as loaded_event_count,
        cast(coalesce(sum(loads.duplicate_count), 0) as bigint) as duplicate_event_count,
        cast(coalesce(sum(loads.quarantined_count), 0) as bigint) as quarantined_event_count,
        greatest({{ seconds_between('spans.commit_at', 'spans.made_at') }}, 0) as commit_age_seconds,
        spans.cut_at,
        spans.commit_at,
        spans.made_at
    from spans
    left join loads
        on
            spans.made_at >= loads.loaded_at
            and (spans.previous_made_at is null or spans.previous_made_at < loads.loaded_at)
    group by spans.cut_id, spans.cut_at, spans.commit_at, spans.made_at
)

select * from final
