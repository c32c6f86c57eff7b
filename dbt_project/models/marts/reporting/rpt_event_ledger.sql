with

segments as (select * from {{ ref('stg_flux__segments') }}),

final as (
    select
        source,
        count(distinct segment) as segment_count,
        cast(sum(accepted_count) as bigint) as accepted_count,
        cast(sum(loaded_count) as bigint) as loaded_count,
        cast(sum(duplicate_count) as bigint) as duplicate_count,
        cast(sum(quarantined_count) as bigint) as quarantined_count,
        cast(sum(accepted_count - loaded_count - duplicate_count - quarantined_count) as bigint)
            as difference_count,
        max(loaded_at) as newest_loaded_at
    from segments
    group by source
)

select * from final
