with

source as (select * from {{ source('app', 'erasure_requests') }}),

renamed as (
    select
        ---------- ids
        id as erasure_request_id,
        client_id,
        subject as subject_user_id,

        ---------- lists and documents
        {{ array_from_text('scope') }} as scope,
        certificate,

        ---------- timestamps
        requested_at,
        due_at,
        executed_at
    from source
)

select * from renamed
