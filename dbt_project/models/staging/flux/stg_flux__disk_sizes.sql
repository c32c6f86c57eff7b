with

source_rows as (select * from {{ source('flux', 'disk_sizes') }}),

renamed as (
    select
        ---------- text and enums
        part,

        ---------- numbers
        used_bytes,
        capacity_bytes,

        ---------- timestamps
        measured_at
    from source_rows
)

select * from renamed
