with

source_rows as (select * from {{ source('flux', 'table_status') }}),

renamed as (
    select
        ---------- text and enums
        relation,
        source as source_table,

        ---------- numbers
        captured_lag_seconds,
        loaded_lag_seconds,

        ---------- timestamps
        written_at
    from source_rows
)

select * from renamed
