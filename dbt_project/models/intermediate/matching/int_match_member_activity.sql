{{ config(materialized='table') }}

with

lists as (select * from {{ ref('int_match_lists') }}),

activities as (select * from {{ ref('int_match_activities') }}),

dated as (
    select
        *,
        {{ utc_day('known_at') }} as known_on
    from activities
    {{ of_told('member_id', 'lists') }}
),

places as (
    {{ running_activities('dated', 'member_id', '_position', '_next_position') }}
),

member_days as (
    select distinct
        member_id,
        requested_on
    from lists
),

windows as (      -- one row per member and day of requests
    {{ sums_before_windows('member_days', 'dated', 'member_id') }}
),

at_requests as (      -- one row per list
    {{ pit_join(
        'lists', 'places', keys=['member_id'], columns=activity_counts(),
        carried=['list_id', 'member_id', 'requested_on']
    ) }}
),

member_activity as (
    select
        at_requests.list_id,
        {%- for column in activity_counts() %}
        at_requests.{{ column }},
        {%- endfor %}
        {%- for activity in counted_activities() %}
        {%- for days in activity_windows() %}
        {%- set column = activity ~ '_count_before_' ~ days ~ 'd' %}
        windows.{{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from at_requests
    inner join windows
        on
            at_requests.member_id = windows.member_id
            and at_requests.requested_on = windows.requested_on
),

counted as (
    select
        list_id,
        {%- for column in activity_counts() %}
        {{ column }},
        {%- endfor %}
        {%- for activity in counted_activities() %}
        {%- for days in activity_windows() %}
        {{ activity }}_count_before_{{ days }}d,
        cast(
            coalesce({{ activity }}_count, 0) - {{ activity }}_count_before_{{ days }}d as integer
        ) as member_{{ activity }}s_{{ days }}d,
        {%- endfor %}
        cast(coalesce({{ activity }}_count, 0) as integer)
            as member_{{ activity }}s{% if not loop.last %},{% endif %}
        {%- endfor %}
    from member_activity
),

rated as (
    select
        *,
        {{ rounded_ratio('member_applications_90d', 'member_impressions_90d', 6) }}
            as member_application_rate_90d,
        {{ rounded_ratio('member_clicks_90d', 'member_impressions_90d', 6) }} as member_click_rate_90d
    from counted
)

select * from rated
