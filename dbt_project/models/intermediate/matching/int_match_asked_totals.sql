{{ config(materialized='table') }}

with

asked_skills as (select * from {{ ref('stg_app__opportunity_skills_history') }}),

asked as (
    select
        opportunity_id,
        importance,
        min_level,
        importance * case when is_required then 2 else 1 end as weight,
        case when is_required then 1 else 0 end as required_count,
        _position,
        _next_position
    from asked_skills
    where not is_deleted
),

moves as (      -- a version adds where it begins, and takes away where it ends: no version meets another one
    {%- for place, sign in [('_position', 1), ('_next_position', -1)] %}
    select
        opportunity_id,
        {{ sign }} as asked_count,
        {{ sign }} * required_count as required_count,
        {{ sign }} * min_level as level_count,
        {{ sign }} * importance as importance,
        {{ sign }} * weight as weight,
        {{ place }} as _position
    from asked
    where {{ place }} is not null
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

moved as (      -- one row per opportunity and place
    select
        opportunity_id,
        sum(asked_count) as asked_count,
        sum(required_count) as required_count,
        sum(level_count) as level_count,
        sum(importance) as importance,
        sum(weight) as weight,
        _position
    from moves
    group by opportunity_id, _position
),

asked_totals as (      -- what was asked for from there on
    select
        opportunity_id,
        {%- for sum, name in [
            ('asked_count', 'asked_count'), ('required_count', 'required_count'), ('level_count', 'asked_level_count'),
            ('importance', 'asked_importance'), ('weight', 'asked_weight')
        ] %}
        cast(
            sum({{ sum }}) over (
                partition by opportunity_id
                order by _position
                rows between unbounded preceding and current row
            ) as bigint
        ) as {{ name }},
        {%- endfor %}
        _position,
        lead(_position) over (partition by opportunity_id order by _position) as _next_position
    from moved
)

select * from asked_totals
