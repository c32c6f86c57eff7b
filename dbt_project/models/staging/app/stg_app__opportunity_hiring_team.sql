with

source as (select * from {{ source('app', 'opportunity_hiring_team') }}),

renamed as (
    select
        ---------- ids
        opportunity_id,
        member_id,

        ---------- text and enums
        role,

        ---------- timestamps
        added_at,
        removed_at
    from source
)

select * from renamed
