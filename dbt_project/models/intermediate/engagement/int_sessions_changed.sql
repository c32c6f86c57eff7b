{%- set feeds = [
    'model.int_logins_followed', 'segment.tracks', 'segment.pages', 'app_history.clients'
] -%}
{{ config(materialized='table', meta={'feeds': feeds, 'of_list': 'int_events_changed'}) }}
{%- set since = list_since(feeds) -%}

with

changed as (select * from {{ ref('int_events_changed') }}),

events as (select * from {{ ref('fct_events') }}),

held as (      -- sessions as they were told before
    {{ held_by('fct_sessions', {
        'session_id': 'text', 'member_id': 'bigint', 'started_at': 'timestamptz', 'ended_at': 'timestamptz'
    }, since) }}
),

places as (      -- where a changed event is now, and where it was
    select
        member_id,
        event_at
    from events
    where {{ 'false' if since is none else 'true' }} and event_id in (select changed.event_id from changed)
    union all
    select
        was_member_id as member_id,
        was_at as event_at
    from changed
    where {{ 'false' if since is none else 'true' }} and was_member_id is not null
),

-- What is farther from all of them than a session's pause stays as it is.
-- One row per session with a changed event in it or beside it, and per such event outside of all.
stretches as (
    select
        held.session_id,
        held.member_id,
        held.started_at as from_at,
        held.ended_at as to_at
    from held
    inner join places
        on
            held.member_id = places.member_id
            and places.event_at < {{ later('held.ended_at', var('session_gap_minutes'), 'minute') }}
            and held.started_at < {{ later('places.event_at', var('session_gap_minutes'), 'minute') }}
    union all
    select
        cast(null as {{ type_name('text') }}) as session_id,
        places.member_id,
        places.event_at as from_at,
        places.event_at as to_at
    from places
    left join held
        on
            places.member_id = held.member_id
            and places.event_at >= held.started_at
            and places.event_at <= held.ended_at
    where held.session_id is null
),

final as (
    select
        max(session_id) as session_id,
        member_id,
        from_at,
        max(to_at) as to_at
    from stretches
    group by member_id, from_at
)

select * from final
