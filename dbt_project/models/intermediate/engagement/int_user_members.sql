{{ config(materialized='table') }}

with

versions as (select * from {{ ref('stg_app__members_history') }}),

-- A login may change its id, and a person may be hired again.
pairs as (      -- one row per login ever seen and member
    select
        cast(user_id as text) as user_id,
        member_id,
        client_id,
        min(hired_on) as hired_on
    from versions
    where user_id is not null
    group by user_id, member_id, client_id
),

spans as (
    select
        user_id,
        member_id,
        client_id,
        row_number() over employment_order as employment_number,
        hired_on,
        lead(hired_on) over employment_order as next_hired_on
    from pairs
    window employment_order as (partition by user_id order by hired_on, member_id)
)

select * from spans
