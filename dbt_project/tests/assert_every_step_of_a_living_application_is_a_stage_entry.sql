-- The log of steps and the fact agree: each step of an application that lives is one entry,
-- and no entry is anything else.
with

steps as (
    select *
    from {{ checked_rows(ref('stg_app__application_stage_events'), of=ref('fct_application_stages')) }}
),

applications as (select * from {{ ref('stg_app__applications') }}),

totals as (
    select
        (
            select count(*)
            from steps
            inner join applications on steps.application_id = applications.application_id
            where applications.deleted_at is null
        ) as step_count,
        (select count(*) from {{ checked_rows(ref('fct_application_stages')) }}) as entry_count
)

select *
from totals
where step_count <> entry_count
