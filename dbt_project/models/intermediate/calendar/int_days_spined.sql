{{ config(materialized='table') }}

with

spine as (
    {{ day_spine(var('calendar_from'), var('calendar_to')) }}
),

days as (
    select cast(date_day as date) as date_on
    from spine
)

select * from days
