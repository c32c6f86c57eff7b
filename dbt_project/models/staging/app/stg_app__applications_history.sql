with

source_rows as (select * from {{ source('app_history', 'applications') }}),

renamed as (
    select
        ---------- ids
        id as application_id,
        client_id,
        member_id,
        opportunity_id,
        recommendation_id,
        current_stage_id,
        reject_reason_id,

        ---------- text and enums
        source,
        status,

        ---------- timestamps
        applied_at,
        hired_at,
        rejected_at,
        withdrawn_at,
        created_at,
        updated_at,
        deleted_at,

        {{ version_columns('id') }}
    from source_rows
)

select * from renamed
