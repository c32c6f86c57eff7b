{{ config(materialized='table') }}

with

activities as (select * from {{ ref('int_match_activities') }}),

placed as (      -- one row per member, opportunity and place at which something of theirs became known
    select
        member_id,
        opportunity_id,
        _position,
        sum(case when activity = 'impression' then 1 else 0 end) as impression_count,
        sum(case when activity = 'click' then 1 else 0 end) as click_count,
        sum(case when activity = 'save' then 1 else 0 end) as save_count,
        sum(case when activity = 'dismissal' then 1 else 0 end) as dismissal_count,
        sum(case when activity = 'application' then 1 else 0 end) as application_count,
        max(case when activity = 'impression' then known_at end) as shown_at
    from activities
    group by member_id, opportunity_id, _position
),

pair_counts as (      -- what was known of the pair from there on
    select
        member_id,
        opportunity_id,
        {%- for activity in ['impression', 'click', 'save', 'dismissal', 'application'] %}
        cast(
            sum({{ activity }}_count) over (
                partition by member_id, opportunity_id
                order by _position
                rows between unbounded preceding and current row
            ) as bigint
        ) as {{ activity }}_count,
        {%- endfor %}
        max(shown_at) over (
            partition by member_id, opportunity_id
            order by _position
            rows between unbounded preceding and current row
        ) as last_shown_at,
        _position,
        lead(_position) over (partition by member_id, opportunity_id order by _position) as _next_position
    from placed
)

select * from pair_counts
