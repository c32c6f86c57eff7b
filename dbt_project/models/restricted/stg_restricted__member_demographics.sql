with

source as (select * from {{ source('restricted', 'member_demographics') }}),

renamed as (
    select
        ---------- ids
        member_id,
        client_id,
        consent_id,

        ---------- text and enums
        sex,
        race_ethnicity,
        age_band,
        disability,
        veteran,

        ---------- timestamps
        self_identified_at
    from source
)

select * from renamed
