with

source as (select * from {{ source('app_history', 'consents') }}),

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
        withdrawn_at,

        {{ version_columns('id') }}
    from source
)

select * from renamed
