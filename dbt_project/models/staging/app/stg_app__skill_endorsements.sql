with

source as (select * from {{ source('app', 'skill_endorsements') }}),

renamed as (
    select
        ---------- ids
        id as skill_endorsement_id,
        client_id,
        member_skill_id,
        endorsed_by as endorsed_by_member_id,

        ---------- text and enums
        comment,

        ---------- numbers
        cast(level as integer) as level,

        ---------- timestamps
        created_at,
        revoked_at
    from source
)

select * from renamed
