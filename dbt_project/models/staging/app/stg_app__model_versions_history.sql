with

source as (select * from {{ source('app_history', 'model_versions') }}),

renamed as (
    select
        ---------- ids
        id as model_version_id,

        ---------- text and enums
        name as model_name,
        version,

        ---------- timestamps
        deployed_at,
        retired_at,

        {{ version_columns('id') }}
    from source
)

select * from renamed
