with

source as (select * from {{ source('app', 'stages') }}),

renamed as (
    select
        ---------- ids
        id as stage_id,
        client_id,

        ---------- text and enums
        name as stage_name,
        kind as stage_kind,
        opportunity_kind,

        ---------- numbers
        cast(position as integer) as position
    from source
)

select * from renamed
