{{ config(materialized='table') }}

with

versions as (select * from {{ ref('stg_app__members_history') }}),

-- A login may change its id, and a person may be hired again.
pairs as (      -- one row per login ever seen and member
    select
        cast(versions.user_id as {{ type_name('text') }}) as user_id,
        versions.member_id,
        versions.client_id,
        min(versions.hired_on) as hired_on
    from versions
    where versions.user_id is not null
    group by versions.user_id, versions.member_id, versions.client_id
),

spans as (
    select
        user_id,
        member_id,
        client_id,
        row_number() over (partition by user_id order by hired_on, member_id) as employment_number,
        hired_on,
        lead(hired_on) over (partition by user_id order by hired_on, member_id) as next_hired_on
    from pairs
)

select * from spans
