{{ config(materialized='table') }}
{%- set counted = ['impression', 'click', 'save', 'dismissal', 'application'] %}
{#- Not a named window: Snowflake has none. #}
{%- set until_now = 'range between unbounded preceding and current row' %}
{%- set so_far = 'partition by member_id, opportunity_id order by _position ' ~ until_now %}

with

lists as (select * from {{ ref('int_match_lists') }}),

activities as (select * from {{ ref('int_match_activities') }}),

told as (      -- one row per activity
    select
        member_id,
        opportunity_id,
        {%- for activity in counted %}
        case when activity = '{{ activity }}' then 1 else 0 end as {{ activity }}_count,
        {%- endfor %}
        case when activity = 'impression' then known_at end as shown_at,
        _position
    from activities
    {{ of_told('member_id', 'lists') }}
),

pairs as (
    select
        member_id,
        opportunity_id,
        count(*) as activity_count
    from told
    group by member_id, opportunity_id
),

-- Most pairs have one activity, of which no sort tells more.
alone as (
    select told.*
    from told
    inner join pairs on told.member_id = pairs.member_id and told.opportunity_id = pairs.opportunity_id
    where pairs.activity_count = 1
),

several as (
    select told.*
    from told
    inner join pairs on told.member_id = pairs.member_id and told.opportunity_id = pairs.opportunity_id
    where pairs.activity_count > 1
),

summed as (      -- one row per activity of these; of one place each has all
    select
        member_id,
        opportunity_id,
        {%- for activity in counted %}
        sum({{ activity }}_count) over ({{ so_far }}) as {{ activity }}_count,
        {%- endfor %}
        max(shown_at) over ({{ so_far }}) as last_shown_at,
        _position,
        lead(_position) over (partition by member_id, opportunity_id order by _position) as _next_position
    from several
),

pair_counts as (      -- what was known of the pair from there on
    {%- for relation, shown_at, next_position in [
        ('alone', 'shown_at', 'null'), ('summed', 'last_shown_at', '_next_position')
    ] %}
    select
        member_id,
        opportunity_id,
        {%- for activity in counted %}
        cast({{ activity }}_count as bigint) as {{ activity }}_count,
        {%- endfor %}
        {{ shown_at }} as last_shown_at,
        _position,
        {{ next_position }} as _next_position
    from {{ relation }}
    {%- if not loop.last %}
    union all
    {%- else %}
    where _next_position is null or _next_position > _position
    {%- endif %}
    {%- endfor %}
)

select * from pair_counts
