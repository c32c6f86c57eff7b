with

source as (select * from {{ source('app_history', 'application_stage_events') }}),

renamed as (
    select
        ---------- ids
        id as application_stage_event_id,
        client_id,
        application_id,
        from_stage_id,
        to_stage_id,
        moved_by as moved_by_user_id,

        ---------- timestamps
        moved_at,

        {{ version_columns('id') }}
    from source
)

select * from renamed
