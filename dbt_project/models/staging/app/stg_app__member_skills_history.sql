with

source_rows as (select * from {{ source('app_history', 'member_skills') }}),

renamed as (
    select
        ---------- ids
        id as member_skill_id,
        client_id,
        member_id,
        skill_id,

        ---------- text and enums
        source as skill_source,

        ---------- numbers
        cast(level as integer) as level,
        confidence,
        years,

        ---------- booleans
        wants_to_use as is_wanted,

        ---------- dates
        last_used_on,

        ---------- timestamps
        created_at,
        updated_at,
        deleted_at,

        {{ version_columns('id') }}
    from source_rows
)

select * from renamed
