with

source as (select * from {{ source('app', 'scorecards') }}),

renamed as (
    select
        ---------- ids
        interview_id,
        client_id,

        ---------- text and enums
        overall as verdict,
        notes,

        ---------- lists and documents
        attributes,

        ---------- timestamps
        submitted_at
    from source
)

select * from renamed
