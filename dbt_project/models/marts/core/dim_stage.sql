with

stages as (select * from {{ ref('stg_app__stages') }}),

final as (
    select
        stage_id,
        client_id,
        stage_name,
        stage_kind,
        opportunity_kind,
        position,
        {{ stage_rank('stage_kind') }} as stage_rank
    from stages
)

select * from final
