with

tracks as (select * from {{ ref('stg_segment__tracks') }}),

pages as (select * from {{ ref('stg_segment__pages') }}),

identities as (select * from {{ ref('int_identity_map') }}),

user_members as (select * from {{ ref('int_user_members') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

calls as (      -- one row per page view or action of a person; what servers send is left out
    select
        event_id,
        user_id,
        anonymous_id,
        event,
        event_at
    from tracks
    where event not in ('application_stage_changed', 'notification_sent')
    union all
    select
        event_id,
        user_id,
        anonymous_id,
        'page' as event,
        event_at
    from pages
),

stitched as (
    select
        calls.event_id,
        calls.event,
        calls.event_at,
        coalesce({{ real_id('calls.user_id') }}, identities.user_id) as user_id
    from calls
    left join identities
        on
            identities.source = 'default'
            and identities.id_kind = 'device'
            and calls.anonymous_id = identities.known_id
),

member_events as (
    select
        stitched.event_id,
        user_members.client_id,
        user_members.member_id,
        stitched.event,
        -- Mail programs open messages by themselves.
        stitched.event <> 'notification_opened' as is_qualifying,
        {{ tenant_day('stitched.event_at', 'clients.time_zone') }} as event_on,
        stitched.event_at
    from stitched
    inner join user_members
        on
            stitched.user_id = user_members.user_id
            and (
                user_members.employment_number = 1
                or cast(stitched.event_at as date) >= user_members.hired_on
            )
            and (
                user_members.next_hired_on is null
                or cast(stitched.event_at as date) < user_members.next_hired_on
            )
    inner join clients on user_members.client_id = clients.client_id
),

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
    from member_events
)

select * from final
