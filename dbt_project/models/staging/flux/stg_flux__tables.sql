with

source_rows as (select * from {{ source('flux', 'tables') }}),

renamed as (
    select
        ---------- text and enums
        relation,
        source as source_table,
        history as history_relation,
        state
    from source_rows
)

select * from renamed
