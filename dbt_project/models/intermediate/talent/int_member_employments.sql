{{ config(materialized='table') }}

with

versions as (select * from {{ ref('stg_app__members_history') }}),

known as (      -- one row per member: the newest version that tells anything
    select
        *,
        row_number() over (partition by member_id order by _position desc, _seq desc) as newness
    from versions
    where not is_deleted
),

employments as (
    select
        member_id,
        client_id,
        user_id,
        worker_type,
        row_number() over (
            partition by
                coalesce(cast(user_id as {{ type_name('text') }}), cast(member_id as {{ type_name('text') }}))
            order by hired_on, member_id
        ) > 1 as is_rehire,
        hired_on,
        terminated_on
    from known
    where newness = 1
)

select * from employments
