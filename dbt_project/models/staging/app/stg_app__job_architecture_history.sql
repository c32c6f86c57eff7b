with

source as (select * from {{ source('app_history', 'job_architecture') }}),

renamed as (
    select
        ---------- ids
        id as job_architecture_id,
        client_id,

        ---------- text and enums
        family as job_family,
        title as job_title,
        trim(onet_soc_code) as onet_soc_code,

        ---------- numbers
        cast(level as integer) as level,

        {{ version_columns('id') }}
    from source
)

select * from renamed
