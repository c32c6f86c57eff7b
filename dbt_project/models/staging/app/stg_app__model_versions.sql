with

source as (select * from {{ source('app', 'model_versions') }}),

renamed as (
    select
        ---------- ids
        id as model_version_id,

        ---------- text and enums
        name as model_name,
        version,
        git_sha,
        training_dataset_id,

        ---------- lists and documents
        params,

        ---------- timestamps
        deployed_at,
        retired_at
    from source
)

select * from renamed
