with

source_rows as (select * from {{ source('flux', 'run_costs') }}),

renamed as (
    select
        ---------- text and enums
        kind,
        name as run_name,
        subject,

        ---------- numbers
        run_count,
        failed_count,
        row_count,
        scanned_bytes,
        seconds,
        longest_seconds,

        ---------- dates
        ran_on
    from source_rows
)

select * from renamed
