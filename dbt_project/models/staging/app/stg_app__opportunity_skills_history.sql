with

source as (select * from {{ source('app_history', 'opportunity_skills') }}),

renamed as (
    select
        ---------- ids
        opportunity_id,
        skill_id,
        client_id,

        ---------- numbers
        cast(importance as integer) as importance,
        cast(min_level as integer) as min_level,

        ---------- booleans
        is_required,

        {{ version_columns('opportunity_id, skill_id') }}
    from source
)

select * from renamed
