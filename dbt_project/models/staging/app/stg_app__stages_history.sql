with

source as (select * from {{ source('app_history', 'stages') }}),

renamed as (
    select
        ---------- ids
        id as stage_id,
        client_id,

        ---------- text and enums
        kind as stage_kind,
        opportunity_kind,

        ---------- numbers
        cast(position as integer) as position,

        {{ version_columns('id') }}
    from source
)

select * from renamed
