with

model_versions as (select * from {{ ref('stg_app__model_versions') }}),

final as (
    select
        model_version_id,
        model_name,
        version,
        model_name || ' ' || version as model_label,
        training_dataset_id,
        deployed_at <= {{ cut_at() }} and (retired_at is null or retired_at > {{ cut_at() }}) as is_live,
        deployed_at,
        retired_at
    from model_versions
)

select * from final
