with

source as (select * from {{ source('app', 'clients') }}),

renamed as (
    select
        ---------- ids
        id as client_id,

        ---------- text and enums
        slug as client_slug,
        name as client_name,
        industry,
        region,
        plan,
        data_residency,

        ---------- lists and documents
        settings,

        ---------- booleans
        ml_opt_out as is_ml_opted_out,

        ---------- dates
        contract_start as contract_starts_on,
        contract_end as contract_ends_on,

        ---------- timestamps
        created_at,
        updated_at,
        deleted_at
    from source
)

select * from renamed
