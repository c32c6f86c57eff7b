with

source_rows as (select * from {{ source('flux', 'dependents') }}),

renamed as (
    select
        ---------- text and enums
        relation,
        kind,
        dependent
    from source_rows
)

select * from renamed
