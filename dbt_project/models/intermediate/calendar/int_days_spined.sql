{{ config(materialized='table') }}

with

spine as (
    {{ day_spine('2020-01-01', '2036-01-01') }}
),

days as (
    select cast(date_day as date) as date_on
    from spine
)

select * from days
