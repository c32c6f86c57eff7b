with

source as (select * from {{ source('app', 'audit_log_raw') }}),

-- The table has no key and may hold equal rows: equal ones are numbered to give each an id.
numbered as (
    select
        *,
        row_number() over (
            partition by "at", client_id, actor, action, entity, entity_id, cast(detail as text)
        ) as copy_number
    from source
),

renamed as (
    select
        ---------- ids
        {{ surrogate_key([
            '"at"', 'client_id', 'actor', 'action', 'entity', 'entity_id', 'detail', 'copy_number'
        ]) }} as audit_entry_id,
        client_id,
        actor as actor_user_id,

        ---------- text and enums
        action,
        entity,
        entity_id,

        ---------- lists and documents
        detail,

        ---------- timestamps
        "at" as acted_at
    from numbered
)

select * from renamed
