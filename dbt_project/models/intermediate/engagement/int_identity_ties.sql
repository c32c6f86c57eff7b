{{ config(materialized='table') }}

with

edges as (select * from {{ ref('int_identity_edges') }}),

real_edges as (
    select
        source,
        {{ real_id('known_id') }} as known_id,
        {{ real_id('user_id') }} as user_id,
        client_id,
        is_alias,
        first_seen_at,
        last_seen_at
    from edges
),

users as (
    select distinct
        source,
        user_id
    from real_edges
    where user_id is not null
),

claims as (      -- a former id is one of a user only if some call named it as one; else it was a device's
    select
        real_edges.source,
        real_edges.known_id,
        real_edges.user_id,
        case when real_edges.is_alias and users.user_id is not null then 'user' else 'device' end as id_kind,
        real_edges.client_id,
        real_edges.first_seen_at,
        real_edges.last_seen_at
    from real_edges
    left join users
        on real_edges.source = users.source and real_edges.known_id = users.user_id
    where real_edges.known_id is not null and real_edges.user_id is not null
    union all
    select
        source,
        user_id as known_id,
        user_id,
        'user' as id_kind,
        client_id,
        first_seen_at,
        last_seen_at
    from real_edges
    where user_id is not null
),

ties as (
    select
        source,
        known_id,
        user_id,
        id_kind,
        min(client_id) as least_client_id,
        max(client_id) as greatest_client_id,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from claims
    group by source, known_id, user_id, id_kind
)

select * from ties
