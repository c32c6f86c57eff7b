with

source as (select * from {{ source('app', 'interviews') }}),

renamed as (
    select
        ---------- ids
        id as interview_id,
        client_id,
        application_id,
        interviewer_id as interviewer_member_id,

        ---------- text and enums
        status,

        ---------- numbers
        {{ interval_minutes('duration') }} as duration_minutes,

        ---------- timestamps
        scheduled_at,
        created_at,
        updated_at
    from source
)

select * from renamed
