with

events as (select * from {{ ref('int_member_events') }}),

final as (
    select
        event_id,
        client_id,
        member_id,
        event,
        is_qualifying,
        event_on,
        {{ week_of('event_on') }} as week_starts_on,
        event_at
    from events
)

select * from final
