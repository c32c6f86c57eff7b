with

skills as (select * from {{ ref('stg_app__skills') }}),

final as (
    select
        skill_id,
        esco_uri,
        onet_element_id,
        skill_name,
        skill_type,
        aliases,
        is_active
    from skills
)

select * from final
