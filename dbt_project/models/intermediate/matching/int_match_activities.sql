{{ config(materialized='table') }}

with

applications as (select * from {{ ref('int_applications_made') }}),

impression_versions as (select * from {{ ref('stg_app__match_impressions_history') }}),

save_versions as (select * from {{ ref('stg_app__saved_items_history') }}),

feedback_versions as (select * from {{ ref('stg_app__match_feedback_history') }}),

clicks as (select * from {{ ref('int_match_clicks') }}),

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
