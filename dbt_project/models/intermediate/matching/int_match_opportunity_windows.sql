{{ config(materialized='table') }}

with

lists as (select * from {{ ref('int_match_lists') }}),

sights as (select * from {{ ref('int_match_sights') }}),

draws as (select * from {{ ref('int_match_draws') }}),

activities as (select * from {{ ref('int_match_activities') }}),

dated as (
    select
        *,
        cast(known_at as date) as known_on
    from activities
),

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

days as (
    {{ running_activities('dated', 'opportunity_id', 'known_on', 'next_known_on') }}
),

windows as (
    {{ windows_of('opportunity_days', ['opportunity_id', 'requested_on']) }}
),

at_windows as (      -- one row per opportunity, day of requests and window
    {{ pit_join(
        'windows', 'days', keys=['opportunity_id'], columns=activity_counts(),
        carried=['opportunity_id', 'requested_on', 'window_days'],
        at='window_on', since='known_on', until='next_known_on'
    ) }}
),

opportunity_windows as (
    {{ sums_before_windows('at_windows', ['opportunity_id', 'requested_on']) }}
)

select * from opportunity_windows
