{{ config(materialized='table') }}

with recursive

ties as (select * from {{ ref('int_identity_ties') }}),

users as (
    select * from ties
    where id_kind = 'user' and known_id = user_id
),

counted_aliases as (      -- one row per former user id and the user it became
    select
        source,
        known_id,
        user_id,
        count(*) over (partition by source, known_id) as user_count,
        count(*) over (partition by source, user_id) as former_count
    from ties
    where id_kind = 'user' and known_id <> user_id
),

aliases as (
    select * from counted_aliases
    where
        user_count <= {{ var('identity_users_per_id') }}
        and former_count <= {{ var('identity_former_ids_per_user') }}
),

{{ least_joined('alias', 'aliases') }},

logins as (      -- one row per user id; those that aliases join share login_id
    select
        users.source,
        users.user_id,
        coalesce(min(alias_walks.least_id), users.user_id) as login_id
    from users
    left join alias_walks
        on users.source = alias_walks.source and users.user_id = alias_walks.user_id
    group by users.source, users.user_id
),

device_logins as (
    select distinct
        ties.source,
        ties.known_id,
        logins.login_id
    from ties
    inner join logins on ties.source = logins.source and ties.user_id = logins.user_id
    where ties.id_kind = 'device'
),

devices as (
    select
        source,
        known_id,
        min(login_id) as login_id,
        count(*) as login_count
    from device_logins
    group by source, known_id
),

device_links as (      -- a device of several users joins these, up to the cap
    select distinct
        devices.source,
        devices.login_id as known_id,
        device_logins.login_id as user_id
    from devices
    inner join device_logins
        on
            devices.source = device_logins.source
            and devices.known_id = device_logins.known_id
            and devices.login_id <> device_logins.login_id
    where devices.login_count <= {{ var('identity_users_per_id') }}
),

{{ least_joined('device', 'device_links') }},

joined as (      -- one row per user id; those that are joined share person_id
    select
        logins.source,
        logins.user_id,
        coalesce(min(device_walks.least_id), logins.login_id) as person_id
    from logins
    left join device_walks
        on logins.source = device_walks.source and logins.login_id = device_walks.user_id
    group by logins.source, logins.user_id, logins.login_id
),

clients as (
    select
        joined.source,
        joined.person_id,
        min(ties.least_client_id) as least_client_id,
        max(ties.greatest_client_id) as greatest_client_id
    from joined
    inner join ties on joined.source = ties.source and joined.user_id = ties.user_id
    group by joined.source, joined.person_id
),

formers as (
    select distinct
        source,
        known_id
    from aliases
),

persons as (      -- users of two clients are never one person
    select
        users.source,
        users.user_id,
        case
            when clients.least_client_id <> clients.greatest_client_id then users.user_id
            else joined.person_id
        end as person_id,
        users.first_seen_at,
        formers.known_id is not null as is_former
    from users
    left join formers on users.source = formers.source and users.user_id = formers.known_id
    inner join joined on users.source = joined.source and users.user_id = joined.user_id
    inner join clients on joined.source = clients.source and joined.person_id = clients.person_id
),

final as (      -- a person goes by the id that no alias leads away from, the newest of these
    select
        source,
        user_id,
        first_value(user_id) over (
            partition by source, person_id
            order by is_former asc, first_seen_at desc, {{ md5_of('user_id') }} asc
        ) as person_user_id
    from persons
)

select * from final
