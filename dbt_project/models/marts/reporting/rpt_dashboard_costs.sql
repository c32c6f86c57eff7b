with

run_costs as (select * from {{ ref('stg_flux__run_costs') }}),

final as (
    select
        subject as dashboard,
        substr(run_name, length(subject) + 2) as card,
        run_count,
        failed_count,
        row_count,
        scanned_bytes,
        seconds,
        longest_seconds,
        ran_on
    from run_costs
    where kind = 'card'
)

select * from final
