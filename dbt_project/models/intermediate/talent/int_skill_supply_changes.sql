{%- set levels, counts = skill_levels(), skill_counts() -%}
{{
    config(
        materialized=kept(),
        incremental_strategy='differences',
        on_schema_change='fail'
    )
}}

with

holdings as (select * from {{ ref('int_skill_holding_spans') }}),

demands as (select * from {{ ref('int_skill_demand_spans') }}),

-- Counts change where a span begins or ends: so days without any change cost nothing.
ends as (
    {%- for day, sign in [('asked_from_on', ''), ('asked_to_on', '-')] %}
    select
        client_id,
        skill_id,
        {{ day }} as changed_on,
        {{ sign }}1 as opportunity_count,
        {{ sign }}openings as seat_count,
        {{ sign }}openings * importance as weighted_seats_times_5,
        {{ sign }}openings * min_level as levels_times_seats,
        {%- for level in levels %}
        0 as holder_count_{{ level }},
        {%- endfor %}
        0 as holder_count
    from demands
    where {{ day }} is not null
    union all
    {%- endfor %}
    {%- for day, sign in [('held_from_on', ''), ('held_to_on', '-')] %}
    select
        client_id,
        skill_id,
        {{ day }} as changed_on,
        0 as opportunity_count,
        0 as seat_count,
        0 as weighted_seats_times_5,
        0 as levels_times_seats,
        {%- for level in levels %}
        case when level >= {{ level }} then {{ sign }}1 else 0 end as holder_count_{{ level }},
        {%- endfor %}
        {{ sign }}1 as holder_count
    from holdings
    where {{ day }} is not null
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
),

changes as (      -- one row per client, skill and day on which anything changed
    select
        client_id,
        skill_id,
        changed_on,
        {% for count in counts -%}
        cast(sum({{ count }}) as bigint) as {{ count }}{% if not loop.last %},{% endif %}
        {% endfor %}
    from ends
    group by client_id, skill_id, changed_on
),

told as (
    {{ told_differences('changes', ['client_id', 'skill_id', 'changed_on'], counts) }}
)

select * from told
