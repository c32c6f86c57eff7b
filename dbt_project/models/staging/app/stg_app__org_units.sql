with

source as (select * from {{ source('app', 'org_units') }}),

renamed as (
    select
        ---------- ids
        id as org_unit_id,
        client_id,
        parent_id as parent_org_unit_id,

        ---------- text and enums
        name as org_unit_name,
        path,
        cost_center,

        ---------- timestamps
        created_at,
        updated_at,
        deleted_at
    from source
)

select * from renamed
