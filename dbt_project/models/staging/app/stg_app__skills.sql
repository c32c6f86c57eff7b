with

source as (select * from {{ source('app', 'skills') }}),

renamed as (
    select
        ---------- ids
        id as skill_id,

        ---------- text and enums
        esco_uri,
        onet_element_id,
        name as skill_name,
        skill_type,

        ---------- lists and documents
        {{ array_from_text('aliases') }} as aliases,
        {{ array_from_text('embedding', 'double precision') }} as embedding,

        ---------- booleans
        is_active,

        ---------- timestamps
        created_at,
        updated_at
    from source
)

select * from renamed
