with

relation_sizes as (select * from {{ ref('stg_flux__relation_sizes') }}),

compared as (    -- with what the table was on the day before it that has a build
    select
        relation,
        row_count,
        stored_bytes,
        lag(row_count) over (partition by relation order by measured_on) as earlier_row_count,
        lag(stored_bytes) over (partition by relation order by measured_on) as earlier_stored_bytes,
        lag(measured_on) over (partition by relation order by measured_on) as earlier_on,
        measured_on
    from relation_sizes
),

final as (
    select
        relation,
        row_count,
        row_count - earlier_row_count as row_growth,
        stored_bytes,
        stored_bytes - earlier_stored_bytes as growth_bytes,
        cast({{ days_between('earlier_on', 'measured_on') }} as integer) as growth_days,
        measured_on
    from compared
)

select * from final
