with

source_rows as (select * from {{ source('flux', 'segments') }}),

renamed as (
    select
        ---------- ids
        source,
        segment,
        from_offset,

        ---------- numbers
        accepted as accepted_count,
        loaded as loaded_count,
        duplicates as duplicate_count,
        quarantined as quarantined_count,

        ---------- timestamps
        loaded_at
    from source_rows
)

select * from renamed
