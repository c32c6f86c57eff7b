with

source as (select * from {{ source('app', 'job_architecture') }}),

renamed as (
    select
        ---------- ids
        id as job_architecture_id,
        client_id,

        ---------- text and enums
        family as job_family,
        sub_family as job_sub_family,
        title as job_title,
        trim(onet_soc_code) as onet_soc_code,
        esco_uri,

        ---------- numbers
        cast(level as integer) as level,

        ---------- timestamps
        created_at,
        updated_at
    from source
)

select * from renamed
