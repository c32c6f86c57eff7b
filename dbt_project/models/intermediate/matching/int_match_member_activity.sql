{{ config(materialized='table') }}

with

lists as (select * from {{ ref('int_match_lists') }}),

activities as (select * from {{ ref('int_match_activities') }}),

dated as (
    select
        *,
        cast(known_at as date) as known_on
    from activities
),

places as (
    {{ running_activities('dated', 'member_id', '_position', '_next_position') }}
),

days as (
    {{ running_activities('dated', 'member_id', 'known_on', 'next_known_on') }}
),

windows as (
    {{ windows_of('lists', ['list_id', 'member_id']) }}
),

at_requests as (      -- one row per list
    {{ pit_join('lists', 'places', keys=['member_id'], columns=activity_counts(), carried=['list_id']) }}
),

at_windows as (      -- one row per list and window
    {{ pit_join(
        'windows', 'days', keys=['member_id'], columns=activity_counts(), carried=['list_id', 'window_days'],
        at='window_on', since='known_on', until='next_known_on'
    ) }}
),

before_windows as (
    {{ sums_before_windows('at_windows', ['list_id']) }}
),

member_activity as (
    select
        at_requests.*,
        {%- for activity in counted_activities() %}
        {%- for days in activity_windows() %}
        {%- set column = activity ~ '_count_before_' ~ days ~ 'd' %}
        before_windows.{{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from at_requests
    inner join before_windows on at_requests.list_id = before_windows.list_id
)

select * from member_activity
