with

source as (select * from {{ source('app', 'assignments') }}),

renamed as (
    select
        ---------- ids
        id as assignment_id,
        client_id,
        member_id,
        opportunity_id,
        application_id,

        ---------- text and enums
        outcome,

        ---------- numbers
        cast(member_rating as integer) as member_rating,
        cast(manager_rating as integer) as manager_rating,
        hours_logged,

        ---------- dates
        started_on,
        ended_on,

        ---------- timestamps
        created_at,
        updated_at
    from source
)

select * from renamed
