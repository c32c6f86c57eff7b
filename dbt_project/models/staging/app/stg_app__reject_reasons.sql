with

source as (select * from {{ source('app', 'reject_reasons') }}),

renamed as (
    select
        ---------- ids
        id as reject_reason_id,
        client_id,

        ---------- text and enums
        code as reject_reason_code,
        label as reject_reason_label,

        ---------- booleans
        is_active
    from source
)

select * from renamed
