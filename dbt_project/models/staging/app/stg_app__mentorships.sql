with

source as (select * from {{ source('app', 'mentorships') }}),

renamed as (
    select
        ---------- ids
        id as mentorship_id,
        client_id,
        mentor_id,
        mentee_id,
        skill_id,

        ---------- text and enums
        status,

        ---------- timestamps
        requested_at,
        accepted_at,
        ended_at,
        updated_at
    from source
)

select * from renamed
