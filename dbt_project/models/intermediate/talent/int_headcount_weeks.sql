{{ config(materialized='table') }}

with

weeks as (select * from {{ ref('int_client_weeks') }}),

employments as (select * from {{ ref('int_member_employments') }}),

headcounts as (
    select
        weeks.client_id,
        weeks.week_starts_on,
        count(employments.member_id) as member_count
    from weeks
    left join employments
        on
            weeks.client_id = employments.client_id
            and weeks.as_of_on >= employments.hired_on
            and (employments.terminated_on is null or weeks.as_of_on <= employments.terminated_on)
    group by weeks.client_id, weeks.week_starts_on
)

select * from headcounts
