with

source_rows as (select * from {{ source('flux', 'quarantine') }}),

renamed as (
    select
        ---------- ids
        {{ surrogate_key(['consumer', 'source', 'position', 'reason', moment_text('noticed_at')]) }}
            as quarantine_id,

        ---------- text and enums
        consumer,
        source as source_table,
        position as source_position,
        reason,

        ---------- timestamps
        noticed_at as quarantined_at
    from source_rows
)

select * from renamed
