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

loaded as (      -- one row per cut since whose predecessor events were loaded
    select
        spans.cut_id,
        count(*) as load_count,
        sum(loads.accepted_count) as accepted_count,
        sum(loads.loaded_count) as loaded_count,
        sum(loads.duplicate_count) as duplicate_count,
        sum(loads.quarantined_count) as quarantined_count
    from spans
    inner join loads
        on
            spans.made_at >= loads.loaded_at
            and (spans.previous_made_at is null or spans.previous_made_at < loads.loaded_at)
    group by spans.cut_id
),

final as (
    select
        spans.cut_id,
        cast(coalesce(loaded.load_count, 0) as integer) as event_load_count,
        cast(coalesce(loaded.accepted_count, 0) as bigint) as accepted_event_count,
        cast(coalesce(loaded.loaded_count, 0) as bigint) as loaded_event_count,
        cast(coalesce(loaded.duplicate_count, 0) as bigint) as duplicate_event_count,
        cast(coalesce(loaded.quarantined_count, 0) as bigint) as quarantined_event_count,
        {{ greatest_known(seconds_between('spans.commit_at', 'spans.made_at'), '0') }} as commit_age_seconds,
        spans.cut_at,
        spans.commit_at,
        spans.made_at
    from spans
    left join loaded on spans.cut_id = loaded.cut_id
)

select * from final
