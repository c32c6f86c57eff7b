with

source_rows as (select * from {{ source('flux', 'relation_reads') }}),

renamed as (
    select
        ---------- text and enums
        relation,
        kind,
        reader,

        ---------- numbers
        read_count,
        seconds,

        ---------- dates
        read_on
    from source_rows
)

select * from renamed
