{{
    config(
        materialized=kept(),
        incremental_strategy='differences',
        on_schema_change='fail'
    )
}}

with

identities as (select * from {{ ref('int_identity_map') }}),

user_members as (select * from {{ ref('int_user_members') }}),

employments as (      -- one row per login and member that it was, for calls from one day to another
    select
        user_id,
        member_id,
        client_id,
        case when employment_number > 1 then hired_on end as from_on,
        next_hired_on as to_on
    from user_members
),

logins as (
    select
        'user' as id_kind,
        user_id as known_id,
        member_id,
        client_id,
        from_on,
        to_on
    from employments
    union all
    select
        'device' as id_kind,
        identities.known_id,
        employments.member_id,
        employments.client_id,
        employments.from_on,
        employments.to_on
    from identities
    inner join employments on identities.user_id = employments.user_id
    where identities.source = 'default' and identities.id_kind = 'device'
),

told as (
    {{ told_differences(
        'logins', ['id_kind', 'known_id', 'member_id'], values=['client_id', 'from_on', 'to_on']
    ) }}
)

select * from told
