with

source as (select * from {{ source('app', 'audit_log_raw') }}),

-- The table has no key and may hold equal rows: equal ones are numbered to give each an id.
numbered as (
    select
        source.*,
        source.at as acted_at,
        row_number() over (
            partition by
                source.at, source.client_id, source.actor, source.action, source.entity, source.entity_id,
                {{ json_text('source.detail') }}
        ) as copy_number
    from source
),

renamed as (
    select
        ---------- ids
        {{ surrogate_key([
            moment_text('acted_at'), 'client_id', 'actor', 'action', 'entity', 'entity_id', json_text('detail'),
            'copy_number'
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
        acted_at
    from numbered
)

select * from renamed
