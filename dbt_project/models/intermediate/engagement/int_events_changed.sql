{%- set feeds = [
    'model.int_logins_followed', 'segment.tracks', 'segment.pages', 'app_history.clients'
] -%}
{{ config(materialized='table', meta={'feeds': feeds}) }}
{%- set since = list_since(feeds) -%}

with

logins as (select * from {{ ref('int_logins_followed') }}),

tracks as (select * from {{ ref('stg_segment__tracks') }}),

pages as (select * from {{ ref('stg_segment__pages') }}),

client_versions as (
    {{ versions_of_changed('clients', since, ['settings']) }}
),

concerned as (      -- one row per login or device that leads to others now, or to a client with another clock
    select distinct
        id_kind,
        known_id
    from logins
    where
        {{ loaded_after('model.int_logins_followed', since) }}
        or client_id in (select client_versions.id from client_versions)
),

held as (      -- events as they were told before
    {{ held_by('fct_events', {'event_id': 'text', 'member_id': 'bigint', 'event_at': 'timestamptz'}, since) }}
),

changed as (
    {%- for calls in ['tracks', 'pages'] %}
    select event_id
    from {{ calls }}
    where
        {{ loaded_after('segment.' ~ calls, since, 'loaded_at') }}
        or {{ leads_elsewhere('concerned') }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

final as (
    select
        changed.event_id,
        held.member_id as was_member_id,
        held.event_at as was_at
    from changed
    left join held on changed.event_id = held.event_id
)

select * from final
