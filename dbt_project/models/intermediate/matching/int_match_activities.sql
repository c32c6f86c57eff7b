{{
    config(
        materialized=kept(),
        incremental_strategy='new_activities',
        on_schema_change='fail',
        pre_hook="{{ made_for_this_list() }}"
    )
}}

with

every_application as (select * from {{ ref('int_applications_made') }}),

every_impression as (select * from {{ ref('stg_app__match_impressions_history') }}),

every_save as (select * from {{ ref('stg_app__saved_items_history') }}),

every_feedback as (select * from {{ ref('stg_app__match_feedback_history') }}),

every_click as (select * from {{ ref('int_match_clicks') }}),

changed as (select * from {{ ref('int_match_requests_changed') }}),

-- As first committed none changes, so only what is not held yet is told; all in a full build.
applications as (
    {{ not_held_yet('every_application', 'application_id', 'application') }}
),

impression_versions as (
    {{ not_held_yet('every_impression', 'impression_id', 'impression') }}
),

save_versions as (
    {{ not_held_yet('every_save', 'saved_item_id', 'save') }}
),

feedback_versions as (
    {{ not_held_yet('every_feedback', 'feedback_id', 'dismissal') }}
),

clicks as (
    {{ not_held_yet('every_click', 'event_id', 'click', 'event_id') }}
),

impressions as (
    {{ as_first_committed('impression_versions', 'impression_id', 'shown_at') }}
),

saves as (
    {{ as_first_committed('save_versions', 'saved_item_id', 'saved_at') }}
),

feedback as (
    {{ as_first_committed('feedback_versions', 'feedback_id', 'created_at') }}
),

committed as (
    {%- for activity, relation, key in [
        ('application', 'applications', 'application_id'),
        ('impression', 'impressions', 'impression_id'),
        ('save', 'saves', 'saved_item_id'),
        ('dismissal', 'feedback', 'feedback_id'),
    ] %}
    select
        '{{ activity }}' as activity,
        {{ key }} as source_id,
        '' as event_id,
        member_id,
        opportunity_id,
        known_at,
        case
            when is_left_censored then {{ place_before_log('known_at') }}
            else cast(_position as {{ type_name('numeric(38,0)') }})
        end as _position
    from {{ relation }}
    {%- if activity == 'dismissal' %}
    where feedback_kind in ('dismiss', 'not_interested', 'thumbs_down')
    {%- endif %}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

activities as (      -- one row per activity of anybody, with its place in the order of what became known
    select * from committed
    union all
    select
        'click' as activity,
        0 as source_id,
        event_id,
        member_id,
        opportunity_id,
        known_at,
        _position
    from clicks
)

select * from activities
