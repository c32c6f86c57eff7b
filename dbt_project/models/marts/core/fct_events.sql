{{
    config(
        materialized=kept(),
        incremental_strategy='changed_keys',
        unique_key='event_id',
        on_schema_change='fail'
    )
}}

with

every_track as (select * from {{ ref('stg_segment__tracks') }}),

every_page as (select * from {{ ref('stg_segment__pages') }}),

every_login as (select * from {{ ref('int_logins_followed') }}),

clients as (select * from {{ ref('int_clients_zoned') }}),

changed as (select * from {{ ref('int_events_changed') }}),

tracks as (      -- those to be told again; all in a full build
    {{ to_be_told('every_track', 'event_id') }}
),

pages as (
    {{ to_be_told('every_page', 'event_id') }}
),

logins as (      -- as they are known now
    {{ told_now('every_login', ['id_kind', 'known_id', 'member_id']) }}
),

calls as (      -- one row per page view or action of a person; what servers send is left out
    select
        event_id,
        {{ real_id('user_id') }} as user_id,
        anonymous_id,
        event,
        event_at
    from tracks
    where event not in ('application_stage_changed', 'notification_sent')
    union all
    select
        event_id,
        {{ real_id('user_id') }} as user_id,
        anonymous_id,
        'page' as event,
        event_at
    from pages
),

followed as (      -- by the login, else by the device
    select
        event_id,
        case when user_id is null then 'device' else 'user' end as id_kind,
        coalesce(user_id, anonymous_id) as known_id,
        event,
        event_at
    from calls
),

member_events as (
    select
        followed.event_id,
        logins.client_id,
        logins.member_id,
        followed.event,
        -- Mail programs open messages by themselves.
        followed.event <> 'notification_opened' as is_qualifying,
        {{ tenant_day('followed.event_at', 'clients.time_zone') }} as event_on,
        followed.event_at
    from followed
    inner join logins
        on
            followed.id_kind = logins.id_kind
            and followed.known_id = logins.known_id
            and (logins.from_on is null or cast(followed.event_at as date) >= logins.from_on)
            and (logins.to_on is null or cast(followed.event_at as date) < logins.to_on)
    inner join clients on logins.client_id = clients.client_id
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
