with

source as (select * from {{ source('app', 'users') }}),

renamed as (
    select
        ---------- ids
        id as user_id,
        client_id,

        ---------- text and enums
        email,
        full_name,
        locale,
        timezone as time_zone,
        sso_subject,

        ---------- lists and documents
        {{ array_from_text('roles') }} as roles,

        ---------- booleans
        is_active,

        ---------- timestamps
        last_login_at,
        created_at,
        updated_at,
        deleted_at
    from source
)

select * from renamed
