with

source_rows as (select * from {{ source('flux', 'relation_sizes') }}),

renamed as (
    select
        ---------- text and enums
        relation,

        ---------- numbers
        row_count,
        stored_bytes,

        ---------- dates
        measured_on
    from source_rows
)

select * from renamed
