with

source as (select * from {{ source('app', 'skill_relations') }}),

renamed as (
    select
        ---------- ids
        from_skill_id,
        to_skill_id,

        ---------- text and enums
        relation,

        ---------- numbers
        cast(weight as {{ type_name('double precision') }}) as weight
    from source
)

select * from renamed
