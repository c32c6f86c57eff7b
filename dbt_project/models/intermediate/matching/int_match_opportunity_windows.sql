{{ config(materialized='table') }}

with

lists as (select * from {{ ref('int_match_lists') }}),

sights as (select * from {{ ref('int_match_sights') }}),

draws as (select * from {{ ref('int_match_draws') }}),

activities as (select * from {{ ref('int_match_activities') }}),

opportunity_days as (
    select
        sights.opportunity_id,
        lists.requested_on
    from sights
    inner join lists on sights.request_id = lists.request_id
    union distinct
    select
        draws.opportunity_id,
        lists.requested_on
    from draws
    inner join lists on draws.list_id = lists.list_id
),

dated as (
    select
        *,
        {{ utc_day('known_at') }} as known_on
    from activities
    {{ of_told('opportunity_id', 'opportunity_days') }}
),

opportunity_windows as (
    {{ sums_before_windows('opportunity_days', 'dated', 'opportunity_id') }}
)

select * from opportunity_windows
