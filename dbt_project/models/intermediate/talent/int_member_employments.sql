{{ config(materialized='table') }}

with

versions as (select * from {{ ref('stg_app__members_history') }}),

known as (      -- one row per member and first day of work: the newest version that tells it
    select
        *,
        row_number() over (
            partition by member_id, hired_on order by _position desc, _seq desc
        ) as newness_of_day,
        row_number() over (partition by member_id order by _position desc, _seq desc) as newness,
        first_value(user_id) over (partition by member_id order by _position desc, _seq desc)
            as newest_user_id
    from versions
    where not is_deleted
),

told as (
    select
        *,
        lead(hired_on) over (partition by member_id order by newness desc) as told_next_hired_on
    from known
    where newness_of_day = 1
),

employments as (
    select
        member_id,
        client_id,
        newest_user_id as user_id,
        worker_type,
        row_number() over (
            partition by
                coalesce(
                    cast(newest_user_id as {{ type_name('text') }}),
                    cast(member_id as {{ type_name('text') }})
                )
            order by hired_on, member_id
        ) > 1 as is_rehire,
        newness = 1 as is_newest,
        hired_on,
        terminated_on
    from told
    -- A first day told anew is a correction, unless the work had ended before: then who left came back.
    where newness = 1 or terminated_on < told_next_hired_on
)

select * from employments
