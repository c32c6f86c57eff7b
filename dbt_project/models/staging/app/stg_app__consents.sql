with

source as (select * from {{ source('app', 'consents') }}),

renamed as (
    select
        ---------- ids
        id as consent_id,
        client_id,
        member_id,

        ---------- text and enums
        purpose,
        policy_version,

        ---------- timestamps
        granted_at,
        withdrawn_at
    from source
)

select * from renamed
