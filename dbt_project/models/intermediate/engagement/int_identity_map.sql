{{ config(materialized='table') }}

with

ties as (select * from {{ ref('int_identity_ties') }}),

users as (select * from {{ ref('int_identity_users') }}),

persons as (      -- one row per id and person that it is claimed to be
    select
        ties.source,
        ties.id_kind,
        ties.known_id,
        users.person_user_id,
        count(*) as user_count,
        min(ties.least_client_id) as least_client_id,
        max(ties.greatest_client_id) as greatest_client_id,
        min(ties.first_seen_at) as first_seen_at,
        max(ties.last_seen_at) as last_seen_at
    from ties
    inner join users on ties.source = users.source and ties.user_id = users.user_id
    group by ties.source, ties.id_kind, ties.known_id, users.person_user_id
),

ids as (
    select
        source,
        id_kind,
        known_id,
        min(person_user_id) as person_user_id,
        count(*) as person_count,
        cast(sum(user_count) as bigint) as user_count,
        min(least_client_id) as least_client_id,
        max(greatest_client_id) as greatest_client_id,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from persons
    group by source, id_kind, known_id
),

final as (      -- a user id is its own person's; a device is somebody's only if it is nobody else's
    select
        ids.source,
        ids.id_kind,
        ids.known_id,
        case
            when ids.id_kind = 'user' then users.person_user_id
            when ids.person_count = 1 then ids.person_user_id
        end as user_id,
        case when ids.least_client_id = ids.greatest_client_id then ids.least_client_id end as client_id,
        ids.user_count,
        case
            when ids.id_kind = 'user' then ids.person_count - 1
            when ids.person_count > 1 then ids.person_count
            else 0
        end as conflict_count,
        ids.id_kind = 'device' and ids.person_count > 1 as is_shared,
        ids.first_seen_at,
        ids.last_seen_at
    from ids
    left join users
        on ids.id_kind = 'user' and ids.source = users.source and ids.known_id = users.user_id
)

select * from final
