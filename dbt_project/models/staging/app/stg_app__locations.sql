with

source as (select * from {{ source('app', 'locations') }}),

renamed as (
    select
        ---------- ids
        id as location_id,
        client_id,

        ---------- text and enums
        name as location_name,
        trim(country) as country,
        region,
        city,

        ---------- numbers
        lat as latitude,
        lon as longitude,

        ---------- booleans
        remote_ok as is_remote_ok,

        ---------- timestamps
        created_at,
        updated_at
    from source
)

select * from renamed
