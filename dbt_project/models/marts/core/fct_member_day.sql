with

events as (select * from {{ ref('fct_events') }}),

final as (
    select
        member_id,
        client_id,
        cast(count(*) as integer) as event_count,
        event_on as active_on,
        week_starts_on,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at
    from events
    where is_qualifying
    group by member_id, client_id, event_on, week_starts_on
)

select * from final
